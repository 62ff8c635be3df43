// SPDX-License-Identifier: MIT
#pragma once

#include "ui/store_bridge.h"

#include <QAbstractListModel>

#include <optional>
#include <vector>

namespace ui {

// What Ctrl+K lists: conversations whose titles hold the letters of the query in their order, the best first;
// without a query the latest first. Active and archived ones, as they were when it was opened.
class QuickSwitcher : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(QString query READ query WRITE setQuery NOTIFY queryChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    enum Role
    {
        ConversationId = Qt::UserRole + 1,
        Title,
        Detail, // its folder, or that it is archived
    };

    // `store` outlives this object.
    explicit QuickSwitcher(StoreBridge& store, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    QString query() const { return m_query; }
    int count() const { return static_cast<int>(m_found.size()); }
    void setQuery(const QString& query);

    Q_INVOKABLE void open(); // reads the titles again and forgets the query
    Q_INVOKABLE void close();
    Q_INVOKABLE qint64 at(int row) const; // 0: nothing there

    struct Entry
    {
        qint64 id = 0;
        QString title;
        QString folded; // as it is compared
        QString detail;
    };
    void setEntries(std::vector<Entry> entries); // the latest first

    static QString fold(const QString& text);
    // How well a folded title fits a folded word; nothing where its letters do not come in order. A run at
    // the beginning of a word is best.
    static std::optional<int> score(const QString& word, const QString& title);

signals:
    void queryChanged();
    void countChanged();

private:
    void rank();

    StoreBridge& m_store;
    QString m_query;
    std::vector<Entry> m_entries;
    std::vector<std::size_t> m_found; // of m_entries
};

} // namespace ui
