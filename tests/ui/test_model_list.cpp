// SPDX-License-Identifier: MIT
#include "tests/ui/stage.h"

#include <QAbstractItemModelTester>
#include <QLocale>
#include <QSignalSpy>
#include <QTest>

#include <fstream>

using namespace std::chrono_literals;
using ui::ModelList;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& content = "x")
{
    fs::create_directories(file.parent_path());
    std::ofstream(file) << content;
}

constexpr const char* deepseek =
    R"({"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2"})";

} // namespace

class TestModelList : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QAbstractItemModelTester> tester;

    ModelList& models() { return stage->session->models; }
    fs::path folder() { return stage->profile() / "models"; }

    void start()
    {
        write(stage->profile() / "starter.gguf");
        stage->start();
        tester = std::make_unique<QAbstractItemModelTester>(
            &models(), QAbstractItemModelTester::FailureReportingMode::QtTest);
        QTRY_VERIFY(!models().scanning());
    }

    // One GPU that can be used and one that cannot.
    void addGpus()
    {
        stage->world->devices = {.devices = {{.id = "cuda:0",
                                              .name = "A GPU",
                                              .memory_bytes = 80'000'000'000,
                                              .free_bytes = 79'000'000'000,
                                              .detail = "compute capability 9.0",
                                              .why_not = {}},
                                             {.id = "cuda:1",
                                              .name = "An old GPU",
                                              .memory_bytes = 8'000'000'000,
                                              .free_bytes = 7'000'000'000,
                                              .detail = "compute capability 7.5",
                                              .why_not = "Too old."}},
                                 .why_no_gpu = {}};
    }

    // Changes something and waits for the plans that follow from it.
    template <typename Change> void afterPlanning(Change change)
    {
        QSignalSpy planned(&models(), &ModelList::devicesChanged);
        change();
        QTRY_VERIFY(!planned.isEmpty());
    }

    ui::Settings& settings() { return stage->session->settings; }

    QVariant at(int row, int role) { return models().index(row).data(role); }

    int row(const QString& end)
    {
        for (int i = 0; i < models().count(); ++i) {
            if (at(i, ModelList::Path).toString().endsWith(end))
                return i;
        }
        return -1;
    }

