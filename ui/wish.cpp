// SPDX-License-Identifier: MIT
#include "ui/wish.h"

#include "ui/settings.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace ui {

namespace {

std::string compact(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString();
}

} // namespace

Wish Wish::of(const Settings& settings)
{
    Wish wish;
    wish.sampling = settings.sampling();
    wish.maxTokens = settings.maxTokens();
    wish.systemPrompt = settings.systemPrompt();
    wish.policy = contextPolicy(settings.contextPolicy());
    return wish;
}

void Wish::take(const ConversationSettings& own)
{
    if (!own.systemPrompt().isEmpty())
        systemPrompt = own.systemPrompt();
    const auto real = [&own](const char* name, float& value) {
        if (const auto number = own.number(QLatin1String(name)))
            value = static_cast<float>(*number);
    };
    const auto integer = [&own](const char* name, int& value) {
        if (const auto number = own.number(QLatin1String(name)))
            value = static_cast<int>(*number);
    };
    real("temperature", sampling.temperature);
    real("topP", sampling.top_p);
    real("minP", sampling.min_p);
    real("repeatPenalty", sampling.repeat_penalty);
    integer("topK", sampling.top_k);
    integer("maxTokens", maxTokens);
    if (const auto seed = own.number(QStringLiteral("seed")))
        sampling.seed = *seed >= 0 ? static_cast<std::uint64_t>(*seed) : Settings::randomSeed();
}

std::string AnswerFacts::begun() const
{
    const engine::Sampling& sampling = wish.sampling;
    QJsonObject object{
        {QStringLiteral("temperature"), sampling.temperature},
        {QStringLiteral("top_k"), sampling.top_k},
        {QStringLiteral("top_p"), sampling.top_p},
        {QStringLiteral("min_p"), sampling.min_p},
        {QStringLiteral("repeat_penalty"), sampling.repeat_penalty},
        {QStringLiteral("repeat_window"), sampling.repeat_window},
        {QStringLiteral("max_tokens"), wish.maxTokens},
        {QStringLiteral("context_policy"), name(wish.policy)},
        {QStringLiteral("context_tokens"), contextTokens},
        {QStringLiteral("device"), device},
    };
    if (!wish.systemPrompt.isEmpty())
        object.insert(QStringLiteral("system_prompt"), wish.systemPrompt);
    return compact(object);
}

std::string AnswerFacts::ended() const
{
    QJsonObject object;
    if (reusedTokens >= 0)
        object.insert(QStringLiteral("reused_tokens"), reusedTokens);
    if (leftOut > 0) {
        object.insert(QStringLiteral("left_out"), leftOut);
        object.insert(QStringLiteral("left_out_at"), leftOutAt);
    }
    if (continued)
        object.insert(QStringLiteral("continued"), true);
    if (!thoughtSeconds.empty()) {
        QJsonArray seconds;
        for (const int each : thoughtSeconds)
            seconds.append(each);
        object.insert(QStringLiteral("thought_seconds"), seconds);
    }
    return compact(object);
}

std::string AnswerFacts::merged(const std::string& begun, const std::string& ended)
{
    QJsonObject object = QJsonDocument::fromJson(QByteArray::fromStdString(begun)).object();
    const QJsonObject more = QJsonDocument::fromJson(QByteArray::fromStdString(ended)).object();
    for (auto member = more.begin(); member != more.end(); ++member)
        object.insert(member.key(), member.value());
    return compact(object);
}

AnswerFacts AnswerFacts::from(const std::string& json, std::int64_t seed)
{
    const QJsonObject object = QJsonDocument::fromJson(QByteArray::fromStdString(json)).object();
    const auto real = [&object](const char* name, float standard) {
        return static_cast<float>(object.value(QLatin1String(name)).toDouble(double{standard}));
    };
    AnswerFacts facts;
    engine::Sampling& sampling = facts.wish.sampling;
    sampling.temperature = real("temperature", sampling.temperature);
    sampling.top_k = object.value(QStringLiteral("top_k")).toInt(sampling.top_k);
    sampling.top_p = real("top_p", sampling.top_p);
    sampling.min_p = real("min_p", sampling.min_p);
    sampling.repeat_penalty = real("repeat_penalty", sampling.repeat_penalty);
    sampling.repeat_window = object.value(QStringLiteral("repeat_window")).toInt(sampling.repeat_window);
    sampling.seed = static_cast<std::uint64_t>(seed);
    facts.wish.maxTokens = object.value(QStringLiteral("max_tokens")).toInt();
    facts.wish.systemPrompt = object.value(QStringLiteral("system_prompt")).toString();
    facts.wish.policy = contextPolicy(object.value(QStringLiteral("context_policy")).toString());
    facts.contextTokens = object.value(QStringLiteral("context_tokens")).toInteger();
    facts.device = object.value(QStringLiteral("device")).toString();
    facts.reusedTokens = object.value(QStringLiteral("reused_tokens")).toInteger(-1);
    facts.leftOut = object.value(QStringLiteral("left_out")).toInteger();
    facts.leftOutAt = object.value(QStringLiteral("left_out_at")).toInteger();
    facts.continued = object.value(QStringLiteral("continued")).toBool();
    for (const QJsonValue& each : object.value(QStringLiteral("thought_seconds")).toArray())
        facts.thoughtSeconds.push_back(each.toInt());
    facts.wish.keepFrom = facts.leftOut > 0 ? facts.leftOutAt + facts.leftOut : 0;
    if (facts.reusedTokens >= 0)
        facts.wish.reuseAtMost = facts.reusedTokens;
    return facts;
}

} // namespace ui
