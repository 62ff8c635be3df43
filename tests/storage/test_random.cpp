// SPDX-License-Identifier: MIT
// Random operations on a store and on a model of it in memory; after each few, all that can be asked must
// agree. FATHOM_SEED repeats a run.
#include "storage/chat_store.h"
#include "tests/storage/profile.h"

#include <QRegularExpression>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace storage;

namespace {

struct ModelMessage
{
    Id conversation = 0;
    std::optional<Id> parent;
    Role role = Role::user;
    Status status = Status::complete;
    std::string content;
    std::vector<std::int32_t> token_ids;
};

struct ModelConversation
{
    std::string title;
    bool automatic = true;
    bool pinned = false;
    bool archived = false;
    bool trashed = false;
    std::string draft;
    std::set<std::string> tags;
    std::optional<Id> leaf;
    std::map<std::optional<Id>, std::vector<Id>> children; // of each parent, in order
    std::map<std::optional<Id>, Id> chosen;                // child of each parent
};

struct Model
{
    std::map<Id, ModelConversation> conversations;
    std::map<Id, ModelMessage> messages;

    std::vector<Id> way_to(std::optional<Id> leaf) const
    {
        std::vector<Id> way;
        for (; leaf; leaf = messages.at(*leaf).parent)
            way.push_back(*leaf);
        std::reverse(way.begin(), way.end());
        return way;
    }

    void choose(Id leaf)
    {
        ModelConversation& conversation = conversations.at(messages.at(leaf).conversation);
        conversation.leaf = leaf;
        for (const Id id : way_to(leaf))
            conversation.chosen[messages.at(id).parent] = id;
    }

    void add(Id id, const ModelMessage& message)
    {
        messages[id] = message;
        conversations.at(message.conversation).children[message.parent].push_back(id);
        choose(id);
    }

    Id deepest_chosen(Id id) const
    {
        const ModelConversation& conversation = conversations.at(messages.at(id).conversation);
        for (auto next = conversation.chosen.find(id); next != conversation.chosen.end();
             next = conversation.chosen.find(id))
            id = next->second;
        return id;
    }
};

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
    return text;
}

bool holds_all(const std::string& text, const std::vector<std::string>& words)
{
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        return lower(text).find(lower(word)) != std::string::npos;
    });
}

} // namespace

class TestRandom : public QObject
{
    Q_OBJECT

    std::mt19937 m_random;

    std::size_t below(std::size_t bound) { return m_random() % bound; }

    template <typename Container> auto any(const Container& container)
    {
        return *std::next(container.begin(), static_cast<std::ptrdiff_t>(below(container.size())));
    }

    std::string text()
    {
        static const std::vector<std::string> pieces{"a",  "B",  "ab",  "the",  "Weather", "C++",
                                                     "\"", "*",  "-",   "北",   "京",      "天",
                                                     "气", "😀", "x y", "NEAR", "'",       "\n"};
        std::string all;
        for (std::size_t i = 0, count = below(12); i < count; ++i)
            all += any(pieces) + (below(2) ? " " : "");
        return all;
    }

    static std::vector<std::string> words_of(const QString& text)
    {
        std::vector<std::string> words;
        for (const QString& word : text.split(QRegularExpression(QStringLiteral("\\s+")), Qt::SkipEmptyParts))
            words.push_back(word.toStdString());
        return words;
    }

    // Cut between characters.
    std::string part_of(const std::string& text)
    {
        const QString all = QString::fromStdString(text);
        QString part = all.mid(static_cast<qsizetype>(below(static_cast<std::size_t>(all.size()) + 1)),
                               static_cast<qsizetype>(1 + below(6)));
        if (!part.isEmpty() && part.front().isLowSurrogate())
            part.remove(0, 1);
        if (!part.isEmpty() && part.back().isHighSurrogate())
            part.chop(1);
        return (below(3) == 0 ? part.toUpper() : part).toStdString();
    }

