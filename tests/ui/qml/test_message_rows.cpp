// SPDX-License-Identifier: MIT
#include "tests/ui/patience.h"
#include "ui/markdown/markdown_blocks.h"
#include "ui/qml/message_rows.h"

#include <QAbstractItemModelTester>
#include <QTest>

#include <random>

using namespace Qt::StringLiterals;

namespace {

struct Message
{
    qint64 id = 0;
    QString role;
    QString text;
    QString status = u"complete"_s;
    ui::MarkdownBlocks* blocks = nullptr;
    bool loaded = true;
};

// Messages with the role names that the window's model has.
class Messages : public QAbstractListModel
{
    Q_OBJECT

public:
    enum Role
    {
        MessageId = Qt::UserRole + 1,
        MessageRole,
        Text,
        Blocks,
        Status,
        Loaded
    };

    int rowCount(const QModelIndex& = {}) const override { return static_cast<int>(messages.size()); }

    QVariant data(const QModelIndex& index, int role) const override
    {
        const Message& message = messages[static_cast<size_t>(index.row())];
        switch (role) {
        case MessageId:
            return message.id;
        case MessageRole:
            return message.role;
        case Text:
            return message.text;
        case Blocks:
            return QVariant::fromValue<QObject*>(message.blocks);
        case Status:
            return message.status;
        case Loaded:
            return message.loaded;
        default:
            return {};
        }
    }

    QHash<int, QByteArray> roleNames() const override
    {
        return {{MessageId, "messageId"}, {MessageRole, "role"}, {Text, "text"},
                {Blocks, "blocks"},       {Status, "status"},    {Loaded, "loaded"}};
    }

    void insert(int row, const QString& role, const QString& text)
    {
        beginInsertRows({}, row, row);
        Message message{.id = ++lastId, .role = role, .text = text};
        if (role == u"assistant") {
            message.blocks = new ui::MarkdownBlocks(this);
            message.blocks->setText(text);
        }
        messages.insert(messages.begin() + row, message);
        endInsertRows();
    }

    void remove(int first, int last)
    {
        beginRemoveRows({}, first, last);
        for (int row = first; row <= last; ++row)
            delete messages[static_cast<size_t>(row)].blocks;
        messages.erase(messages.begin() + first, messages.begin() + last + 1);
        endRemoveRows();
    }

    void setStatus(int row, const QString& status)
    {
        messages[static_cast<size_t>(row)].status = status;
        emit dataChanged(index(row), index(row), {Status});
    }

    void setLoaded(int row, bool loaded)
    {
        Message& message = messages[static_cast<size_t>(row)];
        if (message.loaded == loaded)
            return;
        message.loaded = loaded;
        if (message.role == u"assistant" && loaded) {
            message.blocks = new ui::MarkdownBlocks(this);
            message.blocks->setText(message.text);
        } else if (message.blocks) {
            message.blocks->deleteLater();
            message.blocks = nullptr;
        }
        emit dataChanged(index(row), index(row));
    }

    // Messages above the others, of which nothing is at hand.
    void fillAbove(int count)
    {
        beginInsertRows({}, 0, count - 1);
        for (int row = 0; row < count; ++row) {
            messages.insert(messages.begin() + row, {.id = ++lastId,
                                                     .role = row % 2 == 0 ? u"user"_s : u"assistant"_s,
                                                     .text = u"text %1\n\nmore"_s.arg(lastId),
                                                     .loaded = false});
        }
        endInsertRows();
    }

    void reset()
    {
        beginResetModel();
        for (const Message& message : messages)
            delete message.blocks;
        messages.clear();
        endResetModel();
    }

    std::vector<Message> messages;
    qint64 lastId = 0;
};

// What the rows must be, from the messages of the window alone.
QStringList expected(const Messages& source, const ui::MessageRows& shown)
{
    QStringList rows;
    const int first = shown.messageOf(0);
    const int last = shown.messageOf(shown.count() - 1);
    for (int row = qMax(0, first); row <= last; ++row) {
        const Message& message = source.messages[static_cast<size_t>(row)];
        if (!message.loaded) {
            rows += u"a message that is not at hand"_s;
            continue;
        }
        if (!message.blocks) {
            rows += u"user %1"_s.arg(message.id);
            continue;
        }
        for (int i = 0; i < message.blocks->count(); ++i) {
            const QModelIndex index = message.blocks->index(i);
            rows += u"%1 %2 %3"_s.arg(message.blocks->data(index, ui::MarkdownBlocks::Kind).toString())
                        .arg(message.id)
                        .arg(i);
        }
        rows += u"footer %1"_s.arg(message.id);
    }
    return rows;
}

QStringList shown(const ui::MessageRows& rows)
{
    QStringList lines;
    for (int row = 0; row < rows.count(); ++row) {
        QString line =
            rows.value(row, u"kind"_s).toString() + u' ' + rows.value(row, u"messageId"_s).toString();
        if (const int block = rows.value(row, u"block"_s).toInt(); block >= 0)
            line += u" %1"_s.arg(block);
        lines += line;
    }
    return lines;
}

} // namespace

