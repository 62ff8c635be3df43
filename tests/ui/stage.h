// SPDX-License-Identifier: MIT
#pragma once

#include "tests/ui/fake_engine.h"
#include "tests/ui/patience.h"
#include "ui/session.h"
#include "ui/text.h"

#include <QTemporaryDir>
#include <QTest>

#include <optional>

// A session on a scripted engine and a real database that goes away with the test.
class Stage
{
public:
    Stage()
        : lock(profile() / "profile")
    {
    }

    std::filesystem::path profile() const { return ui::pathFromQt(m_folder.path()); }

    ui::Session& start() { return start(fake::functions(world), profile() / "starter.gguf"); }

    // With another engine than the scripted one.
    ui::Session& start(ui::EngineFunctions functions, const std::filesystem::path& starter)
    {
        session.reset();
        session.emplace(lock, lock.profile() / "settings.ini", std::move(functions),
                        ui::ModelList::Places{starter, profile() / "models"});
        return *session;
    }

    // With an open history and a loaded model.
    ui::Session& startReady()
    {
        start();
        session->models.loadFirst({});
        if (!QTest::qWaitFor(
                [this] {
                    return session->engine.state() == ui::EngineBridge::State::ready &&
                           session->answers.canAsk() && session->conversations.ready();
                },
                patience_ms))
            qFatal("The session did not become ready.");
        return *session;
    }

    // What a second connection to the database sees.
    storage::ChatReader reader() const { return storage::ChatReader(lock.profile()); }

    // Every command given to the store so far has been carried out, and its answer delivered.
    void settle()
    {
        bool done = false;
        session->store.run(
            &session->conversations, [](storage::ChatStore&) {}, [&done] { done = true; });
        if (!QTest::qWaitFor([&done] { return done; }, patience_ms))
            qFatal("The store does not answer.");
    }

    // Sends to the open conversation, once it is there, and waits for the end of the answer.
    void talk(const QString& text)
    {
        const auto canSend = [this] { return session->chat.canSend(); };
        if (!QTest::qWaitFor(canSend, patience_ms) || !session->chat.send(text))
            qFatal("Nothing could be sent.");
        if (!QTest::qWaitFor(canSend, patience_ms))
            qFatal("No answer came.");
    }

    QVariant at(int row, int role) const { return session->chat.index(row).data(role); }
    QVariant last(int role) const { return at(session->chat.count() - 1, role); }

private:
    QTemporaryDir m_folder;

public:
    std::shared_ptr<fake::World> world = std::make_shared<fake::World>();
    storage::ProfileLock lock;
    std::optional<ui::Session> session;
};
