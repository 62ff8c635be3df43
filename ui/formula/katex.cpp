// SPDX-License-Identifier: MIT
#include "ui/formula/katex.h"

#include "ui/formula/box_layout.h"

#include <QFile>
#include <QFileInfo>
#include <QJSEngine>
#include <QJsonDocument>
#include <QLoggingCategory>
#include <QStandardPaths>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <pthread.h>
#include <time.h>

namespace ui {

namespace {

constexpr qsizetype kLongestSource = 4000; // letters
constexpr int kDeepest = 60;               // braces in braces
// Of the processor, so that a busy machine changes nothing; and by the clock, in case that it sleeps.
constexpr std::chrono::milliseconds kTime{400};
constexpr std::chrono::milliseconds kLoadTime{1000};
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kLook{50};
constexpr qint64 kLargestScript = 4 << 20;
constexpr qsizetype kLargestTree = 8 << 20; // letters of JSON

// Writes KaTeX's tree as JSON; see box_layout.h for the names. Runs inside the engine.
const char* const kWriter = R"((function (katex, errorColor) {
    const dom = katex.__domTree
    function write(node, depth) {
        if (depth > 200)
            throw new Error("too deep")
        const made = {}
        if (node instanceof dom.SvgNode) {
            made.g = node.attributes
        } else if (node instanceof dom.PathNode) {
            const markup = node.toMarkup()
            made.d = markup.slice(markup.indexOf("'") + 1, markup.lastIndexOf("'"))
            return made
        } else if (node instanceof dom.LineNode) {
            made.l = node.attributes
            return made
        } else if (node instanceof dom.SymbolNode) {
            made.t = node.text
            if (node.italic > 0)
                made.i = node.italic
        } else if (node instanceof dom.Anchor || !node.children) {
            throw new Error("not for us")
        }
        if (node.classes) {
            const classes = node.classes.filter(name => name).join(" ")
            if (classes)
                made.c = classes
        }
        if (node.style && Object.keys(node.style).length)
            made.s = node.style
        if (node.children && node.children.length)
            made.k = node.children.map(child => write(child, depth + 1))
        return made
    }
    return function (tex, display) {
        try {
            const tree = katex.__renderToHTMLTree(tex, {
                displayMode: display, throwOnError: true, errorColor: errorColor, strict: "ignore",
                trust: false, maxSize: 30, maxExpand: 400
            })
            return JSON.stringify(write(tree, 0))
        } catch (error) {
            return ""
        }
    }
}))";

} // namespace

// Interrupts an engine that runs longer than it may. Its thread sleeps unless a formula is being laid out.
class Watchdog
{
public:
    Watchdog()
        : m_thread([this] { run(); })
    {
    }

    ~Watchdog()
    {
        {
            const std::lock_guard lock(m_mutex);
            m_quit = true;
        }
        m_wake.notify_all();
        m_thread.join();
    }

    // From now on the calling thread has this much time.
    void begin(QJSEngine* engine, std::chrono::milliseconds time)
    {
        const std::lock_guard lock(m_mutex);
        m_engine = engine;
        m_clocked = pthread_getcpuclockid(pthread_self(), &m_clock) == 0;
        m_used = used() + time;
        m_deadline = std::chrono::steady_clock::now() + kPatience;
        m_bitten = m_closed;
        engine->setInterrupted(m_closed);
        m_wake.notify_all();
    }

    // Whether the engine was interrupted.
    bool end()
    {
        const std::lock_guard lock(m_mutex);
        m_engine = nullptr;
        return m_bitten;
    }

    void close()
    {
        const std::lock_guard lock(m_mutex);
        m_closed = true;
        bite();
    }

private:
    void bite()
    {
        if (m_engine) {
            m_engine->setInterrupted(true);
            m_bitten = true;
        }
    }

    void run()
    {
        std::unique_lock lock(m_mutex);
        while (!m_quit) {
            if (!m_engine || m_bitten) {
                m_wake.wait(lock);
            } else {
                m_wake.wait_for(lock, kLook);
                if (m_engine && (used() >= m_used || std::chrono::steady_clock::now() >= m_deadline)) {
                    bite();
                }
            }
        }
    }

    // What the watched thread has had of the processor; by the clock where that is not known.
    std::chrono::nanoseconds used() const
    {
        timespec time = {};
        if (!m_clocked || clock_gettime(m_clock, &time) != 0) {
            return std::chrono::steady_clock::now().time_since_epoch();
        }
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    }

