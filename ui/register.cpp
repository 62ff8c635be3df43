// SPDX-License-Identifier: MIT
#include "ui/register.h"

#include "ui/markdown/markdown_blocks.h"

#include <QQmlEngine>
#include <QtQml>

namespace ui {

namespace {

constexpr const char* uri = "Fathom.Core";
constexpr const char* engine_property = "_fathomObjects";

template <typename Type, Type* Objects::*member> void registerOne(const char* name)
{
    qmlRegisterSingletonType<Type>(uri, 1, 0, name, [](QQmlEngine* engine, QJSEngine*) -> QObject* {
        const auto* objects = static_cast<Objects*>(engine->property(engine_property).value<void*>());
        Type* object = objects->*member;
        QQmlEngine::setObjectOwnership(object, QQmlEngine::CppOwnership);
        return object;
    });
}

} // namespace

void registerObjects(QQmlEngine& engine, Objects& objects)
{
    engine.setProperty(engine_property, QVariant::fromValue<void*>(&objects));
    static const bool once = [] {
        registerOne<ConversationModel, &Objects::conversations>("Conversations");
        registerOne<ChatModel, &Objects::chat>("Chat");
        registerOne<ModelList, &Objects::models>("Models");
        registerOne<Settings, &Objects::settings>("Settings");
        registerOne<Platform, &Objects::platform>("Platform");
        registerOne<QuickSwitcher, &Objects::switcher>("Switcher");
        registerOne<History, &Objects::history>("History");
        registerOne<ChatSettings, &Objects::chatSettings>("ChatSettings");
        registerOne<MessageQueue, &Objects::queue>("Queue");
        qmlRegisterUncreatableType<MarkdownBlocks>(uri, 1, 0, "MarkdownBlocks",
                                                   QStringLiteral("Made by Chat"));
        return true;
    }();
    Q_UNUSED(once)
}

} // namespace ui
