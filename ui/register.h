// SPDX-License-Identifier: MIT
#pragma once

#include "ui/chat_model.h"
#include "ui/conversation_model.h"
#include "ui/model_list.h"
#include "ui/platform.h"
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
};

// Makes them the singletons Conversations, Chat, Models, Settings and Platform of the QML module
// Fathom.Core 1.0 in this engine, which they and `objects` outlive. Each engine has its own.
void registerObjects(QQmlEngine& engine, Objects& objects);

} // namespace ui