    void compare(ChatReader& store, const Model& model)
    {
        for (const Scope scope : {Scope::active, Scope::archived, Scope::trash}) {
            std::set<Id> expected;
            for (const auto& [id, c] : model.conversations)
                if (scope == (c.trashed ? Scope::trash : c.archived ? Scope::archived : Scope::active))
                    expected.insert(id);
            std::set<Id> found;
            bool pinned = true;
            for (const Conversation& conversation : store.list_conversations(scope)) {
                found.insert(conversation.id);
                QVERIFY(pinned || !conversation.pinned || scope == Scope::trash); // pinned ones stand first
                pinned = conversation.pinned;
            }
            QVERIFY(found == expected);
        }
        for (const auto& [id, expected] : model.conversations) {
            const std::optional<Conversation> found = store.conversation(id);
            QVERIFY(found);
            QCOMPARE(found->title, expected.title);
            QCOMPARE(found->title_is_automatic, expected.automatic);
            QCOMPARE(found->pinned, expected.pinned);
            QCOMPARE(found->archived, expected.archived);
            QCOMPARE(found->deleted_at.has_value(), expected.trashed);
            QCOMPARE(found->draft, expected.draft);
            QVERIFY(std::set<std::string>(found->tags.begin(), found->tags.end()) == expected.tags);
            QVERIFY(found->leaf == expected.leaf);
            std::vector<Id> branch;
            for (const Message& message : store.branch(id))
                branch.push_back(message.id);
            QVERIFY(branch == model.way_to(expected.leaf));
            std::vector<Id> downwards;
            for (const Message& message : store.beginning(id, [](const Message&) { return false; }))
                downwards.push_back(message.id);
            QVERIFY(downwards == branch);
            if (!branch.empty())
                QCOMPARE(store.depth(branch.back()), static_cast<std::int64_t>(branch.size()) - 1);
            std::vector<Id> heads;
            for (const MessageHead& head : store.branch_heads(id)) {
                heads.push_back(head.id);
                const std::vector<Id>& siblings = expected.children.at(model.messages.at(head.id).parent);
                QCOMPARE(static_cast<std::size_t>(head.sibling_count), siblings.size());
                QCOMPARE(siblings[static_cast<std::size_t>(head.ordinal)], head.id);
                QCOMPARE(head.role, model.messages.at(head.id).role);
                QCOMPARE(head.status, model.messages.at(head.id).status);
            }
            QVERIFY(heads == branch);
            const std::string wanted =
                branch.empty() ? "a" : part_of(model.messages.at(branch.front()).content);
            std::vector<Id> found_in;
            for (const MessageMatch& match : store.find_in_branch(id, wanted))
                found_in.push_back(match.message);
            std::erase_if(heads, [&](Id message) {
                return wanted.empty() ||
                       lower(model.messages.at(message).content).find(lower(wanted)) == std::string::npos;
            });
            QVERIFY2(found_in == heads, wanted.c_str());
        }
        for (const auto& [id, expected] : model.messages) {
            const std::optional<Message> found = store.message(id);
            QVERIFY(found);
            QCOMPARE(found->conversation, expected.conversation);
            QVERIFY(found->parent == expected.parent);
            QCOMPARE(found->role, expected.role);
            QCOMPARE(found->status, expected.status);
            QCOMPARE(found->content, expected.content);
            QVERIFY(store.token_ids(id) == expected.token_ids);
            const std::vector<Id>& siblings =
                model.conversations.at(expected.conversation).children.at(expected.parent);
            QVERIFY(store.siblings(id) == siblings);
            QCOMPARE(static_cast<std::size_t>(found->sibling_count), siblings.size());
            QCOMPARE(siblings[static_cast<std::size_t>(found->ordinal)], id);
        }
    }

    void compare_search(ChatReader& store, const Model& model, const QString& query, SearchIn where)
    {
        const std::vector<std::string> words = words_of(query);
        std::vector<std::pair<Id, Id>> expected; // conversation, message or 0; newest first
        if (!words.empty()) {
            for (auto c = model.conversations.rbegin(); c != model.conversations.rend(); ++c)
                if ((where == SearchIn::everything || !c->second.trashed) &&
                    holds_all(c->second.title, words))
                    expected.emplace_back(c->first, 0);
            for (auto m = model.messages.rbegin(); m != model.messages.rend(); ++m)
                if ((where == SearchIn::everything ||
                     !model.conversations.at(m->second.conversation).trashed) &&
                    m->second.status != Status::streaming && holds_all(m->second.content, words))
                    expected.emplace_back(m->second.conversation, m->first);
        }
        std::vector<std::pair<Id, Id>> found;
        for (const SearchHit& hit : store.search(query.toStdString(), no_limit, where)) {
            found.emplace_back(hit.conversation, hit.message.value_or(0));
            QVERIFY(!hit.matches.empty());
            for (const SearchHit::Range& range : hit.matches)
                QVERIFY(range.length > 0 && range.begin + range.length <= hit.snippet.size());
            QVERIFY(!QString::fromStdString(hit.snippet).contains(QChar::ReplacementCharacter));
        }
        QVERIFY2(found == expected, qPrintable(query));
    }

