// SPDX-License-Identifier: MIT
// Whatever a person does, in any order and at any moment: models and history agree, and nothing that was said
// is lost. FATHOM_STEPS says how many steps; FATHOM_SEED repeats them.
#include "tests/ui/stage.h"

#include <QRandomGenerator>
#include <QTest>

#include <map>

using namespace std::chrono_literals;
using ui::ChatModel;

class TestRandomSteps : public QObject
{
    Q_OBJECT

private:
    struct Said
    {
        qint64 conversation;
        std::string text;
    };

    std::unique_ptr<Stage> stage;
    QRandomGenerator random;
    std::map<qint64, Said> said; // questions whose commit was acknowledged

    ChatModel& chat() { return stage->session->chat; }
    ui::ConversationModel& conversations() { return stage->session->conversations; }
    qint64 id(int row) { return stage->at(row, ChatModel::MessageId).toLongLong(); }
    qint64 idOf(int row)
    {
        return conversations().index(row).data(ui::ConversationModel::ConversationId).toLongLong();
    }
    qint64 anyConversation() { return idOf(random.bounded(conversations().count())); }

    void start()
    {
        stage->startReady();
        connect(&stage->session->answers, &ui::Answers::turned, this, [this](const ui::Answers::Turn& turn) {
            for (const storage::Message& message : turn.branch) {
                if (message.role == storage::Role::user && !ui::StoreBridge::isTemporary(message.id))
                    said[message.id] = {message.conversation, message.content};
            }
        });
    }

    void forget(qint64 conversation)
    {
        std::erase_if(said, [&](const auto& one) { return one.second.conversation == conversation; });
    }

    // Everything stops, and what is on the screen is what is on the disk.
    void compare()
    {
        stage->settle(); // what was sent last has been asked
        const auto stopEverything = [&] {
            ui::Answers& answers = stage->session->answers;
            bool busy = false; // an answer is being saved, or what waited for its end begins
            const auto stop = [&](qint64 conversation) {
                answers.stop(conversation);
                busy = busy || answers.isBeginning(conversation) || answers.inConversation(conversation);
            };
            for (int row = 0; row < conversations().count(); ++row)
                stop(idOf(row));
            stop(chat().conversationId());
            return answers.writing() == 0 && !busy && !chat().loading();
        };
        QTRY_VERIFY(stopEverything());
        stage->settle();
        storage::ChatReader reader = stage->reader();
        for (const auto& [message, one] : said) {
            const auto found = reader.message(message);
            QVERIFY(found);
            QVERIFY(found->content == one.text);
        }
        int kept = 0; // on the disk
        for (int row = 0; row < conversations().count(); ++row)
            kept += ui::StoreBridge::isTemporary(idOf(row)) ? 0 : 1;
        QCOMPARE(kept, static_cast<int>(reader.list_conversations(storage::Scope::active).size()));
        if (ui::StoreBridge::isTemporary(chat().conversationId()))
            return;
        const auto branch = reader.branch(chat().conversationId());
        QTRY_COMPARE(chat().count(), static_cast<int>(branch.size()));
        chat().load(0, chat().count() - 1);
        stage->settle();
        QCOMPARE(chat().count(), static_cast<int>(branch.size()));
        for (int row = 0; row < chat().count(); ++row) {
            QCOMPARE(id(row), branch[static_cast<std::size_t>(row)].id);
            QCOMPARE(ui::toUtf8(stage->at(row, ChatModel::Text).toString()),
                     branch[static_cast<std::size_t>(row)].content);
        }
    }

    void step(int number)
    {
        const int count = conversations().count();
        const int rows = chat().count();
        const int what = random.bounded(100);
        if (what < 6) {
            conversations().newConversation();
        } else if (what < 26) {
            if (count > 0)
                conversations().open(anyConversation());
        } else if (what < 32) {
            if (count > 2)
                conversations().trash({anyConversation()});
        } else if (what < 35) {
            conversations().undo();
        } else if (what < 39) {
            if (count > 2) {
                const qint64 gone = anyConversation();
                forget(gone);
                conversations().erase({gone});
                stage->settle(); // what was on its way there has been said before
                forget(gone);
            }
        } else if (what < 47) {
            chat().stop();
        } else if (what < 53) {
            if (rows > 0)
                chat().edit(id(random.bounded(rows)), QStringLiteral("edited %1").arg(number));
        } else if (what < 58) {
            if (rows > 0)
                chat().regenerate(id(random.bounded(rows)));
        } else if (what < 65) {
            if (rows > 0)
                chat().chooseSibling(id(random.bounded(rows)), random.bounded(2) == 0 ? -1 : 1);
        } else if (what < 67) {
            if (rows > 0)
                chat().fork(id(random.bounded(rows)));
        } else if (what < 68) {
            if (rows > 0)
                chat().continueAnswer(id(rows - 1));
        } else if (what < 69) {
            stage->session->models.unload();
        } else if (what < 70) {
            stage->session->models.load(QStringLiteral("starter"));
        } else if (what < 71) {
            conversations().newTemporary();
        } else if (what < 72) {
            if (random.bounded(5) == 0) { // quit in the middle of it all, and start
                start();
                QVERIFY(stage->session->answers.writing() == 0);
            }
        } else if (what < 76) {
            stage->session->queue.add(QStringLiteral("waiting %1").arg(number));
        } else {
            chat().send(QStringLiteral("message %1").arg(number));
        }
        if (stage->session->engine.state() == ui::EngineBridge::State::none && random.bounded(6) == 0)
            stage->session->models.load(QStringLiteral("starter"));
    }

private slots:
    void anything()
    {
        const quint32 seed = qEnvironmentVariableIsSet("FATHOM_SEED")
                                 ? qEnvironmentVariable("FATHOM_SEED").toUInt()
                                 : QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        random.seed(seed);
        stage = std::make_unique<Stage>();
        stage->world->load_takes = 20ms;
        stage->world->script = [](const engine::Request& request) {
            const bool runs_on = request.sampling.seed % 2 == 0;
            return fake::Script{.text = "word word ", .token_takes = 200us, .endless = runs_on};
        };
        start();
        for (int number = 0; number < FATHOM_STEPS && !QTest::currentTestFailed(); ++number) {
            step(number);
            QTest::qWait(random.bounded(8));
            if (number % 500 == 499)
                compare();
        }
        compare();
        QVERIFY(!said.empty());
        stage.reset();
    }
};

QTEST_MAIN(TestRandomSteps)
#include "test_random_steps.moc"
