// SPDX-License-Identifier: MIT
// A walk through the real program on a desktop of its own, as a person would take it: with a mouse and a
// keyboard, by what stands in the window, the real model answering. What happened is looked up in the
// history's file, in exported files, in window titles and on the screen. A picture of each step stays in the
// build folder under walk/.
#include "storage/chat_store.h"
#include "storage/database.h"
#include "tests/app/desktop.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

using desktop::Desktop;
using desktop::Element;

class TestWalk : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    Desktop m_desktop = Desktop(m_folder.path());
    std::unique_ptr<QProcess> m_program;
    bool m_broken = false;
    int m_pictures = 0;

    static constexpr int patience_ms = 120'000; // for what the model takes moments for on a quiet machine

    static constexpr const char* ended =
        "SELECT count(*) FROM messages WHERE role = 'assistant' AND status <> 'streaming'";
    static constexpr const char* conversations = "SELECT count(*) FROM conversations WHERE scope = 0";

    QString data() const { return m_desktop.home() + QStringLiteral("/.local/share/fathom"); }

    void start(const QStringList& arguments = {})
    {
        m_program = m_desktop.run(QStringLiteral(FATHOM_PROGRAM), arguments);
    }

    // The first number of what the history answers, read beside the program.
    qint64 number(const char* sql) const
    {
        storage::Connection history(storage::database_file(data().toStdString()),
                                    storage::Connection::Mode::read_only);
        return history.prepare(sql).first_integer();
    }
    QString text(const char* sql) const
    {
        storage::Connection history(storage::database_file(data().toStdString()),
                                    storage::Connection::Mode::read_only);
        storage::Statement statement = history.prepare(sql);
        if (!statement.step() || statement.is_null(0))
            return {};
        const std::string_view found = statement.text(0);
        return QString::fromUtf8(found.data(), static_cast<qsizetype>(found.size()));
    }
    bool becomes(const char* sql, qint64 wanted) const
    {
        if (desktop::comes([&] { return number(sql) == wanted; }, patience_ms))
            return true;
        qWarning("%s is %lld, not %lld", sql, number(sql), wanted);
        return false;
    }
    bool titled(const QString& title) const
    {
        if (desktop::comes([&] { return m_desktop.title() == title; }))
            return true;
        qWarning("The title is “%s”, not “%s”.", qPrintable(m_desktop.title()), qPrintable(title));
        return false;
    }
    bool focuses(const QString& name)
    {
        if (desktop::comes([&] {
                const std::vector<Element> all = m_desktop.elements();
                return std::any_of(all.begin(), all.end(), [&](const Element& element) {
                    return element.focused && element.name == name;
                });
            }))
            return true;
        qWarning("“%s” has not got the focus.", qPrintable(name));
        return false;
    }

    // Asks, and waits for the end of the answer.
    bool ask(const QString& question)
    {
        const qint64 before = number(ended);
        m_desktop.key(QStringLiteral("ctrl+l"));
        m_desktop.type(question);
        m_desktop.key(QStringLiteral("Return"));
        return becomes(ended, before + 1) && m_desktop.shows(QStringLiteral("Send"));
    }

    // As much as the model reads for a while, written as a lazy person would: by copying it over and over.
    void writeMuch(const QString& first = {})
    {
        m_desktop.key(QStringLiteral("ctrl+l"));
        m_desktop.type(
            first + QStringLiteral("The fox went into the wood and saw an owl, and the owl said a word. "));
        for (int i = 0; i < 4; ++i) // four times as much each time
            m_desktop.key(QStringLiteral("ctrl+a ctrl+c Right ctrl+v ctrl+v ctrl+v"));
    }

    void picture(const char* name)
    {
        const QString folder = QStringLiteral(FATHOM_BINARY_DIR "/walk");
        QDir().mkpath(folder);
        QVERIFY(m_desktop.screen().save(QStringLiteral("%1/%2-%3.png")
                                            .arg(folder)
                                            .arg(++m_pictures, 2, 10, QLatin1Char('0'))
                                            .arg(QLatin1String(name))));
    }

    bool cornerIsDark() // of the sidebar, below its last line
    {
        const auto sidebar = m_desktop.find(QStringLiteral("Conversations"));
        return sidebar &&
               m_desktop.screen().pixelColor(sidebar->area.bottomLeft() + QPoint(3, -3)).lightness() < 80;
    }

