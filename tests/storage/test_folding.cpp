// SPDX-License-Identifier: MIT
#include "storage/database.h"
#include "storage/folding.h"

#include <QTemporaryDir>
#include <QTest>

#include <string>

using namespace storage;

class TestFolding : public QObject
{
    Q_OBJECT

private slots:
    void decodes_valid_text_and_replaces_the_rest()
    {
        const auto all = [](std::string_view text) {
            std::u32string characters;
            for (Decoded next; !text.empty(); text.remove_prefix(next.length)) {
                next = decode(text);
                characters += next.character;
            }
            return characters;
        };
        QVERIFY(all("aé北😀") == U"aé北😀");
        QVERIFY(all(std::string_view("a\0b", 3)) == std::u32string(U"a\0b", 3));
        QVERIFY(all("\xC3") == U"\uFFFD");
        QVERIFY(all("\xE5\x8C") == U"\uFFFD\uFFFD");
        QVERIFY(all("\xC0\xAF") == U"\uFFFD\uFFFD");                     // too long a form
        QVERIFY(all("\xED\xA0\x80") == U"\uFFFD\uFFFD\uFFFD");           // half of a surrogate pair
        QVERIFY(all("\xF4\x90\x80\x80") == U"\uFFFD\uFFFD\uFFFD\uFFFD"); // beyond Unicode
        QVERIFY(all("\xFFx") == U"\uFFFDx");
    }

    void folds_case_and_keeps_places()
    {
        QTemporaryDir directory;
        Connection database(directory.filePath(QStringLiteral("db")).toStdString(),
                            Connection::Mode::read_write);
        const std::string text = "AbÄЖ北😀Σ";
        std::u32string folded;
        std::string rebuilt;
        for (const FoldedCharacter& character : database.folder().fold(text)) {
            folded += character.folded;
            rebuilt += text.substr(character.begin, character.end - character.begin);
        }
        QVERIFY(folded == U"abäж北😀σ");
        QCOMPARE(rebuilt, text);
        QVERIFY(database.folder().fold("").empty());
        QCOMPARE(database.folder().fold("x").size(), std::size_t(1));
    }

    void survives_any_bytes()
    {
        QTemporaryDir directory;
        Connection database(directory.filePath(QStringLiteral("db")).toStdString(),
                            Connection::Mode::read_write);
        for (int first = 0; first < 256; ++first) {
            for (int second = 0; second < 256; second += 5) {
                const std::string text{static_cast<char>(first), static_cast<char>(second), 'x',
                                       static_cast<char>(first)};
                for (const FoldedCharacter& character : database.folder().fold(text))
                    QVERIFY(character.begin < character.end && character.end <= text.size());
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestFolding)
#include "test_folding.moc"
