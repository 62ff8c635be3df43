// SPDX-License-Identifier: MIT
// The real window on a scripted engine and a profile of samples, to look at it. It writes nothing but the
// profile and the picture. --do takes one step after another (see Stage hands below), as a person would:
//   ui_preview --open Formulas --do "key Ctrl+F" --do "type cache" --shot find.png
#include "tests/ui/fake_engine.h"
#include "tests/ui/sample_profile.h"
#include "tests/ui/sample_states.h"
#include "ui/session.h"
#include "ui/text.h"

#include <QAccessible>
#include <QCommandLineParser>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QTest>
#include <QtPlugin>

#include <cstdio>
#include <fstream>

Q_IMPORT_PLUGIN(FathomPlugin)

namespace {

void addOptions(QCommandLineParser& parser)
{
    const QString text = QStringLiteral("text");
    parser.addHelpOption();
    parser.addOptions({
        {QStringLiteral("theme"), QStringLiteral("light or dark"), text, QStringLiteral("light")},
        {QStringLiteral("size"), QStringLiteral("of the window, 1200x800"), text, QStringLiteral("1200x800")},
        {QStringLiteral("zoom"), QStringLiteral("of the window, 0.5 to 3"), text, QStringLiteral("1")},
        {QStringLiteral("accent"), QStringLiteral("#rrggbb"), text},
        {QStringLiteral("model"), QStringLiteral("none, slow, failing or huge"), text},
        {QStringLiteral("gpu"), QStringLiteral("two GPUs, the first chosen; its answers fail")},
        {QStringLiteral("policy"), QStringLiteral("when the context is full: stop, oldest or middle"), text},
        {QStringLiteral("empty"), QStringLiteral("a profile without conversations")},
        {QStringLiteral("first-start"), QStringLiteral("as on the first start")},
        {QStringLiteral("states"), QStringLiteral("conversations for all states of the window")},
        {QStringLiteral("many"), QStringLiteral("more conversations, with folders and tags"), text,
         QStringLiteral("0")},
        {QStringLiteral("damage"), QStringLiteral("the history is damaged")},
        {QStringLiteral("safe-mode"), QStringLiteral("as after two failed starts")},
        {QStringLiteral("profile"), QStringLiteral("the folder that keeps the profile"), text},
        {QStringLiteral("fill-only"), QStringLiteral("makes the profile and ends")},
        {QStringLiteral("open"), QStringLiteral("the conversation whose title begins so"), text},
        {QStringLiteral("say"), QStringLiteral("sends this"), text},
        {QStringLiteral("do"),
         QStringLiteral("a step: key Ctrl+K | type TEXT | click NAME | menu NAME | hover NAME | ctrl NAME | "
                        "drag NAME,DX,DY | link ADDRESS | turn NOTCHES | wait MS; NAME begins what a screen "
                        "reader says"),
         text},
        {QStringLiteral("shot"), QStringLiteral("writes a picture when all is done, and ends"), text},
    });
}

fake::Script script(bool gpu)
{
    if (gpu)
        return fake::Script{.text = "Bees visit flowers and",
                            .device_error = "The GPU was lost (an illegal memory access); Fathom uses "
                                            "the CPU until it is started again."};
    return fake::Script{.text = sample::markdown(),
                        .prompt_tokens = 1900,
                        .prompt_tokens_step = 64,
                        .prompt_step_takes = std::chrono::milliseconds(60),
                        .token_takes = std::chrono::milliseconds(25)};
}

void addGpus(fake::World& world)
{
    world.devices.why_no_gpu.clear();
    world.devices.devices.push_back({.id = "cuda:0",
                                     .name = "NVIDIA H100 80GB HBM3",
                                     .memory_bytes = 85'000'000'000,
                                     .free_bytes = 84'100'000'000,
                                     .detail = "compute capability 9.0",
                                     .why_not = {}});
    world.devices.devices.push_back({.id = "cuda:1",
                                     .name = "Tesla T4",
                                     .memory_bytes = 15'800'000'000,
                                     .free_bytes = 15'500'000'000,
                                     .detail = "compute capability 7.5",
                                     .why_not = "Compute capability 7.5, and 8.0 is needed."});
    world.gpu_free_bytes = 360'000'000;
}

std::shared_ptr<fake::World> makeWorld(const QString& model, bool gpu)
{
    auto world = std::make_shared<fake::World>();
    world->script = [gpu](const engine::Request&) { return script(gpu); };
    if (gpu)
        addGpus(*world);
    if (model == QLatin1String("slow"))
        world->load_takes = std::chrono::minutes(1);
    if (model == QLatin1String("failing"))
        world->load_error = "tensor blk.3.attn_kv_b.weight: expected 4096 × 512, found 4096 × 256";
    // What lies in the folder of models, beside the one that is built in.
    world->inspected = [](engine::ModelInfo& info) {
        const auto be = [&info](const char* name, const char* type, double parameters, double active,
                                double bytes, std::int64_t context, bool chat) {
            info.name = name;
            info.description = {};
            info.file_type = type;
            info.parameters = static_cast<std::int64_t>(parameters * 1e9);
            info.active_parameters = static_cast<std::int64_t>(active * 1e9);
            info.file_bytes = static_cast<std::int64_t>(bytes * 1e9);
            info.context_length = context;
            info.identity = name;
            info.is_chat = chat;
            const std::int64_t layers = parameters > 100 ? 60 : 27;
            info.kv_bytes_per_token = {{"bf16", layers * 576 * 2}, {"f32", layers * 576 * 4}};
            info.plain_kv_bytes_per_token = {{"bf16", layers * 40960}, {"f32", layers * 81920}};
        };
        const std::string file = info.path.filename().string();
        if (file.starts_with("DeepSeek-V2-Lite-Chat"))
            be("DeepSeek-V2-Lite-Chat", "Q4_K_M", 15.7, 2.4, 10.36, 163'840, true);
        else if (file.starts_with("DeepSeek-Coder-V2-Lite-Base"))
            be("DeepSeek-Coder-V2-Lite-Base", "Q8_0", 15.7, 2.4, 15.99, 163'840, false);
        else if (file.starts_with("DeepSeek-V2-Chat-0628"))
            be("DeepSeek-V2-Chat-0628", "Q4_K_M", 235.7, 21.4, 142.45, 163'840, true);
    };
    return world;
}

// Writes over pages in the middle of the database, as a bad disk would.
void damage(const std::filesystem::path& database)
{
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(database));
    std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    for (std::streamoff at = 4096; at < std::min<std::streamoff>(size, 12 * 4096); ++at)
        file.put('\x5a');
}

// Stage hands: the steps of --do.
class Hands
{
public:
    Hands(QQuickWindow& window, ui::Platform& platform)
        : m_window(window)
        , m_platform(platform)
    {
    }

    bool carryOut(const QString& step)
    {
        const QString verb = step.section(u' ', 0, 0);
        const QString rest = step.section(u' ', 1);
        if (verb == QLatin1String("wait")) {
            QTest::qWait(rest.toInt());
            return true;
        }
        if (verb == QLatin1String("link")) {
            m_platform.openLink(rest);
        } else if (verb == QLatin1String("key")) {
            QTest::keySequence(&m_window, QKeySequence(rest));
        } else if (verb == QLatin1String("type")) {
            for (const QChar letter : rest)
                QTest::sendKeyEvent(QTest::Click, &m_window, Qt::Key_unknown, letter, Qt::NoModifier);
        } else if (verb == QLatin1String("turn")) {
            turn(rest.toInt());
        } else {
            const auto place = placeOf(rest.section(u',', 0, 0));
            if (!place) {
                std::fprintf(stderr, "Nothing on the screen is called %s.\n", qPrintable(rest));
                return false;
            }
            if (verb == QLatin1String("click"))
                QTest::mouseClick(&m_window, Qt::LeftButton, Qt::NoModifier, *place);
            else if (verb == QLatin1String("ctrl"))
                QTest::mouseClick(&m_window, Qt::LeftButton, Qt::ControlModifier, *place);
            else if (verb == QLatin1String("menu"))
                QTest::mouseClick(&m_window, Qt::RightButton, Qt::NoModifier, *place);
            else if (verb == QLatin1String("hover"))
                QTest::mouseMove(&m_window, *place);
            else if (verb == QLatin1String("drag"))
                drag(*place,
                     *place + QPoint(rest.section(u',', 1, 1).toInt(), rest.section(u',', 2, 2).toInt()));
            else
                return false;
        }
        QTest::qWait(350); // until what appears has appeared
        return true;
    }

private:
    // The middle of the topmost item whose spoken name begins so.
    std::optional<QPoint> placeOf(const QString& name)
    {
        const QQuickItem* found = find(m_window.contentItem(), name);
        if (!found)
            return {};
        return found->mapToScene(QPointF(found->width() / 2, found->height() / 2)).toPoint();
    }

    QQuickItem* find(QQuickItem* in, const QString& name)
    {
        if (!in->isVisible() || in->opacity() == 0)
            return nullptr;
        const QList<QQuickItem*> children = in->childItems();
        for (auto child = children.rbegin(); child != children.rend(); ++child) {
            if (QQuickItem* found = find(*child, name))
                return found;
        }
        if (in->width() <= 0 || in->height() <= 0)
            return nullptr;
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(in);
        return spoken && spoken->text(QAccessible::Name).startsWith(name) ? in : nullptr;
    }

    void turn(int notches)
    {
        const QPointF middle(m_window.width() * 0.6, m_window.height() * 0.5);
        static ulong time = 0; // milliseconds; what comes at once would be one turn
        for (int i = 0; i < std::abs(notches); ++i) {
            QWheelEvent event(middle, m_window.mapToGlobal(middle), {}, QPoint(0, notches < 0 ? -120 : 120),
                              Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
            event.setTimestamp(time += 100);
            QCoreApplication::sendEvent(&m_window, &event);
            QTest::qWait(20);
        }
    }

    void drag(QPoint from, QPoint to)
    {
        QTest::mousePress(&m_window, Qt::LeftButton, Qt::NoModifier, from);
        for (int part = 1; part <= 8; ++part) {
            QTest::mouseMove(&m_window, from + (to - from) * part / 8);
            QTest::qWait(20);
        }
        QTest::mouseRelease(&m_window, Qt::LeftButton, Qt::NoModifier, to);
    }

    QQuickWindow& m_window;
    ui::Platform& m_platform;
};

bool openByTitle(ui::Session& session, const std::filesystem::path& profile, const QString& title)
{
    storage::ChatReader reader(profile);
    for (const storage::Conversation& one : reader.list_conversations(storage::Scope::active)) {
        if (QString::fromStdString(one.title).startsWith(title)) {
            session.conversations.open(one.id);
            return true;
        }
    }
    std::fprintf(stderr, "No conversation is called %s.\n", qPrintable(title));
    return false;
}

// Everything that was asked for on the command line, then the picture. Returns the program's exit status, or
// nothing where the window stays.
std::optional<int> perform(const QCommandLineParser& parser, const std::filesystem::path& profile,
                           ui::Session& session, QQuickWindow& window)
{
    const auto ready = [&session] {
        return session.conversations.ready() || !session.conversations.fatal().isEmpty();
    };
    if (!QTest::qWaitFor(ready, 60'000))
        return 1;
    const QString title = parser.value(QStringLiteral("open"));
    if (!title.isEmpty() && !openByTitle(session, profile, title))
        return 1;
    if (const QString say = parser.value(QStringLiteral("say")); !say.isEmpty()) {
        if (!QTest::qWaitFor([&session] { return session.chat.canSend(); }) || !session.chat.send(say))
            return 1;
    }
    QTest::qWait(700); // rows, formulas and colours of code come in
    Hands hands(window, session.platform);
    for (const QString& step : parser.values(QStringLiteral("do"))) {
        if (!hands.carryOut(step))
            return 1;
    }
    const QString shot = parser.value(QStringLiteral("shot"));
    if (shot.isEmpty())
        return {};
    QTest::qWait(400);
    return window.grabWindow().save(shot) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    QGuiApplication application(argc, argv);
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    QCommandLineParser parser;
    addOptions(parser);
    parser.process(application);
    const auto value = [&parser](const char* name) { return parser.value(QLatin1String(name)); };
    const auto has = [&parser](const char* name) { return parser.isSet(QLatin1String(name)); };

    const QTemporaryDir folder;
    const auto profile = ui::pathFromQt(has("profile") ? value("profile") : folder.path());
    const storage::ProfileLock lock(profile);
    if (!std::filesystem::exists(storage::database_file(profile))) {
        storage::ChatStore store(lock);
        if (has("states"))
            sample::fillStates(store);
        if (!has("empty"))
            sample::fill(store);
        if (has("many"))
            sample::fillMany(store, lock, value("many").toInt());
        else
            sample::spread(lock, 0, 9);
    }
    if (has("fill-only"))
        return 0;
    if (has("damage"))
        damage(storage::database_file(profile));

    for (const char* name :
         {"starter.gguf", "models/DeepSeek-V2-Lite-Chat.Q4_K_M.gguf",
          "models/DeepSeek-Coder-V2-Lite-Base.Q8_0.gguf", "models/DeepSeek-V2-Chat-0628.Q4_K_M.gguf"}) {
        std::filesystem::create_directories((profile / name).parent_path());
        std::ofstream(profile / name) << "GGUF";
    }
    QAccessible::setActive(true);
    ui::Session session(lock, profile / "settings.ini",
                        fake::functions(makeWorld(value("model"), has("gpu"))),
                        {profile / "starter.gguf", profile / "models"});
    session.settings.setTheme(value("theme"));
    session.settings.setAccent(value("accent"));
    session.settings.setZoom(value("zoom").toDouble());
    session.settings.setContextPolicy(value("policy"));
    session.settings.setFirstStartDone(!has("first-start"));
    if (has("safe-mode"))
        session.platform.setSafeMode(QStringLiteral(
            "Safe mode: the last two starts did not succeed. The model is not loaded by itself."));
    if (has("gpu"))
        session.settings.setDevice(QStringLiteral("cuda:0"));
    if (value("model") != QLatin1String("none"))
        session.models.loadFirst({});

    QQmlApplicationEngine engine;
    engine.addImportPath(QStringLiteral("qrc:/"));
    ui::registerObjects(engine, session.objects);
    engine.load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
    auto* window = engine.rootObjects().isEmpty()
                       ? nullptr
                       : qobject_cast<QQuickWindow*>(engine.rootObjects().constFirst());
    if (!window)
        return 1;
    const QStringList size = value("size").split(u'x');
    if (size.size() == 2)
        window->resize(size[0].toInt(), size[1].toInt());
    window->requestActivate();
    const std::optional<int> status = perform(parser, profile, session, *window);
    return status ? *status : QCoreApplication::exec();
}