class TestMessageRows : public QObject
{
    Q_OBJECT

private slots:
    void flattensMessages()
    {
        Messages source;
        source.insert(0, u"user"_s, u"<b>Hello</b>"_s);
        source.insert(1, u"assistant"_s, u"# A\n\nb\n\n```c\nint a;\n```\n"_s);
        ui::MessageRows rows;
        rows.setSource(&source);
        QCOMPARE(shown(rows),
                 (QStringList{u"user 1"_s, u"text 2 0"_s, u"text 2 1"_s, u"code 2 2"_s, u"footer 2"_s}));
        QCOMPARE(rows.value(0, u"html"_s).toString(), u"&lt;b&gt;Hello&lt;/b&gt;"_s);
        QCOMPARE(rows.value(1, u"type"_s).toString(), u"heading"_s);
        QCOMPARE(rows.value(1, u"first"_s).toBool(), true);
        QCOMPARE(rows.value(2, u"first"_s).toBool(), false);
        QCOMPARE(rows.value(3, u"language"_s).toString(), u"c"_s);
        QCOMPARE(rows.value(3, u"status"_s).toString(), u"complete"_s);
        QCOMPARE(rows.value(4, u"role"_s).toString(), u"assistant"_s);
        QCOMPARE(rows.rowOfMessage(2), 1);
        QCOMPARE(rows.rowOfMessage(99), -1);
        QCOMPARE(rows.plainText(2), u"b"_s);
    }

    // A token changes the row of its block and no other.
    void streamingTouchesItsBlockOnly()
    {
        Messages source;
        source.insert(0, u"user"_s, u"q"_s);
        source.insert(1, u"assistant"_s, QString());
        source.messages[1].blocks->append(u"first\n\nsecond");
        ui::MessageRows rows;
        rows.setSource(&source);
        QList<int> changed;
        connect(&rows, &QAbstractItemModel::dataChanged, this,
                [&](const QModelIndex& first, const QModelIndex& last) {
                    for (int row = first.row(); row <= last.row(); ++row)
                        changed += row;
                });
        source.messages[1].blocks->append(u" and more");
        QCOMPARE(changed, QList<int>{2});
        changed.clear();
        source.setStatus(1, u"stopped"_s);
        QCOMPARE(changed, (QList<int>{1, 2, 3}));
    }

