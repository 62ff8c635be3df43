// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/format/mapped_file.h"

#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

#include <fstream>

using namespace engine;
using namespace engine::format;
namespace fs = std::filesystem;

class TestMappedFile : public QObject
{
    Q_OBJECT

private slots:
    void mapsAFile();
    void refusesWhatIsNoFile();
    void noticesChanges();
    void survivesAFileThatShrinks();
};

static void write(const fs::path& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

void TestMappedFile::mapsAFile()
{
    QTemporaryDir folder;
    const fs::path path = fs::path(folder.path().toStdString()) / "file";
    write(path, "content");
    MappedFile file(path);
    QCOMPARE(file.text(), std::string_view("content"));
    QCOMPARE(file.size(), std::size_t{7});
    QCOMPARE(file.path(), path.string());
    QCOMPARE(file.identity().size, std::uint64_t{7});
    file.advise(file.bytes().subspan(3), MappedFile::Advice::will_need);
    file.advise({}, MappedFile::Advice::random);
    const std::byte* data = file.bytes().data();
    MappedFile moved = std::move(file);
    QCOMPARE(moved.bytes().data(), data); // views into a mapping outlive a move of its owner
    QCOMPARE(moved.text(), std::string_view("content"));
    moved = MappedFile(path);
    QCOMPARE(moved.text(), std::string_view("content"));
    moved.check();
}

void TestMappedFile::refusesWhatIsNoFile()
{
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder}, Error);
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder / "none"}, Error);
    QVERIFY_EXCEPTION_THROWN(MappedFile{"/dev/zero"}, Error);
    write(folder / "empty", "");
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder / "empty"}, Error);
    QCOMPARE(mkfifo((folder / "pipe").c_str(), 0600), 0);
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder / "pipe"}, Error); // without waiting for a writer
    fs::create_symlink("loop", folder / "loop");
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder / "loop"}, Error);
    fs::create_symlink("nowhere", folder / "dangling");
    QVERIFY_EXCEPTION_THROWN(MappedFile{folder / "dangling"}, Error);
}

void TestMappedFile::noticesChanges()
{
    QTemporaryDir temporary;
    const fs::path path = fs::path(temporary.path().toStdString()) / "file";
    write(path, "content");
    const MappedFile file(path);
    file.check();
    write(path, "other text");
    QVERIFY_EXCEPTION_THROWN(file.check(), Error);
    fs::remove(path);
    QVERIFY_EXCEPTION_THROWN(file.check(), Error);
    const fs::path second = path.string() + "2";
    write(second, "content");
    const MappedFile replaced(second);
    write(path, "content");
    fs::rename(path, second); // as download tools do
    QVERIFY_EXCEPTION_THROWN(replaced.check(), Error);
}

// Reading what is no longer there gives zeros and a mark, not the end of the process.
void TestMappedFile::survivesAFileThatShrinks()
{
    QTemporaryDir temporary;
    const fs::path path = fs::path(temporary.path().toStdString()) / "file";
    write(path, std::string(1 << 20, 'x'));
    const MappedFile file(path);
    QVERIFY(!file.is_damaged());
    fs::resize_file(path, 4096);
    std::size_t zeros = 0;
    for (const std::byte byte : file.bytes())
        zeros += byte == std::byte{0} ? 1 : 0;
    QCOMPARE(zeros, std::size_t{(1 << 20) - 4096});
    QVERIFY(file.is_damaged());
    QVERIFY_EXCEPTION_THROWN(file.check(), Error);

    // Another mapping is not concerned.
    const fs::path other_path = path.string() + "2";
    write(other_path, "fine");
    const MappedFile other(other_path);
    QVERIFY(!other.is_damaged());
    other.check();
}

QTEST_APPLESS_MAIN(TestMappedFile)
#include "test_mapped_file.moc"
