// SPDX-License-Identifier: MIT
// What a picture would show and a person would feel: contrast, widths, a page that holds still, names for all
// that the keyboard reaches. The real window on a scripted engine.
#include "tests/ui/sample_profile.h"
#include "tests/ui/stage.h"

#include <QAccessible>
#include <QClipboard>
#include <QDirIterator>
#include <QQmlApplicationEngine>
#include <QQmlComponent>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTextDocument>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

class TestLook : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QQmlApplicationEngine> qml;
    QQuickWindow* window = nullptr;
    std::unique_ptr<QObject> m_holder;
    QObject* m_theme = nullptr;

    QQuickItem* item(const char* name)
    {
        auto* found = window->findChild<QQuickItem*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }

    void show()
    {
        stage->startReady();
        stage->session->settings.setFirstStartDone(true);
        qml = std::make_unique<QQmlApplicationEngine>();
        qml->addImportPath(u"qrc:/"_s);
        ui::registerObjects(*qml, stage->session->objects);
        qml->load(QUrl(u"qrc:/Fathom/Main.qml"_s));
        QVERIFY(!qml->rootObjects().isEmpty());
        window = qobject_cast<QQuickWindow*>(qml->rootObjects().constFirst());
        window->resize(1200, 800);
        window->requestActivate();
        QVERIFY(waitForActive(window));
    }

    QObject* theme()
    {
        if (!m_theme) {
            QQmlComponent component(qml.get());
            component.setData("import QtQml\nimport Fathom\nQtObject { property QtObject theme: Theme }", {});
            m_holder.reset(component.create());
            if (!m_holder)
                qFatal("%s", qPrintable(component.errorString()));
            m_theme = m_holder->property("theme").value<QObject*>();
        }
        return m_theme;
    }

    QColor color(const char* name) { return theme()->property(name).value<QColor>(); }

    static double luminance(const QColor& color)
    {
        const auto channel = [](double value) {
            return value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
        };
        return 0.2126 * channel(color.redF()) + 0.7152 * channel(color.greenF()) +
               0.0722 * channel(color.blueF());
    }

    static double contrast(const QColor& a, const QColor& b)
    {
        const double light = std::max(luminance(a), luminance(b));
        const double dark = std::min(luminance(a), luminance(b));
        return (light + 0.05) / (dark + 0.05);
    }

    static QString describe(QQuickItem* item)
    {
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(item);
        const QPointF place = item->mapToScene({});
        return u"%1 “%2” at %3,%4"_s
            .arg(QLatin1String(item->metaObject()->className()),
                 spoken ? spoken->text(QAccessible::Name) : QString())
            .arg(place.x())
            .arg(place.y());
    }

    // Sends and waits for the whole answer.
    void answer(const std::string& text, std::chrono::microseconds perToken = 0us)
    {
        stage->world->script = [text, perToken](const engine::Request&) {
            return fake::Script{.text = text, .letters_per_token = 64, .token_takes = perToken};
        };
        QVERIFY(stage->session->chat.send(u"Question"_s));
    }

