// SPDX-License-Identifier: MIT
#pragma once

#include "ui/store_bridge.h"

#include <QObject>
#include <QTimer>

#include <vector>

namespace ui {

// Find in one conversation: which messages of its branch hold the text, in their order, and which match is
// the current one. The store counts in the Markdown; what a message shows of it is learned when it comes onto
// the screen, and the counts follow.
class Finder : public QObject
{
    Q_OBJECT
    Q_PROPERTY(QString query READ query WRITE setQuery NOTIFY queryChanged)
    Q_PROPERTY(bool running READ running NOTIFY changed)
    Q_PROPERTY(int total READ total NOTIFY changed)
    Q_PROPERTY(int number READ number NOTIFY changed) // of the current match, from 1; 0: there is none
    Q_PROPERTY(qint64 message READ message NOTIFY changed)
    Q_PROPERTY(int occurrence READ occurrence NOTIFY changed) // in its message, from 0

public:
    explicit Finder(StoreBridge& store, QObject* parent = nullptr); // `store` outlives this object

    QString query() const { return m_query; }
    bool running() const { return m_running; }
    int total() const;
    int number() const;
    qint64 message() const { return m_at < m_matches.size() ? m_matches[m_at].message : 0; }
    int occurrence() const { return m_occurrence; }

    void setConversation(qint64 conversation); // another one ends the search
    void setQuery(const QString& query);
    void repeat(); // the branch is another

    // The first match is looked for from this message on upwards, then below.
    Q_INVOKABLE void startAt(qint64 message) { m_start = message; }
    Q_INVOKABLE void step(int by); // 1 or -1; round at the ends
    // So many matches does a message show.
    Q_INVOKABLE void setShown(qint64 message, int count);

signals:
    void queryChanged();
    void changed();

private:
    void search();
    void take(std::vector<storage::MessageMatch> matches);

    StoreBridge& m_store;
    qint64 m_conversation = 0;
    QString m_query;
    quint64 m_search = 0; // number of the latest one
    bool m_running = false;
    std::vector<storage::MessageMatch> m_matches; // ascending: a message is younger than its parent
    std::size_t m_at = 0;
    int m_occurrence = 0;
    int m_direction = -1; // of the latest step
    qint64 m_start = 0;
    QTimer m_timer;
};

} // namespace ui
