// SPDX-License-Identifier: MIT
#pragma once

#include "ui/chat_model.h"
#include "ui/chat_settings.h"
#include "ui/conversation_model.h"
#include "ui/history.h"
#include "ui/message_queue.h"
#include "ui/model_list.h"
#include "ui/platform.h"
#include "ui/quick_switcher.h"
#include "ui/settings.h"

class QQmlEngine;

namespace ui {

struct Objects
{
    ConversationModel* conversations = nullptr;
    ChatModel* chat = nullptr;
    ModelList* models = nullptr;
    Settings* settings = nullptr;
    Platform* platform = nullptr;
    QuickSwitcher* switcher = nullptr;
    History* history = nullptr;
    ChatSettings* chatSettings = nullptr;
    MessageQueue* queue = nullptr;
};

// Makes them the singletons Conversations, Chat, Models, Settings, Platform, Switcher and History of the QML
// module Fathom.Core 1.0 in this engine, which they and `objects` outlive. Each engine has its own.
void registerObjects(QQmlEngine& engine, Objects& objects);

} // namespace ui