    // Mostly a part of a text that is there, cut between characters.
    QString query_from(const Model& model)
    {
        const QString text = QString::fromStdString(model.messages.empty() || below(4) == 0
                                                        ? any(model.conversations).second.title
                                                        : any(model.messages).second.content);
        return QString::fromStdString(part_of(text.toStdString()));
    }

private slots:
    void agrees_with_a_model()
    {
        const char* given = std::getenv("FATHOM_SEED");
        const unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        qInfo("FATHOM_SEED=%u, %d operations", seed, FATHOM_OPERATIONS);
        m_random.seed(seed);
        Profile profile;
        Model model;
        std::optional<ProfileLock> lock(std::in_place, profile.path());
        std::optional<ChatStore> store(std::in_place, *lock);

        for (int i = 0; i < FATHOM_OPERATIONS; ++i) {
            if (model.conversations.empty() || below(12) == 0) {
                const std::string title = below(2) ? text() : std::string();
                const Id id = store->create_conversation(title);
                QVERIFY(!model.conversations.contains(id));
                model.conversations[id].title = title;
                model.conversations[id].automatic = title.empty();
            }
            const Id c = any(model.conversations).first;
            ModelConversation& conversation = model.conversations[c];
            const Id m = model.messages.empty() ? 0 : any(model.messages).first;
            switch (below(m ? 19 : 9)) {
            case 0:
                conversation.title = text();
                conversation.automatic = false;
                store->rename(c, conversation.title);
                break;
            case 1: {
                const std::string title = text();
                store->suggest_title(c, title);
                if (conversation.automatic)
                    conversation.title = title;
                break;
            }
            case 2:
                store->set_pinned(c, conversation.pinned = below(2));
                break;
            case 3:
                store->set_archived(c, conversation.archived = below(2));
                break;
            case 4:
                store->set_draft(c, conversation.draft = text());
                break;
            case 5:
                conversation.tags = {"tag " + std::to_string(below(3)), "tag " + std::to_string(below(3))};
                store->set_tags(c, {conversation.tags.begin(), conversation.tags.end()});
                break;
            case 6:
                if ((conversation.trashed = below(3) == 0))
                    store->move_to_trash(c);
                else
                    store->restore(c);
                break;
            case 7:
                if (below(4) == 0) {
                    store->delete_for_ever(c);
                    std::erase_if(model.messages,
                                  [&](const auto& entry) { return entry.second.conversation == c; });
                    model.conversations.erase(c);
                }
                break;
            case 8:
            case 9:
            case 10: {
                const std::string content = text();
                const std::optional<Id> leaf = conversation.leaf;
                model.add(store->append_message(c, Role::user, content),
                          {c, leaf, Role::user, Status::complete, content, {}});
                break;
            }
            case 11: {
                ModelMessage edited = model.messages[m];
                edited.content = text();
                edited.status = Status::complete;
                edited.token_ids.clear();
                model.add(store->add_sibling(m, edited.content), edited);
                break;
            }
            case 12:
            case 13:
                model.add(store->begin_answer(m, {}),
                          {model.messages[m].conversation, m, Role::assistant, Status::streaming, {}, {}});
                break;
            case 14:
            case 15: {
                ModelMessage& message = model.messages[m];
                const bool finish = below(2);
                AnswerResult result;
                result.status = below(2) ? Status::stopped : Status::complete;
                result.text = text();
                result.token_ids.assign(below(5), static_cast<std::int32_t>(i));
                const auto error = error_of([&] {
                    if (finish)
                        store->finish_answer(m, result);
                    else
                        store->update_answer(m, result.text, result.token_ids);
                });
                QCOMPARE(error.has_value(), message.status != Status::streaming);
                if (!error) {
                    message.content = result.text;
                    message.token_ids = result.token_ids;
                    message.status = finish ? result.status : Status::streaming;
                }
                break;
            }
            case 16: {
                const auto error = error_of([&] { store->continue_answer(m); });
                ModelMessage& message = model.messages[m];
                const bool possible = message.role == Role::assistant &&
                                      message.status != Status::streaming &&
                                      !model.conversations[message.conversation].children.contains(m);
                QCOMPARE(error.has_value(), !possible);
                if (possible)
                    message.status = Status::streaming;
                break;
            }
            case 18: {
                const std::string title = text();
                const Id fork = store->fork(m, title);
                model.conversations[fork].title = title;
                model.conversations[fork].automatic = title.empty();
                const ModelConversation& source = model.conversations[model.messages[m].conversation];
                model.conversations[fork].tags = source.tags;
                const std::vector<Id> way = model.way_to(m);
                const std::vector<Message> copies = store->branch(fork);
                QCOMPARE(copies.size(), way.size());
                for (std::size_t k = 0; k < way.size(); ++k) {
                    ModelMessage copy = model.messages[way[k]];
                    copy.conversation = fork;
                    copy.parent = copies[k].parent;
                    if (copy.status == Status::streaming)
                        copy.status = Status::interrupted;
                    model.add(copies[k].id, copy);
                }
                break;
            }
            case 17: {
                const Id leaf = store->choose_branch(m);
                QCOMPARE(leaf, model.deepest_chosen(m));
                model.choose(leaf);
                break;
            }
            }
            if (below(60) == 0) {
                store.reset();
                lock.reset();
                lock.emplace(profile.path());
                store.emplace(*lock);
                for (auto& [id, message] : model.messages)
                    if (message.status == Status::streaming)
                        message.status = Status::interrupted;
            }
            if (below(30) == 0)
                store->idle();
            if (i % 20 == 0 || i + 1 == FATHOM_OPERATIONS)
                compare(*store, model);
            if (!model.conversations.empty())
                compare_search(*store, model, query_from(model),
                               below(2) ? SearchIn::kept : SearchIn::everything);
            if (QTest::currentTestFailed())
                return;
        }
        ChatReader reader(profile.path());
        compare(reader, model);
        qInfo("%zu conversations, %zu messages at the end", model.conversations.size(),
              model.messages.size());
    }
};

QTEST_APPLESS_MAIN(TestRandom)
#include "test_random.moc"
