// SPDX-License-Identifier: MIT
#pragma once

#include "ui/notifier.h"
#include "ui/register.h"

namespace ui {

// Everything behind the window, for one profile, in the order in which it depends on each other. Destroying
// it saves drafts and what answers have so far, stops the engine and closes the store.
class Session
{
public:
    // `lock` is held and outlives this object.
    Session(const storage::ProfileLock& lock, const std::filesystem::path& settingsFile,
            EngineFunctions functions, ModelList::Places places);

    Mailbox mailbox; // outlives the thread that writes to it
    TaskThread files;
    Settings settings;
    StoreBridge store;
    EngineBridge engine;
    Answers answers;
    ConversationModel conversations;
    ChatModel chat;
    ModelList models;
    Platform platform;
    QuickSwitcher switcher;
    History history;
    Notifier notifier;
    ChatSettings chatSettings;
    MessageQueue queue;
    Objects objects;
};

} // namespace ui