    void anyChangesLeaveItRight()
    {
        const unsigned seed = std::random_device{}();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        const auto below = [&random](int bound) {
            return static_cast<int>(random() % static_cast<unsigned>(bound));
        };
        Messages source;
        ui::MessageRows rows;
        rows.setSource(&source);
        const QAbstractItemModelTester tester(&rows, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const QStringList pieces{u"word "_s,     u"\n"_s,        u"\n\n"_s,
                                 u"- item\n"_s,  u"```\n"_s,     u"| a | b |\n|--|--|\n"_s,
                                 u"# Title\n"_s, u"> quote\n"_s, u"---\n"_s};
        for (int step = 0; step < 1500; ++step) {
            const int count = source.rowCount();
            switch (below(12)) {
            case 0:
                source.insert(below(count + 1), u"user"_s, u"question"_s);
                break;
            case 1:
                source.insert(below(count + 1), u"assistant"_s, u"a\n\nb"_s);
                break;
            case 2:
                if (count > 4) {
                    const int first = below(count);
                    source.remove(first, qMin(count - 1, first + below(3)));
                }
                break;
            case 3:
                if (count > 0)
                    source.setStatus(below(count), u"stopped"_s);
                break;
            case 4:
                if (below(40) == 0)
                    source.reset();
                break;
            default:
                if (count > 0) {
                    ui::MarkdownBlocks* blocks = source.messages[static_cast<size_t>(below(count))].blocks;
                    if (blocks && below(20) == 0)
                        blocks->setText(u"replaced\n\n- all"_s);
                    else if (blocks)
                        blocks->append(pieces[below(static_cast<int>(pieces.size()))]);
                }
            }
            if (shown(rows) != expected(source, rows)) {
                QCOMPARE(shown(rows), expected(source, rows));
            }
            if (below(4) == 0) { // the window follows when there is time
                QCoreApplication::processEvents();
                QCOMPARE(rows.count() > 0, source.rowCount() > 0);
            }
        }
        // Without a look elsewhere it is at the end.
        QTRY_VERIFY(source.rowCount() == 0 || rows.reachesEnd());
    }

    // A conversation of which a page is at hand at a time: whatever is looked at or gone to comes into the
    // window with its own text, and the window stays small.
    void theWindowFollowsTheView()
    {
        const unsigned seed = std::random_device{}();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        const auto below = [&random](int bound) {
            return static_cast<int>(random() % static_cast<unsigned>(bound));
        };
        Messages source;
        ui::MessageRows rows;
        const QAbstractItemModelTester tester(&rows, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QList<std::pair<int, int>> asked; // comes later
        connect(&rows, &ui::MessageRows::wanted, this, [&asked](int first, int last) {
            asked.append({first, last});
        });
        connect(&rows, &ui::MessageRows::unneeded, this, [&source](int first, int last) {
            for (int row = 0; row < source.rowCount(); ++row) {
                if (row < first || row > last)
                    source.setLoaded(row, false);
            }
        });
        const auto deliver = [&] {
            while (!asked.isEmpty()) {
                const auto [first, last] = asked.takeFirst();
                for (int row = first; row <= qMin(last, source.rowCount() - 1); ++row)
                    source.setLoaded(row, true);
            }
        };
        const auto settle = [&] {
            for (int i = 0; i < 200 && (QCoreApplication::processEvents(), i < 40 || !asked.isEmpty()); ++i)
                deliver();
        };
        rows.setSource(&source);
        source.fillAbove(3000);
        QCOMPARE(rows.count(), 0); // nothing is at hand
        settle();
        QVERIFY(rows.reachesEnd());
        QVERIFY(!rows.reachesStart());

        int arrivedAt = -1;
        connect(&rows, &ui::MessageRows::arrived, this, [&](int row) { arrivedAt = rows.messageOf(row); });
        for (int round = 0; round < 150; ++round) {
            switch (below(5)) {
            case 0:
            case 1: { // a jump
                const int to = below(source.rowCount());
                arrivedAt = -1;
                rows.go(to);
                settle();
                QCOMPARE(arrivedAt, to);
                break;
            }
            case 2: { // scrolling
                const int row = below(rows.count());
                const int seen = rows.messageOf(row);
                rows.look(row, qMin(rows.count() - 1, row + 5));
                settle();
                QVERIFY(rows.messageOf(0) <= qMax(0, seen - 32));
                QVERIFY(rows.messageOf(rows.count() - 1) >= qMin(source.rowCount() - 1, seen + 32));
                break;
            }
            case 3:
                source.insert(source.rowCount(), below(2) == 0 ? u"user"_s : u"assistant"_s, u"new\n\nnew"_s);
                break;
            default: {
                const int first = source.rowCount() - 1 - below(100);
                source.remove(first, source.rowCount() - 1);
                source.insert(first, u"user"_s, u"another branch"_s);
                settle();
                break;
            }
            }
            QVERIFY(rows.count() > 0);
            if (shown(rows) != expected(source, rows))
                QCOMPARE(shown(rows), expected(source, rows));
            for (int row = 0; row < rows.count(); ++row) {
                const auto message = static_cast<size_t>(rows.messageOf(row));
                QCOMPARE(rows.value(row, u"text"_s).toString(), source.messages[message].text);
            }
            QVERIFY(rows.messageOf(rows.count() - 1) - rows.messageOf(0) <= 2 * 64 + 100);
        }
    }

    // The rows above the page that a conversation was opened with come in without moving a row.
    void whatComesAboveIsNotShownUntilItIsLookedAt()
    {
        Messages source;
        for (int row = 0; row < 40; ++row)
            source.insert(row, u"user"_s, u"text"_s);
        ui::MessageRows rows;
        rows.setSource(&source);
        QCoreApplication::processEvents();
        const qint64 first = rows.value(0, u"messageId"_s).toLongLong();
        const int count = rows.count();
        source.fillAbove(1000);
        QCOMPARE(rows.count(), count);
        QCOMPARE(rows.value(0, u"messageId"_s).toLongLong(), first);
        QVERIFY(!rows.reachesStart());
        QVERIFY(rows.reachesEnd());
    }
};

QTEST_GUILESS_MAIN(TestMessageRows)
#include "test_message_rows.moc"