    std::mutex m_mutex;
    std::condition_variable m_wake;
    QJSEngine* m_engine = nullptr;
    clockid_t m_clock = {};
    bool m_clocked = false;
    std::chrono::nanoseconds m_used{0}; // that ends it
    std::chrono::steady_clock::time_point m_deadline;
    bool m_bitten = false;
    bool m_closed = false;
    bool m_quit = false;
    std::thread m_thread;
};

Katex::Files Katex::find()
{
    const auto locate = [](std::initializer_list<const char*> names) {
        for (const char* name : names) {
            const QString path =
                QStandardPaths::locate(QStandardPaths::GenericDataLocation, QLatin1String(name));
            if (!path.isEmpty()) {
                return path;
            }
        }
        return QString();
    };
    Files files;
    files.script = locate({"javascript/katex/katex.min.js", "nodejs/katex/dist/katex.min.js"});
    const QString font = locate({"fonts/truetype/katex/KaTeX_Main-Regular.ttf",
                                 "javascript/katex/fonts/KaTeX_Main-Regular.ttf",
                                 "nodejs/katex/dist/fonts/KaTeX_Main-Regular.ttf"});
    files.fonts = font.isEmpty() ? QString() : QFileInfo(font).path();
    return files;
}

Katex::Katex(const Files& files)
    : m_files(files)
    , m_fonts(files.fonts)
    , m_watchdog(std::make_unique<Watchdog>())
{
}

Katex::~Katex() = default;

void Katex::interrupt()
{
    m_watchdog->close();
}

bool Katex::load()
{
    if (m_engine || m_failed) {
        return !m_failed;
    }
    m_failed = true;
    QFile file(m_files.script);
    if (!m_files.exist() || file.size() > kLargestScript || !file.open(QIODevice::ReadOnly)) {
        return false;
    }
    // The engine warns of each variable that the script uses before its declaration.
    QLoggingCategory::setFilterRules(QStringLiteral("qt.qml.compiler.warning=false"));
    m_engine = std::make_unique<QJSEngine>();
    m_watchdog->begin(m_engine.get(), kLoadTime);
    m_engine->evaluate(QString::fromUtf8(file.readAll()), QStringLiteral("katex"));
    const QJSValue writer = m_engine->evaluate(QString::fromUtf8(kWriter), QStringLiteral("writer"));
    const QJSValue katex = m_engine->globalObject().property(QStringLiteral("katex"));
    const QJSValue function = writer.isCallable() && katex.isObject()
                                  ? writer.call({katex, QString::fromUtf8(kFormulaErrorColor)})
                                  : QJSValue();
    m_engine->globalObject().setProperty(QStringLiteral("layOut"), function);
    m_failed = m_watchdog->end() || !function.isCallable();
    return !m_failed;
}

std::optional<FormulaLayout> Katex::layOut(const QString& tex, bool display)
{
    if (!isReasonableTex(tex) || !load()) {
        return std::nullopt;
    }
    m_watchdog->begin(m_engine.get(), kTime);
    QJSValue function = m_engine->globalObject().property(QStringLiteral("layOut"));
    const QJSValue result = function.call({tex, display});
    if (m_watchdog->end()) {
        m_engine.reset(); // what was interrupted may have left anything behind
        return std::nullopt;
    }
    const QString json = result.isString() ? result.toString() : QString();
    if (json.isEmpty() || json.size() > kLargestTree) {
        return std::nullopt;
    }
    const QJsonDocument tree = QJsonDocument::fromJson(json.toUtf8());
    return tree.isObject() ? layOutFormula(tree.object(), display, m_fonts) : std::nullopt;
}

bool isReasonableTex(const QString& tex)
{
    if (tex.trimmed().isEmpty() || tex.size() > kLongestSource) {
        return false;
    }
    int depth = 0;
    for (qsizetype i = 0; i < tex.size(); ++i) {
        const QStringView rest = QStringView(tex).sliced(i);
        const bool command = tex[i] == u'\\';
        if (tex[i] == u'{' || tex[i] == u'[' || rest.startsWith(u"\\left") || rest.startsWith(u"\\begin")) {
            ++depth;
        } else if (tex[i] == u'}' || tex[i] == u']' || rest.startsWith(u"\\right") ||
                   rest.startsWith(u"\\end")) {
            depth = qMax(0, depth - 1);
        }
        if (depth > kDeepest) {
            return false;
        }
        i += command ? 1 : 0; // an escaped brace opens nothing
    }
    return true;
}

} // namespace ui
