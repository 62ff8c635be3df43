// SPDX-License-Identifier: MIT
#include "ui/message_facts.h"

#include "ui/answers.h"
#include "ui/text.h"

#include <QCoreApplication>

namespace ui {

QString nameOf(storage::Role role)
{
    switch (role) {
    case storage::Role::system:
        return QStringLiteral("system");
    case storage::Role::user:
        return QStringLiteral("user");
    case storage::Role::assistant:
        return QStringLiteral("assistant");
    case storage::Role::tool:
        return QStringLiteral("tool");
    }
    return {};
}

QString nameOf(storage::Status status)
{
    switch (status) {
    case storage::Status::complete:
        return QStringLiteral("complete");
    case storage::Status::streaming:
        return QStringLiteral("streaming");
    case storage::Status::interrupted:
        return QStringLiteral("interrupted");
    case storage::Status::stopped:
        return QStringLiteral("stopped");
    case storage::Status::failed:
        return QStringLiteral("failed");
    }
    return {};
}

QString nameOf(storage::FinishReason reason)
{
    switch (reason) {
    case storage::FinishReason::none:
        return {};
    case storage::FinishReason::stop:
        return QStringLiteral("stop");
    case storage::FinishReason::length:
        return QStringLiteral("length");
    case storage::FinishReason::context_full:
        return QStringLiteral("context");
    case storage::FinishReason::cancelled:
        return QStringLiteral("cancelled");
    case storage::FinishReason::error:
        return QStringLiteral("error");
    }
    return {};
}

QString noticeOf(const storage::Message& message)
{
    switch (message.status) {
    case storage::Status::interrupted:
        return QCoreApplication::translate("ChatModel",
                                           "Interrupted: Fathom ended while this was being written.");
    case storage::Status::stopped:
        return QCoreApplication::translate("ChatModel", "Stopped.");
    case storage::Status::failed:
        return toQt(message.error);
    case storage::Status::streaming:
        return {};
    case storage::Status::complete:
        break;
    }
    if (message.finish_reason == storage::FinishReason::context_full)
        return QCoreApplication::translate(
            "ChatModel",
            "The context is full. Start a new conversation, shorten this one by editing an earlier "
            "message, or raise the context length in the settings.");
    if (message.finish_reason == storage::FinishReason::length)
        return QCoreApplication::translate("ChatModel", "The answer reached the limit of new tokens.");
    if (message.finish_reason == storage::FinishReason::stop && message.generated_tokens == 0)
        return QCoreApplication::translate("ChatModel", "The model ended without a word.");
    return {};
}

QVariantMap factsOf(const storage::Message& message)
{
    if (!message.origin)
        return {};
    const AnswerFacts facts = AnswerFacts::from(message.origin->sampling, message.origin->seed);
    const engine::Sampling& sampling = facts.wish.sampling;
    return {
        {QStringLiteral("seed"), QString::number(sampling.seed)},
        {QStringLiteral("temperature"), double{sampling.temperature}},
        {QStringLiteral("topP"), double{sampling.top_p}},
        {QStringLiteral("topK"), sampling.top_k},
        {QStringLiteral("minP"), double{sampling.min_p}},
        {QStringLiteral("repeatPenalty"), double{sampling.repeat_penalty}},
        {QStringLiteral("maxTokens"), facts.wish.maxTokens},
        {QStringLiteral("device"), facts.device},
        {QStringLiteral("contextTokens"), facts.contextTokens},
        {QStringLiteral("reusedTokens"), facts.reusedTokens},
        {QStringLiteral("leftOut"), facts.leftOut},
        {QStringLiteral("continued"), facts.continued},
        {QStringLiteral("modelIdentity"), toQt(message.origin->model_hash)},
    };
}

void takeResult(storage::Message& message, const storage::AnswerResult& result)
{
    message.status = result.status;
    message.finish_reason = result.finish_reason;
    message.error = result.error;
    message.prompt_tokens = result.prompt_tokens;
    message.generated_tokens = result.generated_tokens;
    message.first_token_seconds = result.first_token_seconds;
    message.prompt_tokens_per_second = result.prompt_tokens_per_second;
    message.generate_tokens_per_second = result.generate_tokens_per_second;
    if (message.origin)
        message.origin->sampling = AnswerFacts::merged(message.origin->sampling, result.facts);
}

} // namespace ui