private slots:
    void initTestCase()
    {
        QQuickStyle::setStyle(u"Basic"_s);
        QAccessible::setActive(true);
    }

    void init() { stage = std::make_unique<Stage>(); }

    void cleanup()
    {
        window = nullptr;
        m_theme = nullptr;
        m_holder.reset();
        qml.reset();
        stage.reset();
    }

    // 4.5:1 for words, 3:1 for controls (WCAG 2), on every surface they stand on, in both themes and with
    // every accent that is offered and some that are not.
    void contrastIsEnough()
    {
        show();
        for (const QString& mode : {u"light"_s, u"dark"_s}) {
            for (const QString& accent :
                 {u""_s, u"#0b7a75"_s, u"#2e7d32"_s, u"#b45309"_s, u"#c2255c"_s, u"#7c3aed"_s, u"#52525b"_s,
                  u"#ffff00"_s, u"#000000"_s, u"#ffffff"_s}) {
                stage->session->settings.setTheme(mode);
                stage->session->settings.setAccent(accent);
                const auto check = [&](const char* words, const char* surface, double least) {
                    const double ratio = contrast(color(words), color(surface));
                    QVERIFY2(ratio >= least, qPrintable(u"%1, accent %2: %3 on %4 has %5"_s.arg(
                                                 mode, accent, QLatin1String(words), QLatin1String(surface),
                                                 QString::number(ratio))));
                };
                for (const char* surface : {"window", "sidebar", "surface", "raised", "selection"}) {
                    check("text", surface, 4.5);
                    check("textMuted", surface, 4.5);
                }
                check("accent", "window", 4.5);
                check("accentText", "accent", 4.5);
                check("warning", "window", 4.5);
                check("danger", "window", 4.5);
                check("accent", "sidebar", 3);
                check("accent", "raised", 3);
                const QVariantList hues = theme()->property("codeColors").toList();
                QCOMPARE(hues.size(), 7);
                for (const QVariant& hue : hues) {
                    QVERIFY(contrast(QColor(hue.toString()), color("surface")) >= 4.5);
                    QVERIFY(contrast(QColor(hue.toString()), color("window")) >= 4.5);
                }
            }
        }
    }

    // Everything that is laid out follows the zoom.
    void sizesFollowTheZoom()
    {
        show();
        const int reading = theme()->property("readingSize").toInt();
        const int column = theme()->property("columnWidth").toInt();
        stage->session->settings.setZoom(2);
        QCOMPARE(theme()->property("readingSize").toInt(), 2 * reading);
        QCOMPARE(theme()->property("columnWidth").toInt(), 2 * column);
    }

    void nothingWidensThePage_data()
    {
        QTest::addColumn<QString>("text");
        QTest::newRow("long word") << u"x"_s.repeated(4000);
        QTest::newRow("twelve columns") << u"| a longer cell "_s.repeated(12) + u"|\n"_s +
                                               u"|---"_s.repeated(12) + u"|\n"_s +
                                               u"| some words in a cell "_s.repeated(12) + u"|\n"_s;
        QTest::newRow("long code")
            << u"```c\n"_s + (u"int value = "_s + u"1 + "_s.repeated(100) + u"1;\n"_s).repeated(200) +
                   u"```\n"_s;
        QTest::newRow("list with code")
            << u"- a\n  - b\n    ```\n    "_s + u"y"_s.repeated(1000) + u"\n    ```\n"_s;
        QTest::newRow("formula") << u"$$\n"_s + u"x+"_s.repeated(500) + u"\n$$\n"_s;
        QTest::newRow("long address") << u"https://example.org/"_s + u"path/"_s.repeated(400);
    }

    void nothingWidensThePage()
    {
        QFETCH(QString, text);
        show();
        answer(text.toStdString());
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QQuickItem* list = item("messageList");
        for (const int width : {1200, 700}) {
            window->resize(width, 800);
            QTRY_VERIFY(list->width() <= width);
            QTest::qWait(20);
            QCOMPARE(list->property("contentX").toReal(), 0.0);
            QVERIFY(list->property("contentWidth").toReal() <= list->width());
            // No item that can be seen sticks out of the list, except inside what scrolls by itself.
            const auto rows = list->property("contentItem").value<QQuickItem*>()->childItems();
            QVERIFY(!rows.isEmpty());
            QList<QQuickItem*> open = rows;
            while (!open.isEmpty()) {
                QQuickItem* next = open.takeLast();
                if (!next->isVisible() || next->width() <= 0)
                    continue;
                const QRectF place = next->mapRectToItem(list, QRectF(0, 0, next->width(), next->height()));
                QVERIFY2(place.left() >= -1 && place.right() <= list->width() + 1,
                         qPrintable(u"%1 from %2 to %3 of %4, y %5, height %6"_s
                                        .arg(QLatin1String(next->metaObject()->className()))
                                        .arg(place.left())
                                        .arg(place.right())
                                        .arg(list->width())
                                        .arg(place.y())
                                        .arg(next->height())));
                if (!next->clip())
                    open += next->childItems();
            }
        }
    }

    // At the end the page follows; once the person reads above, no word that arrives moves it.
    void thePageHoldsStillWhileOneReads()
    {
        show();
        std::string text;
        for (int i = 0; i < 120; ++i)
            text += "Paragraph " + std::to_string(i) + " with a few words, **bold** and `code`.\n\n";
        answer(text, 4ms);
        QQuickItem* list = item("messageList");
        const auto overflow = [list] { return list->property("contentHeight").toReal() - list->height(); };
        QTRY_VERIFY(overflow() > 600);
        QTRY_VERIFY(list->property("atYEnd").toBool() || list->property("atEnd").toBool());
        list->forceActiveFocus();
        for (int i = 0; i < 3; ++i)
            QTest::keyClick(window, Qt::Key_PageUp);
        QTest::qWait(30);
        const qreal place = list->property("contentY").toReal();
        const int rows = list->property("count").toInt();
        QTRY_VERIFY(list->property("count").toInt() > rows + 4 || stage->session->chat.canSend());
        QCOMPARE(list->property("contentY").toReal(), place);
        QTest::keyClick(window, Qt::Key_End);
        QTRY_VERIFY(stage->session->chat.canSend());
        QTRY_VERIFY(list->property("atEnd").toBool());
    }

    void upEditsTheLastMessageAsANewBranch()
    {
        show();
        answer("One answer.");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        item("composer")->forceActiveFocus();
        QTest::keyClick(window, Qt::Key_Up);
        QTRY_VERIFY(window->activeFocusItem() && window->activeFocusItem() != item("composer"));
        QCOMPARE(window->activeFocusItem()->property("text").toString(), u"Question"_s);
        QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, u'?', Qt::NoModifier);
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(stage->at(0, ui::ChatModel::Text).toString(), u"Question?"_s);
        QTRY_VERIFY(stage->session->chat.canSend());
        QCOMPARE(stage->at(0, ui::ChatModel::SiblingCount).toInt(), 2);
    }

    void escapeStops()
    {
        show();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "la ", .token_takes = 2ms, .endless = true};
        };
        QVERIFY(stage->session->chat.send(u"Sing"_s));
        QTRY_COMPARE(stage->session->chat.state(), u"writing"_s);
        item("composer")->forceActiveFocus();
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(stage->session->chat.canSend());
        QCOMPARE(stage->last(ui::ChatModel::Status).toString(), u"stopped"_s);
    }

    void theSidebarBecomesAnOverlay()
    {
        show();
        QQuickItem* sidebar = item("sidebar");
        QVERIFY(sidebar->isVisible());
        window->resize(700, 600);
        QTRY_VERIFY(!sidebar->isVisible());
        QTest::keyClick(window, Qt::Key_B, Qt::ControlModifier);
        QTRY_COMPARE(sidebar->x(), 0.0);
        QVERIFY(sidebar->isVisible());
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!sidebar->isVisible());
    }

    // Tab goes round through the window, past the composer and back, and everything on its way has a name.
    void everythingTheKeyboardReachesHasAName()
    {
        {
            storage::ChatStore store(stage->lock);
            sample::fill(store);
        }
        show();
        ui::ConversationModel& conversations = stage->session->conversations;
        conversations.open(conversations.index(0).data(ui::ConversationModel::ConversationId).toLongLong());
        QTRY_VERIFY(stage->session->chat.count() > 0);
        for (const QString& page : {u"chat"_s, u"settings"_s, u"models"_s}) {
            window->setProperty("page", page);
            QTest::qWait(30);
            QSet<QQuickItem*> seen;
            QQuickItem* previous = window->activeFocusItem();
            for (int i = 0; i < 200; ++i) {
                QTest::keyClick(window, Qt::Key_Tab);
                QQuickItem* focused = window->activeFocusItem();
                QVERIFY(focused);
                if (seen.contains(focused))
                    break;
                seen.insert(focused);
                QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(focused);
                QVERIFY2(spoken && !spoken->text(QAccessible::Name).isEmpty(),
                         qPrintable(u"%1: %2 after %3"_s.arg(page, describe(focused), describe(previous))));
                previous = focused;
            }
            QVERIFY2(seen.size() > 5, qPrintable(page));
        }
    }

    // A drag over several paragraphs selects them all, and a copy takes them all.
    void selectionReachesOverBlocks()
    {
        show();
        answer("First paragraph.\n\nSecond **one**.\n\n```c\nint a;\n```\n\nThe last paragraph.");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QTRY_COMPARE(item("messageList")->property("count").toInt(), 6);
        QTest::qWait(50);
        const auto text = [this](const QString& begin) -> QQuickItem* {
            QList<QQuickItem*> open{item("messageList")};
            while (!open.isEmpty()) {
                QQuickItem* next = open.takeLast();
                QString shown;
                if (next->inherits("QQuickTextEdit") &&
                    QMetaObject::invokeMethod(next, "getText", Q_RETURN_ARG(QString, shown), Q_ARG(int, 0),
                                              Q_ARG(int, 1000)) &&
                    shown.startsWith(begin))
                    return next;
                open += next->childItems();
            }
            return nullptr;
        };
        QQuickItem* first = text(u"First"_s);
        QQuickItem* last = text(u"The last"_s);
        QVERIFY(first && last);
        const QPoint from = first->mapToScene(QPointF(1, first->height() / 2)).toPoint();
        const QPoint to = last->mapToScene(QPointF(last->width() - 2, last->height() / 2)).toPoint();
        QTest::mousePress(window, Qt::LeftButton, {}, from);
        QTest::mouseMove(window, (from + to) / 2);
        QTest::qWait(20);
        QTest::mouseMove(window, to);
        QTest::qWait(20);
        QTest::mouseRelease(window, Qt::LeftButton, {}, to);
        QTest::keySequence(window, QKeySequence::Copy);
        QTRY_COMPARE(QGuiApplication::clipboard()->text(),
                     u"First paragraph.\n\nSecond one.\n\nint a;\n\nThe last paragraph."_s);
    }

    // Lists, quotes and tables of Arabic begin at the right; a formula in them keeps the order of its parts.
    void arabicBeginsAtTheRight()
    {
        show();
        answer("1. نجمع البيانات\n\n> العلم في الصغر\n\n| اللغة | الاتجاه |\n|---|---|\n| العربية | من "
               "اليمين |\n");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QQuickItem* list = item("messageList");
        QTRY_COMPARE(list->property("count").toInt(), 5);
        QTest::qWait(50);
        const auto placeOf = [this, list](const QString& text) -> qreal {
            QList<QQuickItem*> open{list};
            while (!open.isEmpty()) {
                QQuickItem* next = open.takeLast();
                if (next->inherits("QQuickText") && next->property("text").toString().endsWith(text))
                    return next->mapToScene({next->width() / 2, 0}).x();
                open += next->childItems();
            }
            return -1;
        };
        const qreal middle = list->mapToScene({list->width() / 2, 0}).x();
        QVERIFY(placeOf(u"1."_s) > middle);
        QVERIFY(placeOf(u"اللغة"_s) > middle);
        QVERIFY(placeOf(u"الاتجاه"_s) > 0 && placeOf(u"الاتجاه"_s) < middle);
    }

    // Where there is no room above an answer, its details open below it.
    void detailsStayInTheWindow()
    {
        show();
        answer("Yes.");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QTRY_COMPARE(item("messageList")->property("count").toInt(), 3);
        const QVariant id = stage->at(1, ui::ChatModel::MessageId);
        QMetaObject::invokeMethod(item("messageList"), "showDetails", Q_ARG(QVariant, id));
        const auto shown = [this]() -> QQuickItem* {
            QList<QQuickItem*> open{window->contentItem()};
            while (!open.isEmpty()) {
                QQuickItem* next = open.takeLast();
                if (next->inherits("QQuickPopupItem") && next->isVisible())
                    return next;
                open += next->childItems();
            }
            return nullptr;
        };
        QTRY_VERIFY(shown());
        QQuickItem* popup = shown();
        const QRectF place = popup->mapRectToScene(QRectF(0, 0, popup->width(), popup->height()));
        QVERIFY(QRectF(0, 0, window->width(), window->height()).contains(place));
        QVERIFY(place.height() >= popup->implicitHeight());
    }

    // All that is selected shows it, a table too.
    void aSelectedTableShowsIt()
    {
        show();
        answer("First.\n\n| a | b |\n|---|---|\n| c | d |\n\nLast.");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QQuickItem* list = item("messageList");
        QTRY_COMPARE(list->property("count").toInt(), 5);
        const auto selected = [list] {
            QQuickItem* cell = nullptr;
            QMetaObject::invokeMethod(list, "itemAtIndex", Q_RETURN_ARG(QQuickItem*, cell), Q_ARG(int, 2));
            return cell && cell->property("selected").toBool();
        };
        QVERIFY(!selected());
        list->forceActiveFocus();
        QTest::keySequence(window, QKeySequence::SelectAll);
        QTRY_VERIFY(selected());
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!selected());
    }

    // Code that streams stands in the editor as it was written, coloured, and in one piece.
    void codeIsShownAsWritten()
    {
        show();
        const QString code = u"def f(x):\n    return 'a'  # <b>\n\n\tprint(x)"_s;
        answer((u"```python\n"_s + code + u"\n```\n"_s).toStdString());
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->chat.count() == 2);
        QString found;
        QTRY_VERIFY([&] {
            QList<QQuickItem*> open{item("messageList")};
            while (!open.isEmpty()) {
                QQuickItem* next = open.takeLast();
                const QString text = next->property("text").toString();
                if (next->inherits("QQuickTextEdit") &&
                    next->metaObject()->indexOfProperty("textDocument") >= 0 &&
                    next->property("textFormat").toInt() == 0 && text.startsWith(u"def"))
                    found = text;
                open += next->childItems();
            }
            return found == code;
        }());
    }

    // Every element that shows text says that it is plain, or is one of ours that does.
    void noLabelGuessesItsFormat()
    {
        QDirIterator files(QStringLiteral(FATHOM_SOURCE_DIR "/ui/qml"), {u"*.qml"_s}, QDir::Files);
        int texts = 0;
        while (files.hasNext()) {
            QFile file(files.next());
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QStringList lines = QString::fromUtf8(file.readAll()).split(u'\n');
            for (qsizetype i = 0; i < lines.size(); ++i) {
                const QString line = lines[i].trimmed();
                const bool shows = line == u"Text {" || line == u"Label {" || line.endsWith(u"TextArea {") ||
                                   line == u"TextEdit {";
                if (!shows)
                    continue;
                ++texts;
                const QString block = lines.sliced(i, qMin<qsizetype>(14, lines.size() - i)).join(u'\n');
                QVERIFY2(block.contains(u"textFormat:"),
                         qPrintable(file.fileName() + u": "_s + QString::number(i + 1)));
            }
        }
        QVERIFY(texts > 4);
    }

    void titlesAreNeverMarkup()
    {
        show();
        const QString title = u"<img src=x width=999999999> <b>bold</b>"_s;
        answer("Yes.");
        QTRY_VERIFY(stage->session->chat.canSend() && stage->session->conversations.currentId() != 0);
        stage->session->conversations.rename(stage->session->conversations.currentId(), title);
        QTRY_COMPARE(stage->session->conversations.currentTitle(), title);
        QTest::qWait(30);
        int labels = 0;
        QList<QQuickItem*> open{window->contentItem()};
        while (!open.isEmpty()) {
            QQuickItem* next = open.takeLast();
            if (next->inherits("QQuickText") && next->property("text").toString() == title) {
                QCOMPARE(next->property("textFormat").toInt(), static_cast<int>(Qt::PlainText));
                ++labels;
            }
            open += next->childItems();
        }
        QVERIFY(labels >= 2); // in the sidebar and in the header
        QVERIFY(window->width() <= 1200);
    }
};

QTEST_MAIN(TestLook)
#include "test_look.moc"
