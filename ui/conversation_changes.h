// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/folder_names.h"
#include "ui/store_bridge.h"
#include "ui/undo_offer.h"

#include <QObject>
#include <QVariantList>

#include <functional>
#include <vector>

namespace ui {

// What the person does to conversations: each function asks the store, then tells what has become of them. A
// list of ids is one deed with one undo. Conversations that were deleted meanwhile are passed over.
class ConversationChanges : public QObject
{
    Q_OBJECT

public:
    using Ids = std::vector<storage::Id>;
    using Change = std::function<void(storage::ChatStore&)>;

    // What the list knows.
    struct Known
    {
        std::function<QString(qint64)> titleOf; // empty where it has none
        std::function<qint64()> current;        // the conversation on the screen
    };

    // All of them outlive this object.
    ConversationChanges(StoreBridge& store, Answers& answers, Settings& settings, FolderNames& folders,
                        UndoOffer& undo, Known known, QObject* parent = nullptr);

    // Those that stand in the history; temporary ones have no place there.
    static Ids kept(const QVariantList& ids);

    // To one that still exists. `then` is called in any case.
    void change(qint64 id, Change change, std::function<void()> then = {});
    void rename(qint64 id, const QString& title);
    void pin(const QVariantList& ids, bool pinned);
    void archive(const QVariantList& ids, bool archived);
    void trash(const QVariantList& ids); // temporary ones go for ever
    void putBack(const QVariantList& ids);
    void erase(const QVariantList& ids); // for ever
    void emptyTrash();
    void moveToFolder(const QVariantList& ids, const QString& folder);
    void setTag(const QVariantList& ids, const QString& tag, bool on);
    void renameFolder(const QString& folder, const QString& path);
    // Takes back what was done last; the conversation to be opened again, 0 if none.
    qint64 undo();

signals:
    void changed(const std::vector<storage::Conversation>& conversations);
    void gone(const std::vector<storage::Id>& ids);
    void folderRenamed(); // any conversation may have changed

private:
    using ChangeAll = std::function<void(storage::ChatStore&, const Ids&)>;

    void changeAll(const Ids& ids, const QString& done, ChangeAll change, std::function<void()> then = {});
    QString named(const Ids& ids) const;

    StoreBridge& m_store;
    Answers& m_answers;
    Settings& m_settings;
    FolderNames& m_folders;
    UndoOffer& m_undo;
    Known m_known;
};

} // namespace ui
