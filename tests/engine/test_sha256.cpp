// SPDX-License-Identifier: MIT
// The examples of FIPS 180-4, and every way of cutting a text into pieces.
#include "engine/format/sha256.h"

#include <QCryptographicHash>
#include <QTest>

#include <random>
#include <string>

using engine::format::Sha256;

namespace {

std::span<const std::byte> bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hash(std::string_view text, Sha256::Instructions instructions)
{
    Sha256 sha(instructions);
    sha.add(bytes_of(text));
    return sha.finish();
}

// Both ways have to agree.
std::string hash(std::string_view text)
{
    const std::string portable = hash(text, Sha256::Instructions::portable);
    return hash(text, Sha256::Instructions::best) == portable ? portable : "two different hashes";
}

} // namespace

class TestSha256 : public QObject
{
    Q_OBJECT

private slots:
    void examples()
    {
        QCOMPARE(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        QCOMPARE(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        QCOMPARE(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        QCOMPARE(hash(std::string(1'000'000, 'a')),
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }

    // Every length around the ends of blocks, against Qt's.
    void lengths()
    {
        std::mt19937 random(1);
        std::string text;
        for (int length = 0; length < 260; ++length) {
            const QByteArray expected =
                QCryptographicHash::hash(QByteArray::fromStdString(text), QCryptographicHash::Sha256).toHex();
            QCOMPARE(hash(text), expected.toStdString());
            text += static_cast<char>(random());
        }
    }

    void pieces()
    {
        std::mt19937 random(2);
        std::string text(5000, ' ');
        for (char& c : text)
            c = static_cast<char>(random());
        const std::string expected = hash(text);
        for (int round = 0; round < 200; ++round) {
            Sha256 sha;
            for (std::size_t at = 0; at < text.size();) {
                const std::size_t length = std::min<std::size_t>(random() % 150, text.size() - at);
                sha.add(bytes_of(text).subspan(at, length));
                at += length;
            }
            QCOMPARE(sha.finish(), expected);
        }
    }
};

QTEST_APPLESS_MAIN(TestSha256)
#include "test_sha256.moc"
