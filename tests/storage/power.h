// SPDX-License-Identifier: MIT
#pragma once

#include "tests/storage/fault_vfs.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// What a disk holds after the power was cut. Only what was synced is sure; of what was written since, any
// sectors may have arrived and others not, in any order; a name that was made or removed may be so or not.
namespace power {

// Everything that SQLite gives to the disk for the files whose names begin so, in its order.
class Log : public fault_vfs::Recorder
{
public:
    explicit Log(std::string names);
    ~Log() override;

    std::size_t now() const { return m_events.size(); } // a moment
    void add_note() { m_events.push_back({}); }         // makes the next moment another one

private:
    friend class Replay;
    enum class Kind
    {
        note,
        opened,
        wrote,
        truncated,
        synced,
        removed,
    };
    struct Event
    {
        Kind kind = Kind::note;
        std::string name;
        std::int64_t offset = 0; // or the size that it was cut to
        std::string bytes;
        bool directory = false; // was synced with the removal
    };

    void opened(const std::string& name) override;
    void wrote(const std::string& name, std::int64_t offset, std::string_view bytes) override;
    void truncated(const std::string& name, std::int64_t size) override;
    void synced(const std::string& name) override;
    void removed(const std::string& name, bool directory) override;
    void add(Event event);

    std::string m_names;
    std::vector<Event> m_events;
};

// Goes through a log and shows what may be left at a moment.
class Replay
{
public:
    enum class Syncs
    {
        kept,
        ignored, // a disk that lies
    };
    Replay(const Log& log, Syncs syncs);

    void advance(std::size_t moment);
    // By name. 512 bytes arrive whole or not at all.
    std::map<std::string, std::string> cut(std::mt19937& random) const;

private:
    struct Change // a write, or a cut to a size
    {
        std::int64_t offset = 0;
        std::string bytes;
        bool cuts = false;
    };
    struct File
    {
        std::string sure;
        std::vector<Change> changes; // since the last sync
    };
    using Directory = std::map<std::string, std::shared_ptr<File>>;

    const Log& m_log;
    Syncs m_syncs;
    std::size_t m_moment = 0;
    Directory m_sure;
    Directory m_now;
};

} // namespace power
