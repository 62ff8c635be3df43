// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"
#include "ui/context_fit.h"
#include "ui/conversation_settings.h"

#include <QJsonObject>
#include <QString>

#include <optional>
#include <string>
#include <vector>

namespace ui {

class Settings;

// How an answer is asked for: all that its text depends on beside the messages and the model.
struct Wish
{
    engine::Sampling sampling;
    int maxTokens = 0; // 0: no limit
    QString systemPrompt;
    ContextPolicy policy = ContextPolicy::stop;
    // Of an answer that is to be repeated exactly.
    std::optional<qint64> keepFrom; // Fitting::keepFrom
    std::optional<qint64> reuseAtMost;

    static Wish of(const Settings& settings);
    void take(const ConversationSettings& own); // what the conversation sets
};

// What the history keeps of a wish with its answer (storage::AnswerOrigin::sampling), and what came of it.
struct AnswerFacts
{
    Wish wish;
    QString device;
    qint64 contextTokens = 0;
    qint64 reusedTokens = -1; // of the prompt, found in the cache; -1: not known
    // Of the branch this many messages were left out, from that one on, counted from 0.
    qint64 leftOut = 0;
    qint64 leftOutAt = 0;
    bool continued = false;          // written in several goes
    std::vector<int> thoughtSeconds; // of each section of reasoning

    std::string begun() const; // JSON: what is known before the first token
    std::string ended() const; // JSON: what is known after the last one
    static std::string merged(const std::string& begun, const std::string& ended);
    static AnswerFacts from(const std::string& json, std::int64_t seed);
};

} // namespace ui
