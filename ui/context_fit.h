// SPDX-License-Identifier: MIT
// What of a conversation the model gets to read when it does not fit into the context any more.
#pragma once

#include "engine/engine.h"

#include <QString>

#include <functional>
#include <optional>
#include <vector>

namespace ui {

enum class ContextPolicy
{
    stop,   // nothing is left out; an answer that does not fit is refused
    oldest, // the oldest turns are left out
    middle, // the first turn stays, those after it are left out
};
ContextPolicy contextPolicy(const QString& name); // stop for a name that is none
QString name(ContextPolicy policy);

// How a prompt may be made to fit. Rows are places in the branch, from 0.
struct Fitting
{
    ContextPolicy policy = ContextPolicy::stop;
    std::vector<qint64> rows = {}; // of each message; -1: it is none of the branch. Empty: 0, 1, 2 …
    // Before the message with this index others were not read; those from it on do not fit. 0: all are here.
    std::size_t unread = 0;
    // The row from which on an earlier answer left out nothing more, to do the same; 0: it left out nothing.
    std::optional<qint64> keepFrom = {};
    // Tokens of context that are used of a model that may have more: an answer that is made again gets no
    // more than the first one had. 0: all.
    qint64 contextTokens = 0;
};

struct Fitted
{
    std::vector<engine::Message> messages;
    qint64 at = 0;      // row of the first message that was left out
    qint64 leftOut = 0; // rows, from there on
};

// No text of more bytes than this for each token of a context fits into it: of DeepSeek's vocabularies the
// longest tokens are runs of 128 blanks or dashes. A message takes at least one token.
inline constexpr qint64 longest_token_bytes = 128;

class ContextFit
{
public:
    using Count = std::function<qint64(const std::vector<engine::Message>&)>; // tokens of a conversation

    // `context` tokens hold the prompt and its answer. `count` may throw, and is called for parts alone, so
    // that a conversation of any length costs as much time as one that fills the context.
    ContextFit(qint64 context, Count count);

    // A conversation that fits with room for an answer of `maxTokens` (0: of a quarter of the context) stays
    // whole. Of one that does not, whole turns go, from one person's message to before another: those before
    // `keepFrom` where that is enough, else as many as make it fill half of the context, so that the
    // beginning of the prompt, and with it the cache, stays the same for many turns. Nothing where it cannot
    // be made to fit, and with the policy stop where it does not.
    std::optional<Fitted> fit(std::vector<engine::Message> messages, const Fitting& fitting,
                              qint64 maxTokens) const;

    // Tokens of the messages one by one, at most as many as are more than `enough`.
    qint64 estimate(const std::vector<engine::Message>& messages, std::size_t from, qint64 enough) const;

private:
    qint64 estimate(const engine::Message& message) const;

    qint64 m_context;
    Count m_count;
};

} // namespace ui
