// SPDX-License-Identifier: MIT
#include "app/fathom/application.h"

#include "app/common/paths.h"
#include "engine/error.h"
#include "storage/error.h"
#include "ui/text.h"

#include <QGuiApplication>
#include <QOffscreenSurface>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QQuickStyle>
#include <QTimer>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

namespace app {

namespace {

bool hasHardwareOpenGl()
{
    QOffscreenSurface surface;
    surface.create();
    QOpenGLContext context;
    if (!context.create() || !context.makeCurrent(&surface))
        return false;
    const auto* name = reinterpret_cast<const char*>(context.functions()->glGetString(GL_RENDERER));
    const QString renderer = QString::fromUtf8(name).toLower();
    context.doneCurrent();
    return !renderer.contains(QLatin1String("llvmpipe")) && !renderer.contains(QLatin1String("softpipe")) &&
           !renderer.contains(QLatin1String("swrast"));
}

constexpr int failures_before_safe_mode = 2;
constexpr int stands_after_ms = 5000;

// Those of safe mode: the module of the GPU is not touched.
ui::EngineFunctions withoutGpu()
{
    static constexpr const char* why = "Safe mode uses no GPU.";
    ui::EngineFunctions functions;
    functions.load = [](const std::filesystem::path& model, const engine::LoadOptions& options,
                        const std::function<void(const engine::LoadProgress&)>& progress,
                        std::stop_token stop) {
        if (options.device != "cpu")
            throw engine::DeviceError(engine::DeviceError::Cause::unusable, why, options.device);
        return engine::load(model, options, progress, std::move(stop));
    };
    functions.listDevices = [] {
        engine::Devices devices;
        devices.devices.push_back({.id = "cpu",
                                   .name = "The processor",
                                   .memory_bytes = 0,
                                   .free_bytes = 0,
                                   .detail = {},
                                   .why_not = {}});
        devices.why_no_gpu = why;
        return devices;
    };
    return functions;
}

} // namespace

void Application::chooseStyle()
{
    QQuickStyle::setStyle(QStringLiteral("Basic"));
}

// Before the first window: draws without OpenGL where there is none, or only one that the processor computes,
// whose cores the engine needs.
void Application::chooseRenderer(Renderer renderer)
{
    if (renderer == Renderer::software ||
        (!qEnvironmentVariableIsSet("QT_QUICK_BACKEND") && !hasHardwareOpenGl()))
        QQuickWindow::setGraphicsApi(QSGRendererInterface::Software);
}

Application::Application(Options options)
    : m_options(std::move(options))
    , m_folders(Folders::of(ui::pathFromQt(m_options.profile)))
{
}

Application::~Application() = default;

Application::Start Application::start()
{
    try {
        m_lock = std::make_unique<storage::ProfileLock>(m_folders.data);
    } catch (const storage::Error& error) {
        m_message = ui::sentence(error);
        return Start::failed;
    }
    if (!m_lock->held()) {
        if (Instance::raiseOther(m_folders.data, m_options.model))
            return Start::raised;
        m_message =
            QStringLiteral("Fathom is already running with this profile (process %1), but does not answer.")
                .arg(m_lock->holder());
        return Start::failed;
    }
    m_counter.emplace(m_folders.data); // before anything that a driver or a model could break
    const bool unasked = !m_options.safeMode && m_counter->failed() >= failures_before_safe_mode;
    const bool safe = m_options.safeMode || unasked;
    chooseRenderer(safe ? Renderer::software : Renderer::best);
    m_log.emplace(m_folders.logs);
    qInfo("Fathom %s starts, Qt %s, platform %s", FATHOM_VERSION, qVersion(),
          qPrintable(QGuiApplication::platformName()));

    std::error_code error;
    std::filesystem::create_directories(m_folders.settings.parent_path(), error);
    m_session = std::make_unique<ui::Session>(*m_lock, m_folders.settings,
                                              safe ? withoutGpu() : ui::EngineFunctions{},
                                              ui::ModelList::Places{starterModel(), m_folders.models});
    if (safe) {
        m_session->settings.setAside({QStringLiteral("theme"), QStringLiteral("accent"),
                                      QStringLiteral("zoom"), QStringLiteral("fontFamily"),
                                      QStringLiteral("sidebarWidth"), QStringLiteral("windowGeometry")});
        m_session->platform.setSafeMode(
            unasked
                ? QCoreApplication::translate("Start",
                                              "Safe mode, because Fathom did not come up %1 times: no model "
                                              "was loaded, no GPU is used, and it looks as it did at first. "
                                              "The next start is a usual one.")
                      .arg(m_counter->failed())
                : QCoreApplication::translate("Start",
                                              "Safe mode: no model was loaded, no GPU is used, and it looks "
                                              "as it did at first."));
    } else {
        m_session->models.loadFirst(m_options.model);
    }

    m_instance = std::make_unique<Instance>(m_folders.data);
    QObject::connect(m_instance.get(), &Instance::raiseRequested, m_instance.get(),
                     [this](const QString& model) { raise(model); });

    m_qml = std::make_unique<QQmlApplicationEngine>();
    m_qml->addImportPath(QStringLiteral("qrc:/"));
    ui::registerObjects(*m_qml, m_session->objects);
    m_qml->load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
    if (!m_qml->rootObjects().isEmpty())
        m_window = qobject_cast<QQuickWindow*>(m_qml->rootObjects().constFirst());
    if (!m_window) {
        m_message = QStringLiteral("The window could not be made; this installation is damaged.");
        return Start::failed;
    }
    QObject::connect(&m_session->notifier, &ui::Notifier::chosen, m_window, [this](qint64 conversation) {
        m_session->conversations.open(conversation);
        bringForward();
    });
    QTimer::singleShot(stands_after_ms, m_window, [this] { m_counter->stood(); });
    m_window->show();
    return Start::window;
}

void Application::bringForward()
{
    emit m_session->platform.raiseRequested();
    if (m_window->visibility() == QWindow::Minimized)
        m_window->showNormal();
    m_window->raise();
    m_window->requestActivate();
}

void Application::raise(const QString& model)
{
    bringForward();
    if (!model.isEmpty())
        m_session->models.load(model);
}

} // namespace app
