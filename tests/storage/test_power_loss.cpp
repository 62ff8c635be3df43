// SPDX-License-Identifier: MIT
// A life of a history, cut off at random moments by the loss of power: what was acknowledged before is there,
// and the database is sound. FATHOM_CUTS says how often; FATHOM_SEED repeats a run.
#include "storage/chat_store.h"
#include "storage/rescue.h"
#include "tests/storage/fault_vfs.h"
#include "tests/storage/power.h"
#include "tests/storage/profile.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <set>

using namespace storage;
namespace fs = std::filesystem;

namespace {

// What was written, and until when it was promised.
struct Promises
{
    struct Promise
    {
        std::size_t moment;
        Id message;
        std::size_t version;
    };
    std::map<Id, std::vector<std::string>> texts; // of each message, one after the other
    std::vector<Promise> promises;
    std::vector<std::pair<std::size_t, Id>> deleted; // conversations

    // The first thing that is not as it was promised before this moment; empty: all is.
    std::string broken(ChatReader& reader, std::size_t moment) const
    {
        for (const Promise& promise : promises) {
            if (promise.moment > moment)
                continue;
            const std::optional<Message> found = reader.message(promise.message);
            if (!found)
                return fmt::format("message {} is gone", promise.message);
            const auto& versions = texts.at(promise.message);
            if (std::find(versions.begin() + static_cast<std::ptrdiff_t>(promise.version), versions.end(),
                          found->content) == versions.end())
                return fmt::format("message {} lost version {}", promise.message, promise.version);
        }
        for (const auto& [when, conversation] : deleted) {
            if (when <= moment && reader.conversation(conversation))
                return fmt::format("conversation {} is back", conversation);
        }
        return {};
    }
};

Promises live(const fs::path& profile, power::Log& log, std::mt19937& random)
{
    Promises all;
    const auto promise = [&](Id message) {
        log.add_note();
        all.promises.push_back({log.now(), message, all.texts[message].size() - 1});
    };
    const auto text = [&] {
        return fmt::format("{} {}", random(),
                           std::string(random() % (random() % 8 == 0 ? 30'000 : 300), 'x'));
    };
    for (int start = 0; start < 3; ++start) {
        const ProfileLock lock(profile);
        ChatStore store(lock);
        const Id conversation = store.create_conversation("A life");
        for (int turn = 0; turn < 8; ++turn) {
            const std::string question = text();
            const Id asked = store.append_message(conversation, Role::user, question);
            all.texts[asked] = {question};
            promise(asked);
            const Id answer = store.begin_answer(asked, {});
            all.texts[answer] = {""};
            promise(answer);
            AnswerResult result;
            for (unsigned part = 0; part < 1 + random() % 4; ++part) {
                result.text += text();
                result.token_ids.push_back(static_cast<std::int32_t>(random() % 1000));
                all.texts[answer].push_back(result.text);
                store.update_answer(answer, result.text, result.token_ids);
                promise(answer);
            }
            result.text += " the end";
            all.texts[answer].push_back(result.text);
            store.finish_answer(answer, result);
            promise(answer);
            switch (random() % 6) {
            case 0:
                while (store.idle()) { // brings the log into the database
                }
                break;
            case 1: {
                const Id gone = store.create_conversation("Gone");
                store.append_message(gone, Role::user, text());
                store.delete_for_ever(gone);
                log.add_note();
                all.deleted.emplace_back(log.now(), gone);
                break;
            }
            case 2: {
                const std::string edited = text();
                const Id other = store.add_sibling(asked, edited);
                all.texts[other] = {edited};
                promise(other);
                break;
            }
            case 3:
                store.fork(answer, "Fork");
                break;
            default:
                break;
            }
        }
    }
    return all;
}

// What is wrong with what the power left; empty: nothing.
std::string fault(const fs::path& profile, const Promises& promises, std::size_t moment)
{
    try {
        const ProfileLock lock(profile);
        ChatStore store(lock);
        if (std::string broken = promises.broken(store, moment); !broken.empty())
            return broken;
        const Id conversation = store.create_conversation("Afterwards");
        const Id message = store.append_message(conversation, Role::user, "It goes on.");
        if (store.message(message)->content != "It goes on." || store.search("goes on", 1).empty())
            return "it does not go on";
    } catch (const Error& error) {
        return error.what();
    }
    Connection database(database_file(profile), Connection::Mode::copy_only);
    if (const std::vector<std::string> findings = check(database); !findings.empty())
        return findings.front();
    return database.prepare("PRAGMA foreign_key_check").step() ? "foreign keys" : "";
}

} // namespace

class TestPowerLoss : public QObject
{
    Q_OBJECT

private:
    unsigned m_seed = std::random_device{}();

    // The faults of so many cuts.
    std::vector<std::string> cut_off(int cuts, power::Replay::Syncs syncs)
    {
        std::mt19937 random(m_seed);
        const Profile profile;
        power::Log log(profile.database().string());
        const Promises promises = live(profile.path(), log, random);

        std::vector<std::size_t> moments;
        for (int i = 0; i < cuts; ++i) // half of them right after a promise
            moments.push_back(i % 2 == 0 ? random() % (log.now() + 1)
                                         : promises.promises[random() % promises.promises.size()].moment);
        std::sort(moments.begin(), moments.end());
        fault_vfs::record(nullptr);
        power::Replay replay(log, syncs);
        std::vector<std::string> faults;
        for (const std::size_t moment : moments) {
            replay.advance(moment);
            const Profile left;
            fs::create_directories(left.path());
            for (const auto& [name, bytes] : replay.cut(random))
                std::ofstream(left.path() / fs::path(name).filename(), std::ios::binary) << bytes;
            if (std::string what = fault(left.path(), promises, moment); !what.empty())
                faults.push_back(fmt::format("{} (cut at {} of {})", what, moment, log.now()));
        }
        return faults;
    }

private slots:
    void initTestCase()
    {
        if (const char* seed = std::getenv("FATHOM_SEED"))
            m_seed = static_cast<unsigned>(std::atoll(seed));
        qInfo("seed %u", m_seed);
        fault_vfs::install();
    }

    void nothing_that_was_promised_is_lost()
    {
        const auto faults = cut_off(FATHOM_CUTS, power::Replay::Syncs::kept);
        for (const std::string& what : faults)
            qWarning("%s", what.c_str());
        QCOMPARE(faults.size(), std::size_t(0));
    }

    // The test sees what is lost: on a disk that does not keep what it says, it is.
    void a_disk_that_lies_is_noticed() { QVERIFY(cut_off(20, power::Replay::Syncs::ignored).size() > 5); }
};

QTEST_APPLESS_MAIN(TestPowerLoss)
#include "test_power_loss.moc"