private slots:
    void initTestCase() { QLocale::setDefault(QLocale::c()); }
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup()
    {
        tester.reset();
        stage.reset();
    }

    void theStarterComesFirst()
    {
        write(folder() / "a.gguf");
        start();
        QCOMPARE(models().count(), 2);
        QVERIFY(at(0, ModelList::IsStarter).toBool());
        QCOMPARE(at(0, ModelList::Name).toString(), QStringLiteral("Fathom Starter"));
        QCOMPARE(at(0, ModelList::SizeText).toString(), QStringLiteral("12.4 MB"));
        QCOMPARE(at(0, ModelList::ParametersText).toString(), QStringLiteral("11.7 M · 5.6 M active"));
        QCOMPARE(at(0, ModelList::Family).toString(), QStringLiteral("DeepSeek-V2"));
        QVERIFY(at(0, ModelList::Fits).toBool());
        QVERIFY(at(0, ModelList::Reason).toString().contains(QStringLiteral("89.0 MB")));
        QCOMPARE(at(0, ModelList::State).toString(), QStringLiteral("available"));
        QVERIFY(models().buildText().contains(QStringLiteral("A processor")));
        QVERIFY(models().buildText().contains(QStringLiteral("No GPU driver was found.")));
    }

    void findsWhatIsAModel()
    {
        write(folder() / "one.gguf");
        write(folder() / "deep/er/two-00001-of-00003.gguf");
        write(folder() / "deep/er/two-00002-of-00003.gguf");
        write(folder() / "deep/er/two-00003-of-00003.gguf");
        write(folder() / "hf/config.json", deepseek);
        write(folder() / "hf/inside.gguf"); // belongs to the folder
        write(folder() / "other/config.json", R"({"model_type": "llama"})");
        write(folder() / ".hidden/three.gguf");
        write(folder() / "a/b/c/d/e/f/g/far.gguf"); // too deep
        write(folder() / "readme.txt");
        fs::create_directory(folder() / "folder.gguf");
        // The Hugging Face cache: a snapshot of links into blobs.
        const fs::path cached = folder() / "models--deepseek-ai--V2/";
        write(cached / "blobs/0123", deepseek);
        fs::create_directories(cached / "snapshots/abcd");
        fs::create_symlink("../../blobs/0123", cached / "snapshots/abcd/config.json");
        // Links that lead in a circle, and nowhere.
        fs::create_directory_symlink(folder(), folder() / "deep/again");
        fs::create_symlink("/nowhere/at/all", folder() / "broken.gguf");

        const std::atomic<bool> stop = false;
        QStringList found;
        for (const fs::path& path : ui::findModels(folder(), stop))
            found.append(ui::pathToQt(path.lexically_relative(folder())));
        QCOMPARE(found.join(u' '),
                 QStringLiteral("deep/er/two-00001-of-00003.gguf hf models--deepseek-ai--V2/"
                                "snapshots/abcd one.gguf"));
        QVERIFY(ui::findModels(stage->profile() / "missing", stop).empty());
        QVERIFY(ui::findModels(folder() / "one.gguf", stop).empty());
    }

    void whatCannotBeReadIsShownWithItsReason()
    {
        write(folder() / "bad.gguf");
        stage->world->inspect_error = "expected the magic GGUF, found x";
        start();
        const int bad = row(QStringLiteral("bad.gguf"));
        QVERIFY(bad > 0);
        QVERIFY(!at(bad, ModelList::Fits).toBool());
        QCOMPARE(at(bad, ModelList::State).toString(), QStringLiteral("failed"));
        QCOMPARE(at(bad, ModelList::Reason).toString(),
                 QStringLiteral("bad.gguf: expected the magic GGUF, found x"));
        QCOMPARE(at(bad, ModelList::Name).toString(), QStringLiteral("bad.gguf"));
    }

    void loadsAndRemembers()
    {
        write(folder() / "a.gguf");
        start();
        QCOMPARE(models().state(), QStringLiteral("none"));
        QVERIFY(models().currentName().isEmpty());
        models().loadFirst({}); // the first start: the starter
        QCOMPARE(models().state(), QStringLiteral("loading"));
        QCOMPARE(at(0, ModelList::State).toString(), QStringLiteral("loading"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(models().currentIsStarter());
        QCOMPARE(models().progress(), 1.0);
        QVERIFY(at(0, ModelList::Current).toBool());
        QCOMPARE(stage->session->settings.lastModel(), QStringLiteral("starter"));

        models().load(at(1, ModelList::Path).toString());
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QCOMPARE(at(1, ModelList::State).toString(), QStringLiteral("loaded"));
        QVERIFY(!at(0, ModelList::Current).toBool());
        QVERIFY(!models().currentIsStarter());
        const QString last = models().currentPath();
        tester.reset();
        start();
        models().loadFirst({});
        QCOMPARE(models().currentPath(), last);
        models().loadFirst(QStringLiteral("starter")); // asked for on the command line
        QVERIFY(models().currentIsStarter());
    }

    void progressIsSaid()
    {
        start();
        stage->world->load_takes = 400ms;
        QStringList texts;
        connect(&models(), &ModelList::progressChanged, this, [&] { texts.append(models().progressText()); });
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(std::any_of(texts.begin(), texts.end(), [](const QString& text) {
            return text.contains(QStringLiteral(" of 12.4 MB · layer ")) &&
                   text.endsWith(QStringLiteral("of 27"));
        }));
        models().disconnect(this);
    }

    void aFailureNamesItsReasonAndCanBeTriedAgain()
    {
        start();
        stage->world->load_error = "tensor x is missing";
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("failed"));
        QCOMPARE(models().error(), QStringLiteral("model.gguf: tensor x is missing"));
        QCOMPARE(at(0, ModelList::ErrorText).toString(), models().error());
        stage->world->load_error.clear();
        models().retry();
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(models().error().isEmpty());
    }

    void aReloadIsNeededForOtherSettings()
    {
        start();
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(!models().reloadNeeded());
        QSignalSpy needed(&models(), &ModelList::reloadNeededChanged);
        stage->session->settings.setContextLength(1024);
        QVERIFY(models().reloadNeeded());
        QVERIFY(!needed.isEmpty());
        models().reload();
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(!models().reloadNeeded());
        QCOMPARE(stage->world->loads().back().context_tokens, 1024);
    }

    void devicesAreListedWithWhatKeepsThemFromComputing()
    {
        start();
        QCOMPARE(models().devices().size(), 1);
        QCOMPARE(models().noGpuText(), QStringLiteral("No GPU driver was found."));
        QCOMPARE(models().plannedDeviceName(), QStringLiteral("A processor"));

        addGpus();
        afterPlanning([this] { models().replan(); });
        const QVariantList devices = models().devices();
        QCOMPARE(devices.size(), 3);
        QVERIFY(models().noGpuText().isEmpty());
        const QVariantMap good = devices[1].toMap();
        QCOMPARE(good[QStringLiteral("id")].toString(), QStringLiteral("cuda:0"));
        QCOMPARE(good[QStringLiteral("name")].toString(), QStringLiteral("A GPU"));
        QCOMPARE(good[QStringLiteral("detail")].toString(),
                 QStringLiteral("80.0 GB, 79.0 GB free · compute capability 9.0"));
        QVERIFY(good[QStringLiteral("usable")].toBool());
        const QVariantMap old = devices[2].toMap();
        QVERIFY(!old[QStringLiteral("usable")].toBool());
        QCOMPARE(old[QStringLiteral("detail")].toString(),
                 QStringLiteral("Too old. · compute capability 7.5"));
        QCOMPARE(models().buildText(), QStringLiteral("Computes on: A processor, A GPU."));
    }

    void thePlanIsForTheDeviceAndTheContext()
    {
        addGpus();
        start();
        // 12.4 of weights, 2 x 4096 x 6912 of cache, 20 of scratch; a GPU's library takes 300 more.
        QCOMPARE(at(0, ModelList::Plan).toString(),
                 QStringLiteral("Fits: weights 12.4 MB · cache 56.6 MB · workspace 20.0 MB · 16.0 GB free"));
        afterPlanning([this] { settings().setContextLength(1024); });
        QCOMPARE(at(0, ModelList::Plan).toString(),
                 QStringLiteral("Fits: weights 12.4 MB · cache 14.2 MB · workspace 20.0 MB · 16.0 GB free"));
        afterPlanning([this] { settings().setDevice(QStringLiteral("cuda:0")); });
        QCOMPARE(models().plannedDevice(), QStringLiteral("cuda:0"));
        QCOMPARE(models().plannedDeviceName(), QStringLiteral("A GPU"));
        QCOMPARE(at(0, ModelList::Plan).toString(),
                 QStringLiteral("Fits: weights 12.4 MB · cache 14.2 MB · workspace 320 MB · 80.0 GB free"));
        QVERIFY(at(0, ModelList::Fits).toBool());
    }

    void whatDoesNotFitNamesTheContextThatWould()
    {
        addGpus();
        stage->world->gpu_free_bytes = 360'000'000;
        start();
        afterPlanning([this] { settings().setDevice(QStringLiteral("cuda:0")); });
        QVERIFY(!at(0, ModelList::Fits).toBool());
        QCOMPARE(at(0, ModelList::LargestContext).toLongLong(), 1996); // (360 - 332.4) MB / (2 x 6912)
        QCOMPARE(at(0, ModelList::Reason).toString(),
                 QStringLiteral("Needs 389 MB of memory; 360 MB are free. It would fit with "
                                "1996 tokens of context."));
        afterPlanning([this] { settings().setContextLength(1996); });
        QVERIFY(at(0, ModelList::Fits).toBool());

        afterPlanning([this] {
            stage->world->gpu_free_bytes = 300'000'000;
            models().replan();
        });
        QVERIFY(!at(0, ModelList::Fits).toBool());
        QCOMPARE(at(0, ModelList::LargestContext).toLongLong(), 0);
        QCOMPARE(at(0, ModelList::Reason).toString(),
                 QStringLiteral("Needs 360 MB of memory; 300 MB are free."));
    }

    void theLoadedModelsMemoryCountsAsFree()
    {
        addGpus();
        start();
        afterPlanning([this] { settings().setDevice(QStringLiteral("cuda:0")); });
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        afterPlanning([this] {
            stage->world->gpu_free_bytes = 100'000'000; // what the model of 389 MB has left
            models().replan();
        });
        QVERIFY(at(0, ModelList::Fits).toBool());
        QVERIFY(at(0, ModelList::Reason).toString().contains(QStringLiteral("has gone")));
        QVERIFY(at(0, ModelList::Plan).toString().startsWith(QStringLiteral("Fits once the loaded model")));
        afterPlanning([this] { models().unload(); });
        QTRY_VERIFY(!at(0, ModelList::Fits).toBool());
    }

    void aGpuThatIsNotThereGivesWayToTheCpuWithANotice()
    {
        stage->world->device_error =
            engine::DeviceError(engine::DeviceError::Cause::unusable, "There is no such GPU.", "cuda:5");
        start();
        afterPlanning([this] { settings().setDevice(QStringLiteral("cuda:5")); });
        const QVariantMap gone = models().devices().constLast().toMap();
        QCOMPARE(gone[QStringLiteral("id")].toString(), QStringLiteral("cuda:5"));
        QVERIFY(!gone[QStringLiteral("usable")].toBool());
        QCOMPARE(models().plannedDevice(), QStringLiteral("cpu"));
        QVERIFY(at(0, ModelList::Fits).toBool());

        QSignalSpy noticed(&models(), &ModelList::noticeChanged);
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QCOMPARE(models().notice(),
                 QStringLiteral("cuda:5: There is no such GPU. The CPU computes instead."));
        QCOMPARE(noticed.size(), 1);
        QCOMPARE(stage->session->engine.device(), std::string("cpu"));
        QVERIFY(!models().reloadNeeded()); // it would end in the same
        models().dismissNotice();
        QVERIFY(models().notice().isEmpty());
    }

    void aGpuThatIsFullOffersTheCpu()
    {
        addGpus();
        stage->world->device_error =
            engine::DeviceError(engine::DeviceError::Cause::out_of_memory, "memory: expected 9, found 8");
        start();
        settings().setDevice(QStringLiteral("cuda:0"));
        models().load(QStringLiteral("starter"));
        QTRY_COMPARE(models().state(), QStringLiteral("failed"));
        QVERIFY(models().deviceFailed());
        QVERIFY(models().notice().isEmpty());
        QCOMPARE(models().error(), QStringLiteral("memory: expected 9, found 8"));

        QSignalSpy changed(&models(), &ModelList::deviceFailedChanged);
        models().useCpu();
        QCOMPARE(changed.size(), 1);
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        QVERIFY(!models().deviceFailed());
        QCOMPARE(settings().device(), QStringLiteral("cpu"));
        QCOMPARE(stage->world->loads().back().device, std::string("cpu"));
    }

    void foldersCanBeAddedAndRemoved()
    {
        write(stage->profile() / "elsewhere/b.gguf");
        start();
        QCOMPARE(models().count(), 1);
        const QString elsewhere = ui::pathToQt(stage->profile() / "elsewhere");
        models().addFolder(QUrl::fromLocalFile(elsewhere));
        QTRY_COMPARE(models().count(), 2);
        QVERIFY(models().folders().contains(elsewhere));
        QVERIFY(models().folders().contains(ui::pathToQt(folder()))); // stays
        models().addFolder(QUrl::fromLocalFile(elsewhere));
        QCOMPARE(models().folders().size(), 2);
        models().removeFolder(elsewhere);
        QTRY_COMPARE(models().count(), 1);
    }

    void aModelByItsPathStandsInTheList()
    {
        start();
        write(stage->profile() / "far away/c.gguf");
        models().load(ui::pathToQt(stage->profile() / "far away/c.gguf"));
        QTRY_COMPARE(models().state(), QStringLiteral("ready"));
        models().rescan();
        QTRY_VERIFY(!models().scanning());
        QVERIFY(row(QStringLiteral("c.gguf")) > 0);
    }
};

QTEST_MAIN(TestModelList)
#include "test_model_list.moc"
