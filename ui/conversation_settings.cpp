// SPDX-License-Identifier: MIT
#include "ui/conversation_settings.h"

#include "ui/settings.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace ui {

namespace {

const QString prompt_key = QStringLiteral("systemPrompt");
const QString model_key = QStringLiteral("model");
const QString edits_key = QStringLiteral("edits");
const QString queue_key = QStringLiteral("queued");
const QString name_key = QStringLiteral("name");
const QString path_key = QStringLiteral("path");
const QString identity_key = QStringLiteral("identity");
const QString id_key = QStringLiteral("id");
const QString text_key = QStringLiteral("text");

} // namespace

ConversationSettings::ConversationSettings(const std::string& json)
    : m_object(QJsonDocument::fromJson(QByteArray::fromStdString(json)).object())
{
}

std::string ConversationSettings::json() const
{
    return QJsonDocument(m_object).toJson(QJsonDocument::Compact).toStdString();
}

QString ConversationSettings::systemPrompt() const
{
    return m_object.value(prompt_key).toString();
}

void ConversationSettings::setSystemPrompt(const QString& prompt)
{
    if (prompt.isEmpty())
        m_object.remove(prompt_key);
    else
        m_object.insert(prompt_key, prompt);
}

std::optional<double> ConversationSettings::number(const QString& name) const
{
    const QJsonValue value = m_object.value(name);
    return value.isDouble() ? Settings::bounded(name, value.toDouble()) : std::nullopt;
}

void ConversationSettings::setNumber(const QString& name, std::optional<double> value)
{
    const std::optional<double> good = value ? Settings::bounded(name, *value) : std::nullopt;
    if (good)
        m_object.insert(name, *good);
    else if (!value)
        m_object.remove(name);
}

ConversationSettings::Model ConversationSettings::model() const
{
    const QJsonObject model = m_object.value(model_key).toObject();
    return {model.value(name_key).toString(), model.value(path_key).toString(),
            model.value(identity_key).toString()};
}

void ConversationSettings::setModel(const Model& model)
{
    m_object.insert(
        model_key,
        QJsonObject{{name_key, model.name}, {path_key, model.path}, {identity_key, model.identity}});
}

QList<Queued> ConversationSettings::queue() const
{
    QList<Queued> queue;
    for (const QJsonValue& one : m_object.value(queue_key).toArray()) {
        const QJsonObject queued = one.toObject();
        if (const QString text = queued.value(text_key).toString(); !text.isEmpty())
            queue.append({queued.value(id_key).toInteger(), text});
    }
    return queue;
}

void ConversationSettings::setQueue(const QList<Queued>& queue)
{
    QJsonArray array;
    for (const Queued& one : queue)
        array.append(QJsonObject{{id_key, one.id}, {text_key, one.text}});
    if (array.isEmpty())
        m_object.remove(queue_key);
    else
        m_object.insert(queue_key, array);
}

Edits ConversationSettings::edits() const
{
    Edits edits;
    const QJsonObject object = m_object.value(edits_key).toObject();
    for (auto edit = object.begin(); edit != object.end(); ++edit) {
        if (const qint64 message = edit.key().toLongLong(); message > 0)
            edits.insert(message, edit.value().toString());
    }
    return edits;
}

void ConversationSettings::setEdits(const Edits& edits)
{
    QJsonObject object;
    for (auto edit = edits.begin(); edit != edits.end(); ++edit)
        object.insert(QString::number(edit.key()), edit.value());
    if (object.isEmpty())
        m_object.remove(edits_key);
    else
        m_object.insert(edits_key, object);
}

ConversationSettings ConversationSettings::preset() const
{
    ConversationSettings preset;
    preset.apply(*this);
    return preset;
}

void ConversationSettings::apply(const ConversationSettings& preset)
{
    setSystemPrompt(preset.systemPrompt());
    for (const QString& name : Settings::samplingNames())
        setNumber(name, preset.number(name));
}

} // namespace ui
