// SPDX-License-Identifier: MIT
#include "ui/session.h"

#include "ui/text.h"

namespace ui {

Session::Session(const storage::ProfileLock& lock, const std::filesystem::path& settingsFile,
                 EngineFunctions functions, ModelList::Places places)
    : settings(pathToQt(settingsFile), files)
    , store(lock)
    , engine(functions)
    , answers(store, engine, settings)
    , conversations(store, answers)
    , chat(store, engine, answers, conversations, settings)
    , models(engine, settings, files, std::move(functions), std::move(places))
    , platform(settings, pathToQt(lock.profile()))
    , objects{&conversations, &chat, &models, &settings, &platform}
{
}

} // namespace ui
