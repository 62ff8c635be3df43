// SPDX-License-Identifier: MIT
#pragma once

#include <QJsonObject>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>
#include <string>

namespace ui {

// A message that waits until the answer that is being written has ended.
struct Queued
{
    qint64 id = 0; // within its conversation; below exact_in_qml
    QString text;

    bool operator==(const Queued&) const = default;
};

// What has been written of messages that are being edited, by message.
using Edits = QMap<qint64, QString>;

// What a conversation has for itself, as the JSON object that the history keeps with it. What it does not set
// is as in the settings. Members of that object that are not named here stay as they are.
class ConversationSettings
{
public:
    ConversationSettings() = default;
    explicit ConversationSettings(const std::string& json);
    std::string json() const;

    QString systemPrompt() const; // empty: not set
    void setSystemPrompt(const QString& prompt);

    // Those of Settings::samplingNames(), in its bounds.
    std::optional<double> number(const QString& name) const;
    void setNumber(const QString& name, std::optional<double> value); // none: not set

    // The model that wrote its latest answer.
    struct Model
    {
        QString name;
        QString path;
        QString identity;

        bool operator==(const Model&) const = default;
    };
    Model model() const;
    void setModel(const Model& model);

    QList<Queued> queue() const;
    void setQueue(const QList<Queued>& queue);

    Edits edits() const;
    void setEdits(const Edits& edits);

    // What a preset keeps: the system prompt and the sampling.
    ConversationSettings preset() const;
    // All that a preset keeps becomes that of this one.
    void apply(const ConversationSettings& preset);

private:
    QJsonObject m_object;
};

} // namespace ui
