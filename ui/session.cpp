// SPDX-License-Identifier: MIT
#include "ui/session.h"

#include "ui/text.h"

#include <QGuiApplication>

namespace ui {

Session::Session(const storage::ProfileLock& lock, const std::filesystem::path& settingsFile,
                 EngineFunctions functions, ModelList::Places places)
    : settings(pathToQt(settingsFile), files)
    , store(lock)
    , engine(functions)
    , answers(store, engine, settings)
    , conversations(store, answers, settings)
    , chat(store, engine, answers, conversations, settings)
    , models(engine, settings, files, mailbox, std::move(functions), std::move(places))
    , platform(settings, pathToQt(lock.profile()))
    , switcher(store)
    , history(lock, store, conversations, settings)
    , notifier(answers, conversations, settings,
               [] { return QGuiApplication::applicationState() == Qt::ApplicationActive; })
    , chatSettings(store, answers, conversations)
    , queue(answers, conversations)
    , objects{&conversations, &chat,    &models,       &settings, &platform,
              &switcher,      &history, &chatSettings, &queue}
{
}

} // namespace ui
