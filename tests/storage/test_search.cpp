// SPDX-License-Identifier: MIT
#include "tests/storage/opened.h"

#include <atomic>
#include <thread>
#include <vector>

using namespace storage;
namespace fs = std::filesystem;

namespace {

// The bytes of the snippet that are marked.
Words marked(const SearchHit& hit)
{
    Words all;
    for (const SearchHit::Range& range : hit.matches)
        all.push_back(hit.snippet.substr(range.begin, range.length));
    return all;
}

} // namespace

class TestSearch : public QObject
{
    Q_OBJECT

    std::optional<Opened> m_library; // what the searches search

private slots:
    void initTestCase()
    {
        ChatStore& store = *m_library.emplace().store;
        const Id conversation = store.create_conversation("Untitled");
        store.append_message(conversation, Role::user,
                             "The weather, is it nice? C++ 😀 ärger погода\n北京的天气");
        store.append_message(conversation, Role::user, "Yes or no");
    }

    void cleanupTestCase() { m_library.reset(); }

    void find_in_branch_finds_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QList<int>>("counts"); // in each message of the branch
        const auto row = [](const char* text, QList<int> counts) {
            QTest::newRow(text) << QString::fromUtf8(text) << counts;
        };
        row("weather", {2, 0, 0, 1});
        row("WEATHER", {2, 0, 0, 1});
        row("e weat", {2, 0, 0, 0}); // blanks are part of it
        row("天", {0, 2, 0, 0});
        row("天气", {0, 1, 0, 0});
        row("北京的天", {0, 1, 0, 0});
        row("ÄRGER", {0, 0, 1, 0});
        row("aa", {0, 0, 2, 0}); // without overlaps
        row("\"", {0, 0, 1, 0});
        row("* OR", {0, 0, 1, 0});
        row("a ", {0, 0, 1, 0});
        row(" ", {4, 0, 5, 1});
        row("  ", {0, 0, 1, 0});
        row("stream", {0, 0, 0, 1});
        row("nowhere", {0, 0, 0, 0});
        row("chosen", {0, 0, 0, 0}); // of another branch
        row("", {0, 0, 0, 0});
    }

    void find_in_branch_finds()
    {
        QFETCH(QString, text);
        QFETCH(QList<int>, counts);
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation("the weather");
        const Id first = store.append_message(conversation, Role::user, "The weather is the WEATHER");
        store.append_message(conversation, Role::user, "北京的天气和天");
        store.append_message(store.create_conversation(), Role::user, "weather elsewhere");
        const Id third = store.append_message(conversation, Role::user, "\" ärger* OR  aaaaa b");
        const Id answer = store.begin_answer(third, {});
        store.update_answer(answer, "streaming weather", {});
        store.add_sibling(first, "a weather that is not chosen");
        store.choose_branch(first);
        const std::vector<MessageHead> heads = store.branch_heads(conversation);
        QCOMPARE(heads.size(), std::size_t(4));
        QList<int> found;
        const std::vector<MessageMatch> matches = store.find_in_branch(conversation, text.toStdString());
        auto match = matches.begin();
        for (const MessageHead& head : heads)
            found.append(match != matches.end() && match->message == head.id ? (match++)->count : 0);
        QVERIFY(match == matches.end());
        QCOMPARE(found, counts);
    }

    void search_finds_data()
    {
        QTest::addColumn<QString>("query");
        QTest::addColumn<QString>("found"); // the marked words of the only hit; empty: no hit
        QTest::newRow("word") << "weather"
                              << "weather";
        QTest::newRow("part of a word") << "eathe"
                                        << "eathe";
        QTest::newRow("other letter case") << "WEATHER"
                                           << "weather";
        QTest::newRow("two words in any order") << "nice weather"
                                                << "weather|nice";
        QTest::newRow("two words, one missing") << "weather awful"
                                                << "";
        QTest::newRow("long and short") << "weather is"
                                        << "weather|is";
        QTest::newRow("long and short, short missing") << "weather zq"
                                                       << "";
        QTest::newRow("two Chinese characters") << "北京"
                                                << "北京";
        QTest::newRow("at the end of the text") << "天气"
                                                << "天气";
        QTest::newRow("one Chinese character") << "京"
                                               << "京";
        QTest::newRow("the last character") << "气"
                                            << "气";
        QTest::newRow("two short words") << "北京 天气"
                                         << "北京|天气";
        QTest::newRow("three Chinese characters") << "京的天"
                                                  << "京的天";
        QTest::newRow("characters that stand elsewhere") << "京北"
                                                         << "";
        QTest::newRow("emoji") << "😀"
                               << "😀";
        QTest::newRow("two Latin letters") << "c+"
                                           << "C+";
        QTest::newRow("three with signs") << "c++"
                                          << "C++";
        QTest::newRow("umlaut in other case") << "ÄRGER"
                                              << "ärger";
        QTest::newRow("Cyrillic") << "ПОГОДА"
                                  << "погода";
        QTest::newRow("two Cyrillic letters") << "ПО"
                                              << "по";
        QTest::newRow("nothing") << ""
                                 << "";
        QTest::newRow("blanks") << " \t\n\u3000"
                                << "";
        QTest::newRow("absent") << "snow"
                                << "";
        QTest::newRow("absent short") << "雪"
                                      << "";
    }

    void search_finds()
    {
        QFETCH(QString, query);
        QFETCH(QString, found);
        const std::vector<SearchHit> hits = m_library->store->search(query.toStdString(), 10);
        QCOMPARE(hits.size(), std::size_t(found.isEmpty() ? 0 : 1));
        if (found.isEmpty())
            return;
        QVERIFY(hits[0].message.has_value());
        QCOMPARE(hits[0].conversation, m_library->store->message(*hits[0].message)->conversation);
        QCOMPARE(hits[0].title, std::string("Untitled"));
        QStringList words;
        for (const std::string& word : marked(hits[0]))
            words << QString::fromStdString(word);
        for (const QString& word : found.split('|'))
            QVERIFY2(words.contains(word), qPrintable(words.join('|')));
    }

    void search_treats_operators_as_text_data()
    {
        QTest::addColumn<QByteArray>("query");
        int row = 0;
        for (const QByteArray& query : {QByteArray("\""),
                                        QByteArray("\"\""),
                                        QByteArray("'"),
                                        QByteArray("*"),
                                        QByteArray("a*"),
                                        QByteArray("wea*"),
                                        QByteArray("-weather"),
                                        QByteArray("weather OR snow"),
                                        QByteArray("weather AND NOT nice"),
                                        QByteArray("NEAR(weather nice, 2)"),
                                        QByteArray("content:weather"),
                                        QByteArray("{content}: weather"),
                                        QByteArray("^weather"),
                                        QByteArray("(weather"),
                                        QByteArray("weather)"),
                                        QByteArray("weather + nice"),
                                        QByteArray("'; DROP TABLE messages; --"),
                                        QByteArray("%"),
                                        QByteArray("_____"),
                                        QByteArray("?1"),
                                        QByteArray(":x"),
                                        QByteArray("a\0b", 3),
                                        QByteArray("weather\0\" OR", 12),
                                        QByteArray("\xFF\xFE"),
                                        QByteArray("\xC3"),
                                        QByteArray("wea\xFFther"),
                                        QByteArray("\"weather\" \"nice"),
                                        QByteArray("\\"),
                                        QByteArray("[a-z]"),
                                        QByteArray(100000, 'x'),
                                        QByteArray("word ").repeated(10000),
                                        QByteArray("\" ").repeated(1000)})
            QTest::addRow("%d", row++) << query;
    }

    void search_treats_operators_as_text()
    {
        QFETCH(QByteArray, query);
        ChatStore& store = *m_library->store;
        store.search(query.toStdString(), no_limit); // throws nothing

        // Short enough, the same text is found as it stands in a message that holds it.
        const std::string text = query.left(60).toStdString();
        if (text.find('\0') != std::string::npos ||
            QString::fromUtf8(query).contains(QChar::ReplacementCharacter))
            return;
        const Id conversation = store.create_conversation();
        const Id id = store.append_message(conversation, Role::user, "before " + text + " after");
        const std::vector<SearchHit> hits = store.search(text, 10);
        QVERIFY(
            std::any_of(hits.begin(), hits.end(), [&](const SearchHit& hit) { return hit.message == id; }));
        store.delete_for_ever(conversation);
    }

    void search_is_narrowed_by_filters_data()
    {
        QTest::addColumn<QString>("query");
        QTest::addColumn<QString>("found"); // letters of the conversations, in order
        QTest::newRow("no filter") << "lamp"
                                   << "CBA";
        QTest::newRow("tag") << "lamp tag:home"
                             << "BA";
        QTest::newRow("tag, other case") << "TAG:Home lamp"
                                         << "BA";
        QTest::newRow("two tags") << "tag:home tag:\"to do\" lamp"
                                  << "A";
        QTest::newRow("unknown tag") << "lamp tag:nothing"
                                     << "";
        QTest::newRow("folder") << "folder:Work lamp"
                                << "CA";
        QTest::newRow("folder in a folder") << "lamp folder:work/letters"
                                            << "C";
        QTest::newRow("part of a folder's name") << "lamp folder:wor"
                                                 << "";
        QTest::newRow("model") << "lamp model:lite"
                               << "B";
        QTest::newRow("before") << "lamp before:2001"
                                << "";
        QTest::newRow("after") << "lamp after:2001-02-03"
                               << "CBA";
        QTest::newRow("filters alone") << "tag:home"
                                       << "BA";
        QTest::newRow("filters alone, two") << "tag:home folder:work"
                                            << "A";
        QTest::newRow("no date") << "before:breakfast"
                                 << "D";
        QTest::newRow("no name") << "tag:"
                                 << "D";
        QTest::newRow("quotes in quotes") << "lamp tag:\"the \\\"big\\\" one \\\\ two\""
                                          << "A";
        QTest::newRow("quotes that do not end") << "lamp tag:\"home"
                                                << "";
        QTest::newRow("hostile") << "lamp tag:\"x','y\"]\""
                                 << "";
    }

    void search_is_narrowed_by_filters()
    {
        QFETCH(QString, query);
        QFETCH(QString, found);
        Opened opened;
        ChatStore& store = *opened.store;
        std::map<Id, char> letters;
        const auto add = [&](char letter, std::string_view folder, std::vector<std::string> tags,
                             std::string_view text) {
            const Id id = store.create_conversation();
            store.set_folder(id, folder);
            store.set_tags(id, std::move(tags));
            store.append_message(id, Role::user, text);
            letters[id] = letter;
            return id;
        };
        add('D', "Other", {}, "before:breakfast and tag: are words");
        add('A', "Work", {"home", "to do", "the \"big\" one \\ two"}, "the lamp");
        const Id b = add('B', "", {"home"}, "a lamp");
        AnswerOrigin origin;
        origin.model_name = "DeepSeek-V2-Lite";
        AnswerResult result;
        result.text = "what of it?";
        store.finish_answer(store.begin_answer(*store.conversation(b)->leaf, origin), result);
        add('C', "Work/Letters", {}, "lamp!");
        QString letter;
        for (const SearchHit& hit : store.search(query.toStdString(), 10))
            letter += QLatin1Char(letters.at(hit.conversation));
        QCOMPARE(letter, found);
    }

    void search_lists_titles_then_the_newest_messages()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id first = store.create_conversation("A walk in 北京");
        const Id second = store.create_conversation("Other");
        const Id old_message = store.append_message(second, Role::user, "we walk");
        const Id new_message = store.append_message(first, Role::user, "they walk");
        const std::vector<SearchHit> hits = store.search("walk", 10);
        QCOMPARE(hits.size(), std::size_t(3));
        QVERIFY(!hits[0].message && hits[0].conversation == first);
        QCOMPARE(hits[0].snippet, std::string("A walk in 北京"));
        QVERIFY((marked(hits[0]) == Words{"walk"}));
        QVERIFY(hits[1].message == new_message);
        QVERIFY(hits[2].message == old_message);
        QCOMPARE(store.search("walk", 2).size(), std::size_t(2));
        QCOMPARE(store.search("walk", 0).size(), std::size_t(0));
        QCOMPARE(store.search("walk", no_limit).size(), std::size_t(3));
        QCOMPARE(store.search("北京", 10).size(), std::size_t(1));
        QCOMPARE(store.search("walk 京", 10).size(), std::size_t(1));
        store.rename(first, "Nothing");
        QVERIFY(store.search("北京", 10).empty());
        QCOMPARE(store.search("nothing", 10).size(), std::size_t(1));
        QCOMPARE(store.search("th", 10).size(), std::size_t(3)); // noTHing, oTHer, THey
    }

    void a_snippet_is_one_line_around_the_match()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        std::string text;
        for (int i = 0; i < 2000; ++i)
            text += i == 1000 ? "\n\nthe 针 needle\tis here\n" : "é hay ";
        store.append_message(conversation, Role::user, text);
        const std::vector<SearchHit> hits = store.search("Needle", 10);
        QCOMPARE(hits.size(), std::size_t(1));
        QVERIFY((marked(hits[0]) == Words{"needle"}));
        const QString snippet = QString::fromStdString(hits[0].snippet);
        QVERIFY2(snippet.contains(QStringLiteral("the 针 needle is here é")), qPrintable(snippet));
        QVERIFY(snippet.startsWith(QChar(u'…')) && snippet.endsWith(QChar(u'…')));
        QVERIFY(snippet.size() <= 162);
        QVERIFY(!snippet.contains(QChar::ReplacementCharacter));
    }

    void an_answer_is_found_in_its_latest_form()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id question = store.append_message(store.create_conversation(), Role::user, "?");
        const Id id = add_answer(store, question, "first version");
        QCOMPARE(store.search("version", 10).size(), std::size_t(1));
        store.continue_answer(id);
        QVERIFY(store.search("version", 10).empty());
        store.finish_answer(id, answer("second form"));
        QVERIFY(store.search("version", 10).empty());
        QCOMPARE(store.search("form", 10).size(), std::size_t(1));
        Connection database(opened.database(), Connection::Mode::read_write);
        for (const char* sql :
             {"INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO message_bigrams (message_bigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_trigrams (title_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_bigrams (title_bigrams, rank) VALUES ('integrity-check', 1)"})
            QVERIFY(!error_of([&] { database.run(sql); }));
    }

    void a_reader_sees_what_is_committed_and_writes_nothing()
    {
        Opened opened;
        ChatReader reader(opened.path());
        const Id id = opened.store->create_conversation("seen at once");
        QCOMPARE(titles(reader.list_conversations(Scope::active)).size(), std::size_t(1));
        QCOMPARE(reader.search("once", 10).size(), std::size_t(1));
        opened.store->delete_for_ever(id);
        QVERIFY(!reader.conversation(id));

        Connection database(opened.database(), Connection::Mode::read_only);
        const auto error = error_of([&] { database.run("DELETE FROM conversations"); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::read_only);
        Profile missing;
        QVERIFY(error_of([&] { ChatReader none(missing.path()); }));
        QVERIFY(!fs::exists(missing.path()));
    }

    void a_search_runs_beside_the_writer_and_can_be_ended()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        for (int i = 0; i < 50; ++i)
            store.append_message(conversation, Role::user, "common text number " + std::to_string(i));
        ChatReader reader(opened.path());
        std::atomic<bool> stop = false;
        std::atomic<int> searches = 0;
        std::string wrong;
        std::thread thread([&] {
            while (!stop) {
                try {
                    reader.search("common", no_limit);
                } catch (const Error& error) {
                    if (error.kind() != Error::Kind::cancelled) {
                        wrong = error.what();
                        stop = true;
                    }
                }
                ++searches;
            }
        });
        for (int i = 0; (i < 50 || searches < 5) && !stop; ++i) {
            store.append_message(conversation, Role::user, "more common text");
            reader.interrupt();
        }
        stop = true;
        thread.join();
        QVERIFY2(wrong.empty(), wrong.c_str());
        QVERIFY(searches > 0);
        QVERIFY(store.branch(conversation).size() >= 100);
    }
};

QTEST_APPLESS_MAIN(TestSearch)
#include "test_search.moc"
