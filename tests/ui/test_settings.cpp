// SPDX-License-Identifier: MIT
#include "tests/ui/patience.h"
#include "ui/settings.h"

#include <QFile>
#include <QHash>
#include <QMetaProperty>
#include <QMutex>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

QMutex mutex;
QHash<quint64, qint64> syncedSizes; // by inode
QHash<QString, QString> replaced;   // by a rename: "synced" where all of it was on the disk

void noteSync(int descriptor)
{
    struct stat is
    {
    };
    const QMutexLocker lock(&mutex);
    if (::fstat(descriptor, &is) == 0)
        syncedSizes.insert(is.st_ino, is.st_size);
}

} // namespace

// Qt calls these instead of the C library's.
extern "C" int fsync(int descriptor)
{
    noteSync(descriptor);
    return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

extern "C" int fdatasync(int descriptor)
{
    noteSync(descriptor);
    return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

extern "C" int rename(const char* from, const char* to) noexcept
{
    struct stat is
    {
    };
    if (::stat(from, &is) == 0) {
        const QMutexLocker lock(&mutex);
        replaced.insert(QFile::decodeName(to), syncedSizes.value(is.st_ino, -1) == is.st_size
                                                   ? QStringLiteral("synced")
                                                   : QStringLiteral("not synced"));
    }
    return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

class TestSettings : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> folder;
    std::unique_ptr<ui::TaskThread> files;

    QString file() const { return folder->filePath(QStringLiteral("settings.ini")); }
    std::unique_ptr<ui::Settings> open() { return std::make_unique<ui::Settings>(file(), *files); }

    // Another value of the property's type, within its range.
    static QVariant another(const QMetaProperty& property, const QVariant& value)
    {
        const QByteArray name = property.name();
        if (name == "theme")
            return QStringLiteral("dark");
        if (name == "accent")
            return QStringLiteral("#1c7c54");
        if (name == "cacheType")
            return QStringLiteral("f32");
        if (name == "contextPolicy")
            return QStringLiteral("middle");
        if (name == "backups")
            return QStringLiteral("daily");
        if (name == "device")
            return QStringLiteral("cuda:1");
        if (name == "sidebarWidth")
            return 300;
        if (name == "seed")
            return 9007199254740991.0;
        if (name == "modelFolders" || name == "folders" || name == "openFolders")
            return QStringList{QStringLiteral("/a, b"), QStringLiteral("/c")};
        switch (value.typeId()) {
        case QMetaType::QString:
            return QStringLiteral("a \"text\", with; 北京\nand lines");
        case QMetaType::Double:
            return 0.625;
        case QMetaType::Int:
            return 7;
        case QMetaType::Bool:
            return !value.toBool();
        default:
            return {};
        }
    }

private slots:
    void init()
    {
        files.reset(); // writes into the folder to its end
        folder = std::make_unique<QTemporaryDir>();
        files = std::make_unique<ui::TaskThread>();
    }

    // Whatever the umask, and also where an older program left it open to others.
    void theFileIsPrivate()
    {
        const auto mode = [this] {
            struct stat is
            {
            };
            return ::stat(QFile::encodeName(file()).constData(), &is) == 0 ? is.st_mode & 0777U : 0U;
        };
        const mode_t before = ::umask(0);
        for (int round = 0; round < 2; ++round) {
            open()->setZoom(1.25 + 0.25 * round);
            files.reset();
            files = std::make_unique<ui::TaskThread>();
            QCOMPARE(mode(), 0600U);
            QVERIFY(::chmod(QFile::encodeName(file()).constData(), 0644) == 0);
        }
        ::umask(before);
        QCOMPARE(open()->zoom(), 1.5);
    }

    // A power cut leaves the old settings or the new ones: what takes the file's name is on the disk before.
    void theFileIsReplacedWhole()
    {
        open()->setTheme(QStringLiteral("dark"));
        files.reset();
        replaced.clear();
        files = std::make_unique<ui::TaskThread>();
        open()->setTheme(QStringLiteral("light"));
        files.reset();
        files = std::make_unique<ui::TaskThread>();
        QCOMPARE(replaced.value(file(), QStringLiteral("never")), QStringLiteral("synced"));
        QCOMPARE(open()->theme(), QStringLiteral("light"));
    }

    void everyPropertyComesBack()
    {
        auto settings = open();
        const QMetaObject* meta = settings->metaObject();
        QHash<QByteArray, QVariant> set;
        for (int i = meta->propertyOffset(); i < meta->propertyCount(); ++i) {
            const QMetaProperty property = meta->property(i);
            const QVariant value = another(property, property.read(settings.get()));
            QVERIFY2(value.isValid(), property.name());
            QVERIFY2(settings->isDefault(QLatin1String(property.name())), property.name());
            QSignalSpy notified(settings.get(), property.notifySignal());
            QSignalSpy changed(settings.get(), &ui::Settings::changed);
            QVERIFY2(property.write(settings.get(), value), property.name());
            QCOMPARE(notified.size(), 1);
            QCOMPARE(changed.size(), 1);
            QVERIFY2(property.write(settings.get(), value), property.name()); // the same again says nothing
            QCOMPARE(notified.size(), 1);
            QCOMPARE(property.read(settings.get()), value);
            QVERIFY2(!settings->isDefault(QLatin1String(property.name())), property.name());
            set.insert(property.name(), value);
        }
        QVERIFY(set.size() > 20);
        settings.reset();
        files = std::make_unique<ui::TaskThread>(); // the old one has written everything

        settings = open();
        for (auto value = set.cbegin(); value != set.cend(); ++value)
            QCOMPARE(settings->property(value.key().constData()), value.value());

        for (auto value = set.cbegin(); value != set.cend(); ++value) {
            settings->reset(QLatin1String(value.key()));
            QVERIFY(settings->isDefault(QLatin1String(value.key())));
        }
        settings.reset();
        files = std::make_unique<ui::TaskThread>();
        QVERIFY(QSettings(file(), QSettings::IniFormat).allKeys().isEmpty());
    }

    void aChangeReachesTheFileSoon()
    {
        const auto settings = open();
        settings->setZoom(1.5);
        QTRY_VERIFY(QFile::exists(file()));
        QTRY_COMPARE(QSettings(file(), QSettings::IniFormat).value(QStringLiteral("look/zoom")).toDouble(),
                     1.5);
    }

    void garbageInTheFileDoesNoHarm_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("words") << QByteArray(
            "[look]\ntheme=purple\naccent=red; import\nzoom=huge\nsidebarWidth=wide\nsidebarOpen=maybe\n"
            "[engine]\ndevice=cuda:01\nthreads=-\ncontextLength=1e999\ncacheType=q17\n[sampling]"
            "\ntemperature=nan\ntopP="
            "inf\nseed=x\n");
        QTest::newRow("no ini") << QByteArray("\0\xff\xfe%%%[[[\n=\n=\n]]", 17);
        QTest::newRow("types") << QByteArray(
            "[look]\ntheme=@ByteArray(xx)\nzoom=@Rect(0 0 1 1)\nsidebarOpen=@Invalid()\n"
            "[engine]\nthreads=@Variant(\\0\\0)\n[sampling]\ntopK=a, b, c\n");
        QTest::newRow("binary") << QByteArray(4000, '\xee');
    }

    void garbageInTheFileDoesNoHarm()
    {
        QFETCH(QByteArray, content);
        QFile ini(file());
        QVERIFY(ini.open(QIODevice::WriteOnly));
        ini.write(content);
        ini.close();
        const auto settings = open();
        const QMetaObject* meta = settings->metaObject();
        for (int i = meta->propertyOffset(); i < meta->propertyCount(); ++i)
            QVERIFY2(settings->isDefault(QLatin1String(meta->property(i).name())), meta->property(i).name());
    }

    void valuesAreBroughtIntoTheirRange()
    {
        QFile ini(file());
        QVERIFY(ini.open(QIODevice::WriteOnly));
        ini.write(
            "[look]\nzoom=40\nsidebarWidth=-5\n[engine]\nthreads=100000\n[sampling]\ntopP=7\nseed=12.75\n");
        ini.close();
        const auto settings = open();
        QCOMPARE(settings->zoom(), 3.0);
        QCOMPARE(settings->sidebarWidth(), 220);
        QCOMPARE(settings->threads(), 256);
        QCOMPARE(settings->topP(), 1.0);
        QCOMPARE(settings->seed(), 12.0);
        settings->setTemperature(-3);
        QCOMPARE(settings->temperature(), 0.0);
        settings->setTheme(QStringLiteral("purple"));
        QCOMPARE(settings->theme(), QStringLiteral("system"));
        settings->setAccent(QStringLiteral("#12345g"));
        QVERIFY(settings->accent().isEmpty());
    }

    void aDeviceIsTheProcessorOrANumberedGpu()
    {
        const auto settings = open();
        for (const char* good : {"cuda:0", "cuda:12", "cpu"}) {
            settings->setDevice(QLatin1String(good));
            QCOMPARE(settings->device(), QLatin1String(good));
        }
        for (const char* bad :
             {"", "gpu", "cuda", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:+1", "CPU"}) {
            settings->setDevice(QLatin1String(bad));
            QVERIFY2(settings->device() == QLatin1String("cpu"), bad);
        }
    }

    void theSeedIsSetOrDrawn()
    {
        const auto settings = open();
        const std::uint64_t one = settings->sampling().seed;
        QVERIFY(one != settings->sampling().seed || one != settings->sampling().seed);
        QVERIFY(one < (std::uint64_t(1) << 53));
        settings->setSeed(17);
        QCOMPARE(settings->sampling().seed, 17u);
    }

    void whatTheEngineGets()
    {
        const auto settings = open();
        QCOMPARE(settings->loadOptions().device, std::string("cpu"));
        settings->setDevice(QStringLiteral("cuda:1"));
        settings->setThreads(3);
        settings->setContextLength(2048);
        settings->setCacheType(QStringLiteral("f32"));
        settings->setTopK(40);
        settings->setMinP(0.0);
        QCOMPARE(settings->loadOptions().device, std::string("cuda:1"));
        QCOMPARE(settings->loadOptions().threads, 3);
        QCOMPARE(settings->loadOptions().context_tokens, 2048);
        QCOMPARE(settings->loadOptions().cache_type, engine::CacheType::f32);
        QCOMPARE(settings->sampling().top_k, 40);
        QCOMPARE(settings->sampling().min_p, 0.0f);
        QCOMPARE(settings->sampling().temperature, 0.7f);
    }
};

QTEST_GUILESS_MAIN(TestSettings)
#include "test_settings.moc"
