// SPDX-License-Identifier: MIT
// The real program on a desktop of its own under strace: a start, answers with links, an image and formulas
// on the screen, a question and its answer. It connects to nothing but sockets of this machine's programs,
// and opens for writing nothing outside what is its own.
#include "storage/chat_store.h"
#include "storage/database.h"
#include "tests/app/desktop.h"

#include <QFile>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using desktop::Desktop;

namespace {

// One system call as strace writes it: "123 connect(5, {sa_family=AF_UNIX, …}, 20) = 0".
struct Call
{
    QString name;
    QString arguments;
};

std::vector<Call> calls(const QString& file)
{
    QFile trace(file);
    std::vector<Call> found;
    if (!trace.open(QIODevice::ReadOnly))
        return found;
    for (const QString& line : QString::fromUtf8(trace.readAll()).split(u'\n')) {
        const QString call = line.section(u' ', 1).trimmed(); // without the process
        const qsizetype open = call.indexOf(u'(');
        if (open > 0)
            found.push_back({call.left(open), call.mid(open + 1)});
    }
    return found;
}

QString firstQuoted(const QString& arguments)
{
    return arguments.section(u'"', 1, 1);
}

} // namespace

class TestStrace : public QObject
{
    Q_OBJECT

private slots:
    void aTalkStaysOnThisMachine()
    {
        QVERIFY2(!QStandardPaths::findExecutable(QStringLiteral("strace")).isEmpty(),
                 "strace is missing; .ci/run installs it");
        const QTemporaryDir folder;
        Desktop desktop(folder.path());
        const QString why = desktop.start();
        QVERIFY2(why.isEmpty(), qPrintable(why));

        const QString profile = desktop.home() + QStringLiteral("/.local/share/fathom");
        {
            const storage::ProfileLock lock(profile.toStdString());
            storage::ChatStore store(lock);
            const storage::Id conversation = store.create_conversation();
            store.suggest_title(conversation, "Pictures and links");
            const storage::Id asked = store.append_message(conversation, storage::Role::user, "Show me.");
            const storage::Id answer = store.begin_answer(asked, {"A model", "0123", "0.1.0", "{}", 1});
            storage::AnswerResult result;
            result.text =
                "See [the paper](https://example.org/paper), ![a cat](https://example.org/cat.png), "
                "<img src=\"https://example.org/dog.png\"> and https://example.org/raw.\n\n"
                "\\[ \\int_0^1 x^2\\,dx = \\frac13 \\] and $$\\sum_k k$$ and \\(a^2\\).\n\n"
                "```html\n<script src=\"https://example.org/x.js\"></script>\n```\n";
            result.status = storage::Status::complete;
            store.finish_answer(answer, result);
        }
        const QString trace = folder.filePath(QStringLiteral("trace"));
        const std::unique_ptr<QProcess> program =
            desktop.run(QStringLiteral("strace"),
                        {QStringLiteral("-f"), QStringLiteral("-qq"), QStringLiteral("-s"),
                         QStringLiteral("300"), QStringLiteral("-e"),
                         QStringLiteral("trace=socket,connect,sendto,sendmsg,open,openat,openat2,creat"),
                         QStringLiteral("-o"), trace, QStringLiteral(FATHOM_PROGRAM)});
        QVERIFY(desktop.press(QStringLiteral("Start talking")));
        QVERIFY(desktop.press(QStringLiteral("Pictures and links"), desktop::list_item));
        QVERIFY(desktop.shows(QStringLiteral("You: Show me.")));
        QVERIFY(desktop.shows(QStringLiteral("See the paper*")));
        desktop.key(QStringLiteral("ctrl+n"));
        QVERIFY(desktop.shows(QStringLiteral("What do bees do all day?")));
        desktop.type(QStringLiteral("What is at https://example.org/?"));
        desktop.key(QStringLiteral("Return"));
        QVERIFY(desktop.shows(QStringLiteral("Answer again")));
        QVERIFY(desktop.shows(QStringLiteral("Send")));
        desktop.key(QStringLiteral("ctrl+q"));
        QVERIFY(program->waitForFinished(60'000));
        QCOMPARE(program->exitCode(), 0);

        int local = 0;
        int opened = 0;
        int written = 0;
        const QStringList own = {folder.path() + u'/', QStringLiteral("/dev/"), QStringLiteral("/memfd:"),
                                 QStringLiteral("/proc/self/")};
        const QStringList system = {QStringLiteral("/usr/"),
                                    QStringLiteral("/lib"),
                                    QStringLiteral("/etc/"),
                                    QStringLiteral("/proc/"),
                                    QStringLiteral("/sys/"),
                                    QStringLiteral("/var/cache/fontconfig/"),
                                    QStringLiteral("/var/lib/dbus/"),
                                    QStringLiteral("/run/"),
                                    QStringLiteral("/tmp/.X11-unix/"),
                                    QStringLiteral(FATHOM_BINARY_DIR "/"),
                                    QStringLiteral(FATHOM_SOURCE_DIR "/resources/starter/")};
        const auto liesIn = [](const QString& path, const QStringList& places) {
            return std::any_of(places.begin(), places.end(),
                               [&](const QString& place) { return path.startsWith(place); });
        };
        for (const Call& call : calls(trace)) {
            const QString whole = call.name + u'(' + call.arguments;
            if (call.name == QLatin1String("socket")) {
                QVERIFY2(call.arguments.startsWith(QLatin1String("AF_UNIX")), qPrintable(whole));
            } else if (call.name == QLatin1String("connect")) {
                QVERIFY2(call.arguments.contains(QLatin1String("sa_family=AF_UNIX")), qPrintable(whole));
                ++local;
            } else if (call.name.startsWith(QLatin1String("send"))) {
                QVERIFY2(!call.arguments.contains(QLatin1String("sa_family=AF_INET")), qPrintable(whole));
            } else if (const QString path = firstQuoted(call.arguments); path.startsWith(u'/')) {
                const bool writes = call.arguments.contains(QLatin1String("O_WRONLY")) ||
                                    call.arguments.contains(QLatin1String("O_RDWR")) ||
                                    call.arguments.contains(QLatin1String("O_CREAT")) ||
                                    call.name == QLatin1String("creat");
                QVERIFY2(liesIn(path, own) || (!writes && (liesIn(path, system) || path == u'/')),
                         qPrintable(whole));
                ++opened;
                written += writes;
            }
        }
        QVERIFY2(local >= 2, qPrintable(QString::number(local))); // the X server and the bus at least
        QVERIFY(opened > 100);
        QVERIFY(written > 3);
    }
};

QTEST_GUILESS_MAIN(TestStrace)
#include "test_strace.moc"
