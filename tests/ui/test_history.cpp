// SPDX-License-Identifier: MIT
#include "storage/backup.h"
#include "tests/ui/sample_profile.h"
#include "tests/ui/stage.h"

#include <QSignalSpy>
#include <QTest>

#include <fstream>

class TestHistory : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;

    ui::History& history() { return stage->session->history; }
    ui::ConversationModel& conversations() { return stage->session->conversations; }

    QUrl url(const char* name) const { return QUrl::fromLocalFile(ui::pathToQt(stage->profile() / name)); }

    QByteArray content(const char* name) const
    {
        QFile file(url(name).toLocalFile());
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    void start(bool filled = true)
    {
        if (filled) {
            storage::ChatStore store(stage->lock);
            sample::fill(store);
        }
        stage->startReady();
    }

    void finish() { QTRY_VERIFY(history().doing().isEmpty() && !history().result().isEmpty()); }

    // Writes over pages in the middle of the database, as a bad disk would.
    void damage()
    {
        stage->session.reset();
        const auto file = storage::database_file(stage->lock.profile());
        const auto size = static_cast<qint64>(std::filesystem::file_size(file));
        std::fstream database(file, std::ios::in | std::ios::out | std::ios::binary);
        database.seekp(size / 2 / 4096 * 4096);
        for (int i = 0; i < 2 * 4096; ++i)
            database.put('\x5a');
    }

private slots:
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup() { stage.reset(); }

    void jsonGoesOutAndComesBack()
    {
        start();
        const int all = conversations().total();
        history().exportTo({}, QStringLiteral("json"), url("all.json"));
        QVERIFY(!history().doing().isEmpty());
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));

        stage->session.reset();
        const QByteArray json = content("all.json");
        stage = std::make_unique<Stage>();
        QFile file(url("all.json").toLocalFile());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(json);
        file.close();
        start(false);
        QCOMPARE(conversations().total(), 0);
        history().importFrom(url("all.json"));
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));
        QTRY_COMPARE(conversations().total(), all);
        history().importFrom(url("all.json")); // all are here
        finish();
        stage->settle();
        QCOMPARE(conversations().total(), all);
    }

    void aWrongFileIsSaid()
    {
        start();
        const int all = conversations().total();
        std::ofstream(stage->profile() / "wrong.json") << "{\"format\": \"something else\"}";
        history().importFrom(url("wrong.json"));
        finish();
        QVERIFY(history().failed());
        QVERIFY2(history().result().contains(QStringLiteral("wrong.json")), qPrintable(history().result()));
        stage->settle();
        QCOMPARE(conversations().total(), all);
        history().dismiss();
        QVERIFY(history().result().isEmpty());
    }

    void oneForReadingIsAFileSeveralAreAFolder()
    {
        start();
        QTRY_VERIFY(conversations().count() > 1);
        const QVariant first = conversations().index(0).data(ui::ConversationModel::ConversationId);
        QCOMPARE(history().fileName({first}, QStringLiteral("html")),
                 QStringLiteral("How latent attention works.html"));
        history().exportTo({first}, QStringLiteral("html"), url("one.html"));
        finish();
        const QByteArray html = content("one.html");
        QVERIFY(html.contains("How latent attention works"));
        QVERIFY(html.contains("<table>"));
        QVERIFY(!html.contains("<script"));
        QVERIFY(!html.contains("src="));

        std::filesystem::create_directory(stage->profile() / "out");
        history().exportTo({}, QStringLiteral("markdown"), url("out"));
        finish();
        QCOMPARE(std::distance(std::filesystem::directory_iterator(stage->profile() / "out"),
                               std::filesystem::directory_iterator()),
                 conversations().total());
    }

    void aBackupIsMadeAndRestored()
    {
        start();
        const int all = conversations().total();
        history().backUpNow();
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));
        QTRY_COMPARE(history().backups().size(), 1);

        const qint64 first =
            conversations().index(0).data(ui::ConversationModel::ConversationId).toLongLong();
        conversations().open(first);
        conversations().erase({first});
        QTRY_COMPARE(conversations().total(), all - 1);
        history().restore(history().backups().constFirst().toMap().value(QStringLiteral("file")).toString());
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));
        QTRY_COMPARE(conversations().total(), all);
        conversations().open(first);
        QTRY_VERIFY(stage->session->chat.count() > 0); // and it works on
    }

    void aSoundHistoryIsFoundSound()
    {
        start();
        history().check();
        finish();
        QVERIFY(!history().failed());
        QVERIFY(history().findings().isEmpty());
    }

    void aDamagedOneIsRepairedInTheWindow()
    {
        {
            storage::ChatStore store(stage->lock);
            for (int i = 0; i < 200; ++i) {
                const storage::Id one = store.create_conversation("Conversation " + std::to_string(i));
                store.append_message(one, storage::Role::user, std::string(2000, 'x'));
            }
        }
        start(false);
        QCOMPARE(conversations().total(), 200);
        damage();
        stage->start();
        QTRY_VERIFY(stage->session->store.isOpen());
        for (int i = 0; i < 200; ++i) // whoever meets the damage is told and offered the way out
            stage->session->store.run(
                i + 1, this, [i](storage::ChatStore& store) { return store.message(i + 1); },
                [](const auto&) {});
        QTRY_VERIFY(conversations().damaged());
        QTRY_VERIFY(!conversations().error().isEmpty());
        history().check();
        finish();
        QVERIFY(history().failed());
        history().repair();
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));
        QTRY_VERIFY(conversations().total() > 100);
        QVERIFY(conversations().fatal().isEmpty());
        QVERIFY(!conversations().damaged());
        QVERIFY(conversations().error().isEmpty());
        history().check();
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().findings().join(u'\n')));
        QVERIFY(std::filesystem::exists(stage->lock.profile() / "damaged"));
    }

    // Nothing can be read, but there is a backup.
    void aHopelessOneGivesWayToABackup()
    {
        start();
        const int all = conversations().total();
        history().backUpNow();
        finish();
        stage->session.reset();
        std::filesystem::remove(storage::database_file(stage->lock.profile()));
        std::ofstream(storage::database_file(stage->lock.profile())) << std::string(50'000, 'x');
        stage->start();
        QTRY_VERIFY(!conversations().fatal().isEmpty());
        history().repair();
        finish();
        QVERIFY(history().failed());
        QTRY_VERIFY(!conversations().fatal().isEmpty());
        history().readBackups();
        QTRY_COMPARE(history().backups().size(), 1);
        history().restore(history().backups().constFirst().toMap().value(QStringLiteral("file")).toString());
        finish();
        QVERIFY2(!history().failed(), qPrintable(history().result()));
        QTRY_VERIFY(conversations().fatal().isEmpty());
        QTRY_COMPARE(conversations().total(), all);
    }

    void aFinishedAnswerOutOfViewIsTold()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "Slowly written.", .token_takes = std::chrono::milliseconds(20)};
        };
        start(false);
        std::vector<ui::Notifier::Note> notes;
        bool inFront = true;
        ui::Session& session = *stage->session;
        const ui::Notifier notifier(session.answers, conversations(), session.settings,
                                    [&inFront] { return inFront; });
        connect(&notifier, &ui::Notifier::noted, this,
                [&notes](const ui::Notifier::Note& note) { notes.push_back(note); });
        stage->talk(QStringLiteral("Seen"));
        QVERIFY(notes.empty());
        inFront = false;
        stage->talk(QStringLiteral("Another window is in front"));
        QTRY_COMPARE(notes.size(), 1U);
        QCOMPARE(notes.front().conversation, conversations().currentId());
        QVERIFY(!notes.front().text.contains(QStringLiteral("Slowly")));

        inFront = true;
        QVERIFY(session.chat.send(QStringLiteral("Another conversation is shown")));
        QTRY_COMPARE(session.chat.state(), QStringLiteral("writing"));
        conversations().newConversation();
        QTRY_COMPARE(notes.size(), 2U);

        session.settings.setNotify(false);
        inFront = false;
        QTRY_VERIFY(session.chat.canSend());
        stage->talk(QStringLiteral("Told by nobody"));
        QCOMPARE(notes.size(), 2U);
        disconnect(&notifier, nullptr, this, nullptr);
    }
};

QTEST_MAIN(TestHistory)
#include "test_history.moc"
