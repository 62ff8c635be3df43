// SPDX-License-Identifier: MIT
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
        Status
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
        default:
            return {};
        }
    }

    QHash<int, QByteArray> roleNames() const override
    {
        return {{MessageId, "messageId"},
                {MessageRole, "role"},
                {Text, "text"},
                {Blocks, "blocks"},
                {Status, "status"}};
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

// What the rows must be, from the messages alone.
QStringList expected(const Messages& source)
{
    QStringList rows;
    for (const Message& message : source.messages) {
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
            if (shown(rows) != expected(source)) {
                QCOMPARE(shown(rows), expected(source));
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestMessageRows)
#include "test_message_rows.moc"
