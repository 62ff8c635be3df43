// SPDX-License-Identifier: MIT
#include "ui/quick_switcher.h"

#include "ui/text.h"
#include "ui/title.h"

#include <algorithm>

namespace ui {

namespace {

constexpr std::size_t most_found = 50;

bool beginsWord(const QString& text, qsizetype at)
{
    return at == 0 || !text.at(at - 1).isLetterOrNumber();
}

} // namespace

QuickSwitcher::QuickSwitcher(StoreBridge& store, QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
{
}

int QuickSwitcher::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> QuickSwitcher::roleNames() const
{
    return {{ConversationId, "conversationId"}, {Title, "title"}, {Detail, "detail"}};
}

QVariant QuickSwitcher::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Entry& entry = m_entries[m_found[static_cast<std::size_t>(index.row())]];
    switch (role) {
    case ConversationId:
        return entry.id;
    case Qt::DisplayRole:
    case Title:
        return entry.title;
    case Detail:
        return entry.detail;
    default:
        return {};
    }
}

// Without case and without accents, so that "cafe" finds "Café".
QString QuickSwitcher::fold(const QString& text)
{
    QString folded;
    const QString parts = text.normalized(QString::NormalizationForm_KD).toCaseFolded();
    folded.reserve(parts.size());
    for (const QChar c : parts) {
        if (c.category() != QChar::Mark_NonSpacing)
            folded.append(c);
    }
    return folded;
}

std::optional<int> QuickSwitcher::score(const QString& word, const QString& title)
{
    if (word.isEmpty())
        return 0;
    // As one run: at the beginning of a word where there is one, as early as possible.
    qsizetype run = title.indexOf(word);
    if (run >= 0) {
        for (qsizetype at = run; at >= 0; at = title.indexOf(word, at + 1)) {
            if (beginsWord(title, at)) {
                run = at;
                break;
            }
        }
        return 1000 + (beginsWord(title, run) ? 500 : 0) - static_cast<int>(std::min<qsizetype>(run, 200));
    }
    // Else its letters one by one; those that begin words or follow each other count more.
    int points = 0;
    qsizetype last = -2;
    for (const QChar letter : word) {
        const qsizetype at = title.indexOf(letter, last < 0 ? 0 : last + 1);
        if (at < 0)
            return std::nullopt;
        points += at == last + 1 ? 8 : beginsWord(title, at) ? 6 : 1;
        last = at;
    }
    return points - static_cast<int>(std::min<qsizetype>(last, 200)) / 10;
}

void QuickSwitcher::setQuery(const QString& query)
{
    if (query == m_query)
        return;
    m_query = query;
    rank();
    emit queryChanged();
}

void QuickSwitcher::setEntries(std::vector<Entry> entries)
{
    beginResetModel();
    m_entries = std::move(entries);
    m_found.clear();
    endResetModel();
    rank();
}

void QuickSwitcher::open()
{
    m_query.clear();
    emit queryChanged();
    m_store.run(
        this,
        [](storage::ChatStore& store) {
            std::vector<Entry> entries;
            for (const auto scope : {storage::Scope::active, storage::Scope::archived}) {
                for (const storage::Conversation& one : store.list_conversations(scope)) {
                    Entry& entry = entries.emplace_back();
                    entry.id = one.id;
                    entry.title = one.title.empty() ? tr("New conversation") : oneLine(toQt(one.title));
                    entry.folded = fold(entry.title);
                    entry.detail = one.archived ? tr("archived") : toQt(one.folder);
                }
            }
            return entries;
        },
        [this](const std::vector<Entry>& entries) { setEntries(entries); });
}

void QuickSwitcher::close()
{
    setEntries({});
}

qint64 QuickSwitcher::at(int row) const
{
    return row >= 0 && row < count() ? m_entries[m_found[static_cast<std::size_t>(row)]].id : 0;
}

void QuickSwitcher::rank()
{
    const QStringList words = fold(m_query).split(u' ', Qt::SkipEmptyParts);
    struct Scored
    {
        int points;
        std::size_t entry;
    };
    std::vector<Scored> scored;
    for (std::size_t i = 0; i < m_entries.size(); ++i) {
        int points = 0;
        const bool fits = std::all_of(words.begin(), words.end(), [&](const QString& word) {
            const std::optional<int> one = score(word, m_entries[i].folded);
            points += one.value_or(0);
            return one.has_value();
        });
        if (fits)
            scored.push_back({points, i});
    }
    const auto end = scored.begin() + static_cast<std::ptrdiff_t>(std::min(scored.size(), most_found));
    std::partial_sort(scored.begin(), end, scored.end(), [](const Scored& a, const Scored& b) {
        return a.points != b.points ? a.points > b.points : a.entry < b.entry;
    });
    beginResetModel();
    m_found.clear();
    for (auto one = scored.begin(); one != end; ++one)
        m_found.push_back(one->entry);
    endResetModel();
    emit countChanged();
}

} // namespace ui
