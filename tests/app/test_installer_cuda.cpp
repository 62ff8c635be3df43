// SPDX-License-Identifier: MIT
// What ./installer/cuda and ./app/run decide on a faked machine: a PATH of scripts that write down how they
// were called, and a copy of the tree's shell files, so that nothing is installed or reached.
#include <QDir>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace {

// Real tools that the scripts may use; everything else that they call is a fake.
const QStringList tools = {QStringLiteral("bash"),  QStringLiteral("env"),    QStringLiteral("sed"),
                           QStringLiteral("head"),  QStringLiteral("tail"),   QStringLiteral("sort"),
                           QStringLiteral("grep"),  QStringLiteral("awk"),    QStringLiteral("tr"),
                           QStringLiteral("cat"),   QStringLiteral("cp"),     QStringLiteral("mv"),
                           QStringLiteral("rm"),    QStringLiteral("ln"),     QStringLiteral("find"),
                           QStringLiteral("mkdir"), QStringLiteral("touch"),  QStringLiteral("chmod"),
                           QStringLiteral("uname"), QStringLiteral("mktemp"), QStringLiteral("dirname")};

struct Outcome
{
    int status = -1;
    QString text; // standard output and error
};

class Machine
{
public:
    Machine()
    {
        for (const char* folder : {"bin", "app", "installer", "system"})
            QDir(m_folder.path()).mkpath(QLatin1String(folder));
        for (const QString& tool : tools) {
            const QString real = QStandardPaths::findExecutable(tool);
            if (real.isEmpty() || !QFile::link(real, path(QStringLiteral("bin/") + tool)))
                qFatal("%s is needed", qPrintable(tool));
        }
        for (const char* file : {"app/setup.sh", "app/run", "installer/cuda"}) {
            if (!QFile::copy(QStringLiteral(FATHOM_SOURCE_DIR "/") + QLatin1String(file),
                             path(QLatin1String(file))))
                qFatal("%s is missing", file);
        }
        write("os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        // An nvcc that says its version and writes what it is asked for, unless `broken` is there.
        write("bin/make_toolkit.sh", R"(make_toolkit() { # PLACE VERSION LIBRARY_FOLDER
            mkdir -p "$1/bin" "$1/include" "$1/$3"
            touch "$1/include/cublas_v2.h" "$1/$3/libcublas.so.${2%%.*}"
            printf '#!%s\n[[ $1 != --version ]] || { echo "Cuda compilation tools, release %s, V1"; exit; }\n' \
                "$FAKE/bin/bash" "$2" >"$1/bin/nvcc"
            printf '[[ ! -e $FAKE/broken ]] || { echo "unsupported GNU version"; exit 1; }\n' >>"$1/bin/nvcc"
            chmod +x "$1/bin/nvcc"
        })");
        fake("sudo", "[[ $1 != -n ]] || shift\nexec \"$@\"");
        fake("lspci", "");
        fake("ldconfig", "");
        fake("dpkg-query",
             "for name in \"$@\"; do [[ ! -e $FAKE/ready ]] || printf 'installed:%s ' \"$name\"; done");
        fake("cmake", "");
        fake("dpkg", "");
        fake("dpkg-deb", "mkdir -p \"$3\" && touch \"$3/nvidia.gpg\"");
        fake("curl", "[[ -e $FAKE/reachable ]] && touch \"${@: -2:1}\"");
        fake("apt-cache", "[[ ! -e $FAKE/known && $* != *sources* ]] || cat $FAKE/names");
        fake("apt-get", R"(case "$*" in
            *--print-uris*)
                for name in "${@: -4}"; do printf "'https://x/%s.deb' %s.deb 100400000 SHA256:0\n" $name $name; done ;;
            *install*) make_toolkit $FAKE/system 13.0 lib64 ;;
            esac)");
        fake("python3", R"(case "$*" in
            "-m pip --version") exit 0 ;;
            "-m pip install "*)
                for ((i = 1; i < $#; ++i)); do [[ ${!i} != --target ]] || { ((++i)); target=${!i}; }; done
                make_toolkit "$target/nvidia/cu13" 13.0 lib
                mkdir -p "$target/nvidia_cublas-13.dist-info" ;;
            -*) [[ -e $FAKE/offline ]] && exit 1; echo 526123456 ;;
            esac)");
    }

    QString path(const QString& name) const { return m_folder.filePath(name); }
    void write(const char* name, const QByteArray& content)
    {
        QFile file(path(QLatin1String(name)));
        if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
            qFatal("%s cannot be written", name);
    }
    bool has(const char* name) const { return QFile::exists(path(QLatin1String(name))); }

    // Called `name` in the PATH; notes each call with its arguments.
    void fake(const char* name, const QByteArray& body)
    {
        const QString file = QStringLiteral("bin/") + QLatin1String(name);
        write(qPrintable(file),
              "#!" + path(QStringLiteral("bin/bash")).toUtf8() +
                  "\nprintf '%s' \"${0##*/}\" >>$FAKE/calls; printf ' %s' \"$@\" >>$FAKE/calls; "
                  "echo >>$FAKE/calls\nsource $FAKE/bin/make_toolkit.sh\n" +
                  body + "\n");
        QFile::setPermissions(path(file), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    }

    void gpu(const char* cuda)
    {
        fake("nvidia-smi",
             QByteArray("if [[ ${1-} == -L ]]; then echo 'GPU 0: NVIDIA H100 (UUID: GPU-0)'; else\n"
                        "echo '| NVIDIA-SMI 580.65    Driver Version: 580.65    CUDA Version: ") +
                 cuda + "     |'; fi");
    }
    void aptKnows(const QByteArray& names)
    {
        write("names", names);
        write("known", "");
    }
    void repositoryHolds(const QByteArray& names)
    {
        write("names", names);
        write("reachable", "");
    }
    void toolkit(const char* place, const char* version)
    {
        run(QStringLiteral("source bin/make_toolkit.sh; make_toolkit %1 %2 lib64")
                .arg(path(QLatin1String(place)), QLatin1String(version)));
    }

    // `before` may replace functions of the script.
    Outcome install(const QString& arguments, const QString& before = {})
    {
        return run(QStringLiteral("source installer/cuda; system_toolkit=$FAKE/system; "
                                  "os_release=$FAKE/os-release; %1\nmain %2")
                       .arg(before, arguments));
    }
    Outcome run(const QString& command)
    {
        QProcess bash;
        QProcessEnvironment environment;
        environment.insert(QStringLiteral("PATH"), path(QStringLiteral("bin")));
        environment.insert(QStringLiteral("FAKE"), m_folder.path());
        environment.insert(QStringLiteral("HOME"), m_folder.path());
        bash.setProcessEnvironment(environment);
        bash.setWorkingDirectory(m_folder.path());
        bash.setProcessChannelMode(QProcess::MergedChannels);
        bash.setStandardInputFile(QProcess::nullDevice());
        bash.start(path(QStringLiteral("bin/bash")), {QStringLiteral("-c"), command});
        if (!bash.waitForFinished(60'000))
            qFatal("%s does not end", qPrintable(command));
        return {bash.exitCode(), QString::fromUtf8(bash.readAll())};
    }
    QString calls() const // of the fakes, one line for each
    {
        QFile file(path(QStringLiteral("calls")));
        return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
    }

private:
    QTemporaryDir m_folder;
};

const QString as_nobody = QStringLiteral("can_be_root() { return 1; };");

} // namespace

class TestInstallerCuda : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Machine> machine;

private slots:
    void init() { machine = std::make_unique<Machine>(); }

    void aptIsAskedFirst()
    {
        machine->gpu("13.0");
        machine->aptKnows("cuda-nvcc-12-6\ncuda-nvcc-13-0\ncuda-nvcc-12-9\ncuda-nvcc-14-1\ncuda-nvcc-dev\n");
        const Outcome planned = machine->install(QStringLiteral("--dry-run"));
        QVERIFY2(planned.status == 0, qPrintable(planned.text));
        QVERIFY2(planned.text.contains(QLatin1String("CUDA 13.0")), qPrintable(planned.text));
        QVERIFY2(planned.text.contains(QLatin1String(" 402 MB")), qPrintable(planned.text));
        QVERIFY(planned.text.contains(QLatin1String("cuda-nvcc-13-0\n")));
        QVERIFY(!machine->calls().contains(QLatin1String("curl")));
        QVERIFY(!machine->has("system/bin/nvcc"));

        const Outcome done = machine->install(QStringLiteral("--yes"));
        QVERIFY2(done.status == 0, qPrintable(done.text));
        QVERIFY2(machine->calls().contains(
                     QLatin1String("install --no-install-recommends cuda-nvcc-13-0 cuda-cudart-dev-13-0 "
                                   "libcublas-13-0 libcublas-dev-13-0\n")),
                 qPrintable(machine->calls()));
        QVERIFY(!machine->calls().contains(QLatin1String("pip install")));
        QVERIFY(!machine->has("build/cuda"));
    }

    void theDriverBoundsTheVersion_data()
    {
        QTest::addColumn<QByteArray>("driver");
        QTest::addColumn<QString>("version");
        QTest::newRow("12.4") << QByteArray("12.4") << QStringLiteral("12.9");
        QTest::newRow("13.0") << QByteArray("13.0") << QStringLiteral("13.2");
        QTest::newRow("14.0") << QByteArray("14.0") << QStringLiteral("14.1");
        QTest::newRow("no driver") << QByteArray() << QStringLiteral("14.1");
    }

    void theDriverBoundsTheVersion()
    {
        QFETCH(QByteArray, driver);
        QFETCH(QString, version);
        if (!driver.isEmpty())
            machine->gpu(driver.constData());
        machine->aptKnows("cuda-nvcc-14-1\ncuda-nvcc-12-9\ncuda-nvcc-12-8\ncuda-nvcc-13-0\ncuda-nvcc-13-2\n");
        const Outcome planned = machine->install(QStringLiteral("--dry-run"));
        QVERIFY2(planned.text.contains(QStringLiteral("CUDA %1:").arg(version)), qPrintable(planned.text));
        QCOMPARE(planned.text.contains(QLatin1String("No NVIDIA GPU")), driver.isEmpty());
    }

    void thenNvidiasRepository()
    {
        machine->gpu("13.0");
        machine->repositoryHolds("cuda-nvcc-13-0\n");
        const Outcome planned = machine->install(QStringLiteral("--dry-run"));
        QVERIFY2(planned.status == 0, qPrintable(planned.text));
        QVERIFY2(planned.text.contains(QLatin1String("repos/debian12/")), qPrintable(planned.text));
        QVERIFY2(planned.text.contains(QLatin1String(" 402 MB")), qPrintable(planned.text));
        QVERIFY(!machine->calls().contains(QLatin1String("dpkg -i")));

        const Outcome done = machine->install(QStringLiteral("--yes"));
        QVERIFY2(done.status == 0, qPrintable(done.text));
        const QString calls = machine->calls();
        const qsizetype added = calls.indexOf(QLatin1String("dpkg -i"));
        QVERIFY(added >= 0);
        QVERIFY(calls.indexOf(QLatin1String("install --no-install-recommends cuda-nvcc-13-0"), added) > 0);
    }

    void thenWheels_data()
    {
        QTest::addColumn<bool>("root");
        QTest::addColumn<bool>("known");
        QTest::newRow("apt knows nothing") << true << false;
        QTest::newRow("nobody may use apt") << false << true;
    }

    void thenWheels()
    {
        QFETCH(bool, root);
        QFETCH(bool, known);
        machine->gpu("13.0");
        if (known)
            machine->aptKnows("cuda-nvcc-13-0\n");
        QDir().mkpath(machine->path(QStringLiteral("build/release")));
        machine->write("build/release/build.ninja", "");
        machine->write("build/release/CMakeCache.txt", "");
        const QString before = root ? QString() : as_nobody;
        const Outcome planned = machine->install(QStringLiteral("--dry-run"), before);
        QVERIFY2(planned.status == 0, qPrintable(planned.text));
        QVERIFY2(planned.text.contains(QLatin1String(" 527 MB")), qPrintable(planned.text));
        QVERIFY(planned.text.contains(QLatin1String("PyPI")));
        QVERIFY(machine->has("build/release/build.ninja"));

        const Outcome done = machine->install(QStringLiteral("--yes"), before);
        QVERIFY2(done.status == 0, qPrintable(done.text));
        for (const char* file : {"build/cuda/bin/nvcc", "build/cuda/lib64/libcublas.so.13",
                                 "build/cuda/licenses/nvidia_cublas-13.dist-info"})
            QVERIFY2(machine->has(file), file);
        QVERIFY(!machine->has("build/release/build.ninja"));
        QVERIFY(!machine->has("build/release/CMakeCache.txt"));
        QVERIFY(!machine->calls().contains(QLatin1String("apt-get -y")));
        QCOMPARE(
            QDir(machine->path(QStringLiteral("build"))).entryList(QDir::Dirs | QDir::NoDotAndDotDot),
            (QStringList{QStringLiteral("cuda"), QStringLiteral("release")})); // nothing left lying about

        const QString before_again = machine->calls();
        const Outcome again = machine->install(QStringLiteral("--yes"), before);
        QCOMPARE(again.status, 0);
        QVERIFY2(again.text.contains(QLatin1String("Nothing to do")), qPrintable(again.text));
        QVERIFY(!machine->calls().mid(before_again.size()).contains(QLatin1String("pip install")));
    }

    void theSizeIsRoughWherePypiDoesNotSay()
    {
        machine->write("offline", "");
        const Outcome planned = machine->install(QStringLiteral("--dry-run"));
        QVERIFY2(planned.text.contains(QLatin1String("about 550 MB")), qPrintable(planned.text));
    }

    void aDriverTooOldForTheWheelsIsSaid()
    {
        machine->gpu("12.4");
        const Outcome refused = machine->install(QStringLiteral("--yes"));
        QCOMPARE(refused.status, 1);
        QVERIFY2(refused.text.contains(QLatin1String("error: the driver runs CUDA 12.4")),
                 qPrintable(refused.text));
        QVERIFY(!machine->calls().contains(QLatin1String("pip install")));
    }

    void aCompilerThatDoesNotWorkIsNotKept()
    {
        machine->gpu("13.0");
        machine->write("broken", "");
        const Outcome failed = machine->install(QStringLiteral("--yes"));
        QCOMPARE(failed.status, 1);
        QVERIFY2(failed.text.contains(QLatin1String("unsupported GNU version")), qPrintable(failed.text));
        QVERIFY(!machine->has("build/cuda"));
    }

    void whatIsThereIsEnough_data()
    {
        QTest::addColumn<QByteArray>("version");
        QTest::addColumn<bool>("hasCublas");
        QTest::addColumn<bool>("enough");
        QTest::newRow("new") << QByteArray("13.0") << true << true;
        QTest::newRow("just new enough") << QByteArray("12.8") << true << true;
        QTest::newRow("too old") << QByteArray("12.4") << true << false;
        QTest::newRow("no cuBLAS") << QByteArray("13.0") << false << false;
    }

    void whatIsThereIsEnough()
    {
        QFETCH(QByteArray, version);
        QFETCH(bool, hasCublas);
        QFETCH(bool, enough);
        machine->gpu("13.0");
        machine->toolkit("system", version.constData());
        if (!hasCublas)
            QVERIFY(QFile::remove(machine->path(QStringLiteral("system/include/cublas_v2.h"))));
        const Outcome outcome = machine->install(QStringLiteral("--dry-run"));
        QCOMPARE(outcome.status, 0);
        QVERIFY2(outcome.text.contains(QLatin1String("Nothing to do")) == enough, qPrintable(outcome.text));
    }

    void nothingWithoutAYes()
    {
        machine->gpu("13.0");
        const Outcome silent = machine->install({});
        QCOMPARE(silent.status, 1);
        QVERIFY2(silent.text.contains(QLatin1String("--yes")), qPrintable(silent.text));
        QVERIFY(silent.text.contains(QLatin1String("527 MB"))); // said before the question
        QVERIFY(!machine->has("build/cuda"));
        QCOMPARE(machine->install(QStringLiteral("--now")).status, 2);
        QVERIFY(!machine->calls().contains(QLatin1String("pip install")));
    }

    void runNamesTheCommandAndInstallsNothing_data()
    {
        QTest::addColumn<bool>("gpu");
        QTest::addColumn<bool>("module");
        QTest::newRow("GPU and no module") << true << false;
        QTest::newRow("GPU and module") << true << true;
        QTest::newRow("no GPU") << false << false;
    }

    void runNamesTheCommandAndInstallsNothing()
    {
        QFETCH(bool, gpu);
        QFETCH(bool, module);
        machine->write("ready", "");
        if (gpu)
            machine->gpu("13.0");
        QDir().mkpath(machine->path(QStringLiteral("build/release/bin")));
        if (module)
            machine->write("build/release/bin/libfathom-cuda.so", "");
        const Outcome outcome = machine->run(QStringLiteral("bash app/run --no-start"));
        QVERIFY2(outcome.status == 0, qPrintable(outcome.text));
        QCOMPARE(outcome.text.count(QLatin1String("./installer/cuda")), gpu && !module ? 1 : 0);
        QVERIFY(!machine->calls().contains(QLatin1String("install")));
    }

    void aGpuWithoutDriverIsSeenOnTheBus()
    {
        machine->write("ready", "");
        machine->fake("lspci", "[[ $2 != 10de::0302 ]] || echo '01:00.0 3D controller: NVIDIA'");
        const Outcome outcome = machine->run(QStringLiteral("bash app/run --no-start"));
        QVERIFY2(outcome.text.contains(QLatin1String("./installer/cuda")), qPrintable(outcome.text));
    }
};

QTEST_APPLESS_MAIN(TestInstallerCuda)
#include "test_installer_cuda.moc"
