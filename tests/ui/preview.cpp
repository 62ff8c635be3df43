// SPDX-License-Identifier: MIT
// The real window on a scripted engine and a profile of samples, to look at it:
//   ui_preview [--theme light|dark] [--size 1200x800] [--open TITLE] [--say TEXT] [--model none|slow|failing]
//              [--empty] [--gpu] [--page settings|models] [--after MS --shot FILE.png]
//              [--profile DIR] [--many N] [--zoom FACTOR] [--fill-only]
#include "tests/ui/fake_engine.h"
#include "tests/ui/sample_profile.h"
#include "ui/session.h"
#include "ui/text.h"

#include <QCommandLineParser>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QtPlugin>

#include <fstream>

Q_IMPORT_PLUGIN(FathomPlugin)

int main(int argc, char** argv)
{
    QGuiApplication application(argc, argv);
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOptions({
        {QStringLiteral("theme"), QStringLiteral("light or dark"), QStringLiteral("theme"),
         QStringLiteral("light")},
        {QStringLiteral("size"), QStringLiteral("of the window"), QStringLiteral("WxH"),
         QStringLiteral("1200x800")},
        {QStringLiteral("open"), QStringLiteral("the conversation whose title begins so"),
         QStringLiteral("title")},
        {QStringLiteral("say"), QStringLiteral("sends this"), QStringLiteral("text")},
        {QStringLiteral("model"), QStringLiteral("none, slow or failing"), QStringLiteral("state")},
        {QStringLiteral("gpu"), QStringLiteral("two GPUs, the first chosen; its answers fail")},
        {QStringLiteral("page"), QStringLiteral("settings or models"), QStringLiteral("page"),
         QStringLiteral("chat")},
        {QStringLiteral("empty"), QStringLiteral("an empty profile, first start")},
        {QStringLiteral("profile"), QStringLiteral("kept there"), QStringLiteral("folder")},
        {QStringLiteral("many"), QStringLiteral("more conversations, with folders and tags"),
         QStringLiteral("count"), QStringLiteral("0")},
        {QStringLiteral("zoom"), QStringLiteral("of the window"), QStringLiteral("factor"),
         QStringLiteral("1")},
        {QStringLiteral("fill-only"), QStringLiteral("makes the profile and ends")},
        {QStringLiteral("after"), QStringLiteral("milliseconds until the picture"), QStringLiteral("ms"),
         QStringLiteral("1500")},
        {QStringLiteral("shot"), QStringLiteral("writes a picture and ends"), QStringLiteral("file")},
    });
    parser.process(application);

    const QTemporaryDir folder;
    const auto profile = ui::pathFromQt(
        parser.isSet(QStringLiteral("profile")) ? parser.value(QStringLiteral("profile")) : folder.path());
    const storage::ProfileLock lock(profile);
    const bool empty = parser.isSet(QStringLiteral("empty"));
    if (!empty && !std::filesystem::exists(storage::database_file(profile))) {
        storage::ChatStore store(lock);
        sample::fill(store);
        sample::fillMany(store, lock, parser.value(QStringLiteral("many")).toInt());
    }
    if (parser.isSet(QStringLiteral("fill-only")))
        return 0;

    const auto world = std::make_shared<fake::World>();
    const bool gpu = parser.isSet(QStringLiteral("gpu"));
    world->script = [gpu](const engine::Request&) {
        if (gpu)
            return fake::Script{.text = "Bees visit flowers and",
                                .device_error = "The GPU was lost (an illegal memory access); Fathom uses "
                                                "the CPU until it is started again."};
        return fake::Script{.text = sample::markdown(),
                            .prompt_tokens = 3900,
                            .prompt_tokens_step = 128,
                            .prompt_step_takes = std::chrono::milliseconds(60),
                            .token_takes = std::chrono::milliseconds(25)};
    };
    if (gpu) {
        world->devices.why_no_gpu.clear();
        world->devices.devices.push_back({.id = "cuda:0",
                                          .name = "NVIDIA H100 80GB HBM3",
                                          .memory_bytes = 85'000'000'000,
                                          .free_bytes = 84'100'000'000,
                                          .detail = "compute capability 9.0",
                                          .why_not = {}});
        world->devices.devices.push_back({.id = "cuda:1",
                                          .name = "Tesla T4",
                                          .memory_bytes = 15'800'000'000,
                                          .free_bytes = 15'500'000'000,
                                          .detail = "compute capability 7.5",
                                          .why_not = "Compute capability 7.5, and 8.0 is needed."});
        world->gpu_free_bytes = 360'000'000;
    }
    const QString model = parser.value(QStringLiteral("model"));
    if (model == QLatin1String("slow"))
        world->load_takes = std::chrono::minutes(1);
    if (model == QLatin1String("failing"))
        world->load_error = "tensor blk.3.attn_kv_b.weight: expected 4096 × 512, found 4096 × 256";

    for (const char* name : {"starter.gguf", "models/DeepSeek-V2-Lite.gguf"}) {
        std::filesystem::create_directories((profile / name).parent_path());
        std::ofstream(profile / name) << "GGUF";
    }
    ui::Session session(lock, profile / "settings.ini", fake::functions(world),
                        {profile / "starter.gguf", profile / "models"});
    session.settings.setTheme(parser.value(QStringLiteral("theme")));
    session.settings.setZoom(parser.value(QStringLiteral("zoom")).toDouble());
    session.settings.setFirstStartDone(!empty);
    if (gpu)
        session.settings.setDevice(QStringLiteral("cuda:0"));
    if (model != QLatin1String("none"))
        session.models.loadFirst({});

    QQmlApplicationEngine engine;
    engine.addImportPath(QStringLiteral("qrc:/"));
    ui::registerObjects(engine, session.objects);
    engine.load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
    if (engine.rootObjects().isEmpty())
        return 1;
    auto* window = qobject_cast<QQuickWindow*>(engine.rootObjects().constFirst());
    const QStringList size = parser.value(QStringLiteral("size")).split(u'x');
    if (window && size.size() == 2)
        window->resize(size[0].toInt(), size[1].toInt());

    const auto once = Qt::ConnectionType(Qt::QueuedConnection | Qt::SingleShotConnection);
    const QString title = parser.value(QStringLiteral("open"));
    const QString say = parser.value(QStringLiteral("say"));
    bool said = say.isEmpty();
    const auto trySay = [&session, &say, &said] { said = said || session.chat.send(say); };
    QObject::connect(
        &session.conversations, &ui::ConversationModel::readyChanged, &session.chat,
        [&] {
            for (int row = 0; !title.isEmpty() && row < session.conversations.count(); ++row) {
                const QModelIndex index = session.conversations.index(row);
                if (index.data(ui::ConversationModel::Title).toString().startsWith(title))
                    session.conversations.open(
                        index.data(ui::ConversationModel::ConversationId).toLongLong());
            }
            QObject::connect(&session.chat, &ui::ChatModel::canSendChanged, &session.chat, trySay);
            trySay();
        },
        once);

    if (window) { // after the conversation is on the screen, which shows itself
        QTimer::singleShot(1000, window,
                           [&] { window->setProperty("page", parser.value(QStringLiteral("page"))); });
    }

    const QString shot = parser.value(QStringLiteral("shot"));
    if (!shot.isEmpty() && window) {
        QTimer::singleShot(parser.value(QStringLiteral("after")).toInt(), window, [window, shot] {
            window->grabWindow().save(shot);
            QCoreApplication::quit();
        });
    }
    return QCoreApplication::exec();
}
