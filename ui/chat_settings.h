// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_model.h"

#include <QObject>
#include <QVariantList>
#include <QVariantMap>

namespace ui {

// What the conversation on the screen sets for itself, and the presets that it can take that from.
class ChatSettings : public QObject
{
    Q_OBJECT
    Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY changed)
    Q_PROPERTY(QVariantMap numbers READ numbers NOTIFY changed)
    Q_PROPERTY(bool any READ any NOTIFY changed)
    Q_PROPERTY(QString modelName READ modelName NOTIFY changed)
    Q_PROPERTY(QString modelPath READ modelPath NOTIFY changed)
    Q_PROPERTY(QString modelIdentity READ modelIdentity NOTIFY changed)
    Q_PROPERTY(QVariantList presets READ presets NOTIFY presetsChanged)
    Q_PROPERTY(QString currentPreset READ currentPreset NOTIFY currentPresetChanged)

public:
    // All outlive this object.
    ChatSettings(StoreBridge& store, Answers& answers, ConversationModel& conversations,
                 QObject* parent = nullptr);

    QString systemPrompt() const { return own().systemPrompt(); } // empty: as in the settings
    QVariantMap numbers() const; // those that are set, of Settings::samplingNames()
    bool any() const;            // anything of these is set
    // The model that wrote last; empty where none did.
    QString modelName() const { return own().model().name; }
    QString modelPath() const { return own().model().path; }
    QString modelIdentity() const { return own().model().identity; }
    QVariantList presets() const;  // maps with id and name
    QString currentPreset() const; // name of the one that says what is set here; empty: none does

    void setSystemPrompt(const QString& prompt);
    Q_INVOKABLE void setNumber(const QString& name, double value);
    Q_INVOKABLE void clearNumber(const QString& name); // as in the settings

    // What is set here becomes the preset of that name, a new one or that one.
    Q_INVOKABLE void savePreset(const QString& name);
    Q_INVOKABLE void applyPreset(qint64 id);
    Q_INVOKABLE void deletePreset(qint64 id);

signals:
    void changed();
    void presetsChanged();
    void currentPresetChanged();

private:
    ConversationSettings own() const { return m_answers.own(m_conversations.currentId()); }
    void change(std::function<void(ConversationSettings&)> change);
    void changePresets(std::function<void(storage::ChatStore&)> change);

    StoreBridge& m_store;
    Answers& m_answers;
    ConversationModel& m_conversations;
    std::vector<storage::Preset> m_presets;
};

} // namespace ui
