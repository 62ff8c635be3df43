// SPDX-License-Identifier: MIT
#pragma once

#include "tests/ui/stage.h"

#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickWindow>
#include <QSignalSpy>

#include <functional>

// The real window over a stage, and what a person does with it. Qt's warnings are gathered meanwhile.
class ShownWindow
{
public:
    ShownWindow()
    {
        s_warnings.clear();
        s_before = qInstallMessageHandler(collect);
    }
    ~ShownWindow()
    {
        qml.reset();
        stage.session.reset();
        qInstallMessageHandler(s_before);
    }
    ShownWindow(const ShownWindow&) = delete;
    ShownWindow& operator=(const ShownWindow&) = delete;

    // The session has been started.
    void show()
    {
        qml = std::make_unique<QQmlApplicationEngine>();
        qml->addImportPath(QStringLiteral("qrc:/"));
        ui::registerObjects(*qml, stage.session->objects);
        qml->load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
        window = qobject_cast<QQuickWindow*>(qml->rootObjects().value(0));
        if (!window)
            qFatal("The window is not there.\n%s", qPrintable(s_warnings.join(u'\n')));
        window->resize(1200, 800);
        window->show();
        window->requestActivate();
        if (!waitForActive(window))
            qFatal("The window is not active.");
    }

    // With an open history, a loaded model and the first start behind it.
    void showReady()
    {
        stage.startReady().settings.setFirstStartDone(true);
        show();
    }

    static QStringList warnings() { return s_warnings; }

    QObject* object(const char* name) const
    {
        auto* found = window->findChild<QObject*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }
    QQuickItem* item(const char* name) const { return qobject_cast<QQuickItem*>(object(name)); }

    // Every visible item below, parents first.
    static void walk(const QQuickItem* in, const std::function<void(QQuickItem*)>& visit)
    {
        for (QQuickItem* one : in->childItems()) {
            if (one->isVisible()) {
                visit(one);
                walk(one, visit);
            }
        }
    }

    // The first visible item of that class whose text this is, or null.
    QQuickItem* texted(const char* type, const QString& text) const
    {
        QQuickItem* found = nullptr;
        walk(window->contentItem(), [&](QQuickItem* one) {
            if (!found && one->inherits(type) && one->property("text").toString() == text)
                found = one;
        });
        return found;
    }
    QQuickItem* button(const char* text) const
    {
        return texted("QQuickAbstractButton", QString::fromUtf8(text));
    }

    // Laid out and drawn, where something has just appeared.
    void drawn() const
    {
        QSignalSpy done(window, &QQuickWindow::afterRendering);
        window->update();
        if (!QTest::qWaitFor([&done] { return !done.isEmpty(); }, patience_ms))
            qFatal("Nothing is drawn.");
    }

    void click(const QQuickItem* target, Qt::MouseButton mouse = Qt::LeftButton) const
    {
        if (!target)
            qFatal("There is nothing to click.");
        drawn();
        QTest::mouseClick(window, mouse, Qt::NoModifier,
                          target->mapToScene(QPointF(target->width() / 2, target->height() / 2)).toPoint());
    }

    void key(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) const
    {
        QTest::keyClick(window, key, modifiers);
    }

    void type(const QString& text) const
    {
        for (const QChar letter : text)
            QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, letter, Qt::NoModifier);
    }

    Stage stage;
    std::unique_ptr<QQmlApplicationEngine> qml;
    QQuickWindow* window = nullptr;

private:
    static void collect(QtMsgType type, const QMessageLogContext& context, const QString& message)
    {
        if (type == QtWarningMsg || type == QtCriticalMsg)
            s_warnings.append(
                QStringLiteral("%1 (%2:%3)").arg(message, QLatin1String(context.file)).arg(context.line));
        else
            s_before(type, context, message);
    }

    static inline QStringList s_warnings;
    static inline QtMessageHandler s_before = nullptr;
};