private slots:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        const QString why = m_desktop.start();
        QVERIFY2(why.isEmpty(), qPrintable(why));
    }

    void init() { QVERIFY2(!m_broken, "an earlier step did not succeed"); }

    void cleanup()
    {
        if (QTest::currentTestFailed() && !m_broken) {
            m_broken = true;
            picture("failed");
        }
    }

    void cleanupTestCase()
    {
        if (m_program && m_program->state() != QProcess::NotRunning) {
            m_program->kill();
            m_program->waitForFinished();
        }
    }

    void firstStart()
    {
        start();
        QVERIFY(m_desktop.shows(QStringLiteral("Start talking")));
        QVERIFY(m_desktop.shows(QStringLiteral("Nothing you write leaves this machine*")));
        QVERIFY(m_desktop.lacks(QStringLiteral("New chat"))); // which lies behind
        picture("first-start");
        for (const QString& folder : {data(), m_desktop.home() + QStringLiteral("/.config/fathom")})
            QCOMPARE(QFile::permissions(folder) & 0x0077, QFile::Permissions());
        QCOMPARE(QFile::permissions(data() + QStringLiteral("/fathom.sqlite")) & 0x0077,
                 QFile::Permissions());
        QVERIFY(m_desktop.press(QStringLiteral("Start talking")));
        QVERIFY(m_desktop.shows(QStringLiteral("Tell me a short story about a fox.")));
        QCOMPARE(m_desktop.title(), QStringLiteral("Fathom"));
        picture("empty");
    }

    void asks()
    {
        QVERIFY(ask(QStringLiteral("Tell me a short story about a fox.")));
        QCOMPARE(text("SELECT content FROM messages WHERE role = 'user'"),
                 QStringLiteral("Tell me a short story about a fox."));
        QCOMPARE(text("SELECT status FROM messages WHERE role = 'assistant'"), QStringLiteral("complete"));
        QVERIFY(titled(QStringLiteral("Tell me a short story about a fox – Fathom")));
        QVERIFY(m_desktop.shows(QStringLiteral("You: Tell me a short story about a fox.")));
        picture("answer");
    }

    void asksAgainAndLooksAtTheVersions()
    {
        QVERIFY(m_desktop.press(QStringLiteral("Answer again")));
        QVERIFY(becomes(ended, 2));
        QVERIFY(m_desktop.shows(QStringLiteral("Version 2 of 2")));
        QVERIFY(m_desktop.press(QStringLiteral("Previous version")));
        QVERIFY(m_desktop.shows(QStringLiteral("Version 1 of 2")));
        QCOMPARE(number("SELECT count(DISTINCT parent) FROM messages WHERE role = 'assistant'"), 1);
        picture("versions");
    }

    void looksAtTheDetails()
    {
        const QString first = text("SELECT content FROM messages WHERE role = 'assistant' ORDER BY id");
        QVERIFY(m_desktop.press(QStringLiteral("Details")));
        QVERIFY(m_desktop.shows(QStringLiteral("Details of the answer"), desktop::dialog));
        picture("details");
        QVERIFY(m_desktop.press(QStringLiteral("Generate again exactly so")));
        QVERIFY(becomes(ended, 3));
        QCOMPARE(text("SELECT content FROM messages WHERE role = 'assistant' ORDER BY id DESC"), first);
    }

    void looksAtTheContext()
    {
        QVERIFY(m_desktop.press(QStringLiteral("Context in use*")));
        QVERIFY(m_desktop.shows(QStringLiteral("Context"), desktop::dialog));
        picture("context");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.lacks(QStringLiteral("Context"), desktop::dialog));
    }

    void editsTheQuestion()
    {
        m_desktop.key(QStringLiteral("ctrl+l Up"));
        QVERIFY(focuses(QStringLiteral("Edit message")));
        m_desktop.key(QStringLiteral("ctrl+a"));
        m_desktop.type(QStringLiteral("Tell me a short story about an owl."));
        picture("edit");
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(becomes(ended, 4));
        QVERIFY(m_desktop.shows(QStringLiteral("You: Tell me a short story about an owl.")));
        QCOMPARE(number("SELECT count(*) FROM messages WHERE role = 'user' AND parent IS NULL"), 2);
        QCOMPARE(number("SELECT count(*) FROM messages WHERE role = 'user' AND content LIKE '%fox%'"), 1);
    }

    void stopsAndContinues()
    {
        writeMuch();
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("Stop")));
        picture("reading");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(becomes("SELECT count(*) FROM messages WHERE status = 'stopped'", 1));
        QVERIFY(m_desktop.shows(QStringLiteral("Continue")));
        picture("stopped");
        QVERIFY(m_desktop.press(QStringLiteral("Continue")));
        QVERIFY(becomes("SELECT count(*) FROM messages WHERE status NOT IN ('complete', 'failed')", 0));
        QVERIFY(m_desktop.shows(QStringLiteral("Send")));
    }

    void letsAMessageWait()
    {
        m_desktop.key(QStringLiteral("ctrl+n"));
        QVERIFY(titled(QStringLiteral("Fathom")));
        writeMuch();
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("Stop")));
        m_desktop.type(QStringLiteral("What is an owl?"));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("Waits: What is an owl?")));
        picture("queue");
        QVERIFY(becomes("SELECT count(*) FROM messages WHERE content = 'What is an owl?'", 1));
        QVERIFY(becomes("SELECT count(*) FROM messages WHERE status = 'streaming'", 0));
        QVERIFY(m_desktop.lacks(QStringLiteral("Waits: What is an owl?")));
        QVERIFY(m_desktop.shows(QStringLiteral("Send")));
    }

    void forks()
    {
        const qint64 before = number(conversations);
        QVERIFY(m_desktop.press(QStringLiteral("Fork from here")));
        QVERIFY(becomes(conversations, before + 1));
        picture("fork");
    }

    void finds()
    {
        m_desktop.key(QStringLiteral("ctrl+f"));
        QVERIFY(focuses(QStringLiteral("Find in this conversation")));
        m_desktop.type(QStringLiteral("owl said"));
        QVERIFY(m_desktop.shows(QStringLiteral("256 of 256"))); // the last is the nearest
        m_desktop.key(QStringLiteral("shift+Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("255 of 256")));
        picture("find");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.lacks(QStringLiteral("255 of 256")));
    }

    void renames()
    {
        m_desktop.key(QStringLiteral("F2"));
        QVERIFY(focuses(QStringLiteral("Title of the conversation")));
        m_desktop.key(QStringLiteral("ctrl+a"));
        m_desktop.type(QStringLiteral("A fork of owls"));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(titled(QStringLiteral("A fork of owls – Fathom")));
        QCOMPARE(number("SELECT count(*) FROM conversations WHERE title = 'A fork of owls' AND "
                        "title_is_automatic = 0"),
                 1);
    }

    void sorts()
    {
        m_desktop.key(QStringLiteral("ctrl+shift+m"));
        QVERIFY(m_desktop.shows(QStringLiteral("Move to a folder"), desktop::dialog));
        m_desktop.type(QStringLiteral("Birds"));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE folder = 'Birds'", 1));
        QVERIFY(m_desktop.lacks(QStringLiteral("Move to a folder"), desktop::dialog));
        m_desktop.key(QStringLiteral("ctrl+shift+t"));
        QVERIFY(m_desktop.shows(QStringLiteral("Tags"), desktop::dialog));
        m_desktop.type(QStringLiteral("wise"));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(becomes("SELECT count(*) FROM conversation_tags WHERE tag = 'wise'", 1));
        picture("tags");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.lacks(QStringLiteral("Tags"), desktop::dialog));
        m_desktop.key(QStringLiteral("ctrl+shift+p"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE pinned", 1));
        m_desktop.key(QStringLiteral("ctrl+shift+p"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE pinned", 0));
    }

    void dragsIntoAFolder()
    {
        QVERIFY(m_desktop.shows(QStringLiteral("Folder Birds*")));
        const auto folder = m_desktop.find(QStringLiteral("Folder Birds*"));
        const auto story = m_desktop.find(QStringLiteral("Tell me a short story*"), desktop::list_item);
        QVERIFY(folder && story);
        m_desktop.drag(story->area.center(), folder->area.center(), [this] { picture("drag"); });
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE folder = 'Birds'", 2));
    }

    void archivesAndBringsBack()
    {
        m_desktop.key(QStringLiteral("ctrl+shift+a"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 1", 1));
        QVERIFY(m_desktop.press(QStringLiteral("Archive")));
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item, 3));
        QVERIFY(m_desktop.press(QStringLiteral("Back from the archive"), desktop::menu_item));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 1", 0));
        QVERIFY(m_desktop.press(QStringLiteral("Back to the conversations")));
    }

    void deletesAndUndoes()
    {
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item));
        QVERIFY(titled(QStringLiteral("A fork of owls – Fathom")));
        m_desktop.key(QStringLiteral("ctrl+shift+Delete"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 1));
        QVERIFY(m_desktop.shows(QStringLiteral("Undo")));
        picture("undo");
        QVERIFY(m_desktop.press(QStringLiteral("Undo")));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 0));

        m_desktop.key(QStringLiteral("ctrl+g"));
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item, 3));
        picture("menu");
        QVERIFY(m_desktop.press(QStringLiteral("Delete"), desktop::menu_item));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 1));
        QVERIFY(m_desktop.press(QStringLiteral("Trash")));
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item, 3));
        picture("trash");
        QVERIFY(m_desktop.press(QStringLiteral("Put back"), desktop::menu_item));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 0));
        QVERIFY(m_desktop.press(QStringLiteral("Back to the conversations")));
    }

    void switchesByKeys()
    {
        m_desktop.key(QStringLiteral("ctrl+k"));
        QVERIFY(m_desktop.shows(QStringLiteral("Go to a conversation"), desktop::dialog));
        m_desktop.type(QStringLiteral("short fox"));
        picture("switcher");
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(titled(QStringLiteral("Tell me a short story about a fox – Fathom")));
        QVERIFY(m_desktop.lacks(QStringLiteral("Go to a conversation"), desktop::dialog));
    }

    void searchesEverything()
    {
        m_desktop.key(QStringLiteral("ctrl+shift+f"));
        QVERIFY(focuses(QStringLiteral("Search all conversations")));
        m_desktop.type(QStringLiteral("tag:wise owl"));
        QVERIFY(m_desktop.lacks(QStringLiteral("The fox went into the wood*"), desktop::list_item));
        QVERIFY(m_desktop.shows(QStringLiteral("A fork of owls*"), desktop::list_item));
        picture("search");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.shows(QStringLiteral("Tell me a short story*"), desktop::list_item));
    }

    void talksWithoutATrace()
    {
        const qint64 before = number("SELECT count(*) FROM messages");
        m_desktop.key(QStringLiteral("ctrl+shift+n"));
        QVERIFY(m_desktop.shows(QStringLiteral("Close and forget")));
        m_desktop.type(QStringLiteral("My word is zanzibar."));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("Answer again")));
        QVERIFY(m_desktop.shows(QStringLiteral("Send")));
        picture("temporary");
        QVERIFY(m_desktop.press(QStringLiteral("Close and forget")));
        QVERIFY(m_desktop.lacks(QStringLiteral("You: My word is zanzibar.")));
        QVERIFY(m_desktop.lacks(QStringLiteral("My word is zanzibar*")));
        QCOMPARE(number("SELECT count(*) FROM messages"), before);
        for (const QString& name : QDir(data()).entryList(QDir::Files)) {
            QFile file(data() + u'/' + name);
            QVERIFY(file.open(QIODevice::ReadOnly));
            QVERIFY2(!file.readAll().contains("zanzibar"), qPrintable(name));
        }
    }

    void setsWhatItLikes()
    {
        m_desktop.key(QStringLiteral("ctrl+comma"));
        QVERIFY(m_desktop.press(QStringLiteral("Search the settings")));
        m_desktop.type(QStringLiteral("theme"));
        QVERIFY(m_desktop.lacks(QStringLiteral("Days in the trash")));
        picture("settings");
        QVERIFY(m_desktop.press(QStringLiteral("Theme: Dark")));
        QVERIFY(desktop::comes([this] { return cornerIsDark(); }));
        picture("dark");
        QVERIFY(m_desktop.press(QStringLiteral("Theme: Light")));
        QVERIFY(desktop::comes([this] { return !cornerIsDark(); }));
        m_desktop.key(QStringLiteral("ctrl+shift+d"));
        QVERIFY(desktop::comes([this] { return cornerIsDark(); }));
        m_desktop.key(QStringLiteral("Escape Escape"));
        QVERIFY(focuses(QStringLiteral("Message")));

        const auto height = [this] { // of the button that sends
            const auto send = m_desktop.find(QStringLiteral("Send"));
            return send ? send->area.height() : 0;
        };
        const int usual = height();
        m_desktop.key(QStringLiteral("ctrl+plus ctrl+plus ctrl+plus ctrl+plus ctrl+plus"));
        QVERIFY(desktop::comes([&] { return height() == usual * 3 / 2; }));
        picture("zoom");
        m_desktop.key(QStringLiteral("ctrl+0"));
        QVERIFY(desktop::comes([&] { return height() == usual; }));
    }

    void looksAtTheModels()
    {
        m_desktop.key(QStringLiteral("ctrl+shift+l"));
        QVERIFY(m_desktop.shows(QStringLiteral("Unload Fathom Starter")));
        picture("models");
        QVERIFY(m_desktop.press(QStringLiteral("Unload Fathom Starter")));
        QVERIFY(m_desktop.press(QStringLiteral("Load Fathom Starter")));
        QVERIFY(m_desktop.shows(QStringLiteral("Unload Fathom Starter")));
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.lacks(QStringLiteral("Unload Fathom Starter")));
    }

    void looksAtTheKeys()
    {
        m_desktop.key(QStringLiteral("ctrl+slash"));
        QVERIFY(m_desktop.shows(QStringLiteral("Keys"), desktop::dialog));
        picture("keys");
        m_desktop.key(QStringLiteral("Escape"));
        QVERIFY(m_desktop.lacks(QStringLiteral("Keys"), desktop::dialog));
    }

    void exportsAndImports()
    {
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item));
        QVERIFY(titled(QStringLiteral("A fork of owls – Fathom")));
        m_desktop.key(QStringLiteral("ctrl+shift+e"));
        QVERIFY(m_desktop.press(QStringLiteral("Form: JSON")));
        picture("export");
        QVERIFY(m_desktop.press(QStringLiteral("Choose a file…")));
        QVERIFY(m_desktop.shows(QStringLiteral("File name")));
        picture("file-dialog");
        QVERIFY(m_desktop.press(QStringLiteral("Save")));
        const QString file = m_desktop.home() + QStringLiteral("/A fork of owls.json");
        QVERIFY(desktop::comes([&] { return QFile::exists(file); }));
        QVERIFY(m_desktop.shows(QStringLiteral("Exported to*")));
        picture("exported");

        const char* const told = "SELECT group_concat(content, '|') FROM (SELECT content FROM messages WHERE "
                                 "conversation IN (SELECT id FROM conversations WHERE title = 'A fork of "
                                 "owls') ORDER BY id)";
        const QString before = text(told);
        QVERIFY(before.size() > 50);
        m_desktop.key(QStringLiteral("ctrl+shift+Delete"));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 1));
        QVERIFY(m_desktop.press(QStringLiteral("Trash")));
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item, 3));
        QVERIFY(m_desktop.press(QStringLiteral("Delete for ever…"), desktop::menu_item));
        QVERIFY(m_desktop.press(QStringLiteral("Delete for ever"), desktop::button));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE scope = 2", 0));
        QVERIFY(m_desktop.press(QStringLiteral("Back to the conversations")));
        QVERIFY(text(told).isEmpty());

        m_desktop.key(QStringLiteral("ctrl+comma"));
        QVERIFY(m_desktop.press(QStringLiteral("Your data")));
        QVERIFY(m_desktop.press(QStringLiteral("Import…")));
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls.json")));
        QVERIFY(m_desktop.press(QStringLiteral("Import")));
        QVERIFY(becomes("SELECT count(*) FROM conversations WHERE title = 'A fork of owls'", 1));
        picture("imported");
        QCOMPARE(text(told), before);
        QVERIFY(m_desktop.press(QStringLiteral("A fork of owls*"), desktop::list_item));
        QVERIFY(titled(QStringLiteral("A fork of owls – Fathom")));
    }

    void aSecondStartRaisesTheFirst()
    {
        m_desktop.minimise();
        QVERIFY(desktop::comes([this] { return !m_desktop.title().endsWith(QStringLiteral("Fathom")); }));
        const std::unique_ptr<QProcess> second = m_desktop.run(QStringLiteral(FATHOM_PROGRAM), {});
        QVERIFY(second->waitForFinished(60'000));
        QCOMPARE(second->exitCode(), 0);
        QVERIFY(titled(QStringLiteral("A fork of owls – Fathom")));
    }

    // Who starts it from a menu sees no terminal.
    void aStartThatFailsIsTold()
    {
        const std::unique_ptr<QProcess> program = m_desktop.run(
            QStringLiteral(FATHOM_PROGRAM), {QStringLiteral("--profile"), data() + QStringLiteral("/lock")});
        QVERIFY(desktop::comes([&] { return program->state() == QProcess::NotRunning; }));
        QCOMPARE(program->exitCode(), 1);
        QVERIFY(desktop::comes([this] { return !m_desktop.notifications().empty(); }));
        QCOMPARE(m_desktop.notifications().back().title, QStringLiteral("Fathom could not start"));
        QVERIFY(m_desktop.notifications().back().text.contains(QStringLiteral("/lock")));
        m_desktop.notifications().clear();
    }

    void isToldOfAnAnswer()
    {
        m_desktop.key(QStringLiteral("ctrl+n"));
        QVERIFY(titled(QStringLiteral("Fathom")));
        writeMuch();
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(m_desktop.shows(QStringLiteral("Stop")));
        m_desktop.minimise();
        QVERIFY(desktop::comes([this] { return !m_desktop.notifications().empty(); }, patience_ms));
        const desktop::Notification note = m_desktop.notifications().back();
        QVERIFY2(note.title.startsWith(QStringLiteral("The fox went")), qPrintable(note.title));
        QCOMPARE(note.text, QStringLiteral("The answer is finished."));
        m_desktop.choose(note);
        QVERIFY(
            desktop::comes([this] { return m_desktop.title().startsWith(QStringLiteral("The fox went")); }));
        QCOMPARE(m_desktop.notifications().size(), std::size_t(1));
    }

    void nothingIsLostToAKill()
    {
        m_desktop.key(QStringLiteral("ctrl+n"));
        QVERIFY(titled(QStringLiteral("Fathom")));
        writeMuch(QStringLiteral("Forget nothing. "));
        m_desktop.key(QStringLiteral("Return"));
        QVERIFY(becomes("SELECT count(*) FROM messages WHERE status = 'streaming'", 1));
        const QString asked = text("SELECT content FROM messages WHERE role = 'user' ORDER BY id DESC");
        m_program->kill();
        QVERIFY(m_program->waitForFinished());
        start();
        QVERIFY(m_desktop.press(QStringLiteral("Forget nothing*"), desktop::list_item));
        QVERIFY(m_desktop.shows(QStringLiteral("You: ") + asked));
        QVERIFY(m_desktop.shows(QStringLiteral("Continue")));
        QCOMPARE(number("SELECT count(*) FROM messages WHERE status = 'interrupted'"), 1);
        picture("interrupted");
    }

    void afterTwoFailedStartsItIsCareful()
    {
        QVERIFY(desktop::comes([this] { return !QFile::exists(data() + QStringLiteral("/starting")); }));
        m_program->kill();
        QVERIFY(m_program->waitForFinished());
        for (int i = 1; i <= 2; ++i) { // as if the program did not come up
            start();
            QVERIFY(desktop::comes([&] {
                QFile counted(data() + QStringLiteral("/starting"));
                return counted.open(QIODevice::ReadOnly) && counted.readAll() == QByteArray::number(i);
            }));
            m_program->kill();
            QVERIFY(m_program->waitForFinished());
        }
        start();
        QVERIFY(m_desktop.shows(QStringLiteral("Safe mode*")));
        QVERIFY(m_desktop.shows(QStringLiteral("Choose a model")));
        QVERIFY(!cornerIsDark());
        picture("safe-mode");
        m_desktop.key(QStringLiteral("ctrl+q"));
        QVERIFY(m_program->waitForFinished(60'000));
        QCOMPARE(m_program->exitCode(), 0);
    }

    void comesBackAsItWas()
    {
        start();
        QVERIFY(m_desktop.shows(QStringLiteral("A fork of owls*"), desktop::list_item));
        QVERIFY(desktop::comes([this] { return cornerIsDark(); }));
        picture("again");
        m_desktop.key(QStringLiteral("ctrl+q"));
        QVERIFY(m_program->waitForFinished(60'000));
        QCOMPARE(m_program->exitCode(), 0);
        QCOMPARE(text("PRAGMA integrity_check"), QStringLiteral("ok"));
    }
};

QTEST_GUILESS_MAIN(TestWalk)
#include "test_walk.moc"
