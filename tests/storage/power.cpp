// SPDX-License-Identifier: MIT
#include "tests/storage/power.h"

#include <algorithm>
#include <set>
#include <utility>

namespace power {

namespace {

constexpr std::int64_t sector = 512;

void apply(std::string& bytes, std::int64_t offset, std::string_view written, char filler)
{
    const auto begin = static_cast<std::size_t>(offset);
    if (bytes.size() < begin + written.size())
        bytes.resize(begin + written.size(), filler);
    bytes.replace(begin, written.size(), written);
}

} // namespace

Log::Log(std::string names)
    : m_names(std::move(names))
{
    fault_vfs::record(this);
}

Log::~Log()
{
    fault_vfs::record(nullptr);
}

void Log::add(Event event)
{
    if (event.name.starts_with(m_names))
        m_events.push_back(std::move(event));
}

void Log::opened(const std::string& name)
{
    add({.kind = Kind::opened, .name = name, .bytes = {}});
}

void Log::wrote(const std::string& name, std::int64_t offset, std::string_view bytes)
{
    add({.kind = Kind::wrote, .name = name, .offset = offset, .bytes = std::string(bytes)});
}

void Log::truncated(const std::string& name, std::int64_t size)
{
    add({.kind = Kind::truncated, .name = name, .offset = size, .bytes = {}});
}

void Log::synced(const std::string& name)
{
    add({.kind = Kind::synced, .name = name, .bytes = {}});
}

void Log::removed(const std::string& name, bool directory)
{
    add({.kind = Kind::removed, .name = name, .bytes = {}, .directory = directory});
}

Replay::Replay(const Log& log, Syncs syncs)
    : m_log(log)
    , m_syncs(syncs)
{
}

void Replay::advance(std::size_t moment)
{
    for (; m_moment < moment; ++m_moment) {
        const Log::Event& event = m_log.m_events[m_moment];
        std::shared_ptr<File>& file = m_now[event.name];
        switch (event.kind) {
        case Log::Kind::opened:
            if (!file)
                file = std::make_shared<File>();
            break;
        case Log::Kind::wrote:
            file->changes.push_back({event.offset, event.bytes, false});
            break;
        case Log::Kind::truncated:
            file->changes.push_back({event.offset, {}, true});
            break;
        case Log::Kind::synced:
            if (m_syncs == Syncs::ignored)
                break;
            for (const Change& change : std::exchange(file->changes, {})) {
                if (change.cuts)
                    file->sure.resize(static_cast<std::size_t>(change.offset));
                else
                    apply(file->sure, change.offset, change.bytes, '\0');
            }
            // SQLite syncs the folder with the first sync of a file that it made there.
            if (m_sure[event.name] != file)
                m_sure = m_now;
            break;
        case Log::Kind::removed:
            file.reset();
            if (event.directory && m_syncs == Syncs::kept)
                m_sure = m_now;
            break;
        case Log::Kind::note:
            break;
        }
    }
}

std::map<std::string, std::string> Replay::cut(std::mt19937& random) const
{
    // Nothing of what is not sure, all of it, or a part.
    const unsigned part = random() % 4 == 0 ? (random() % 2) * 100 : 1 + random() % 99; // of 100
    const auto arrives = [&] { return random() % 100 < part; };
    const char filler = random() % 2 == 0 ? '\0' : '\xA5'; // where a file grew over what never arrived

    std::set<std::string> names;
    for (const Directory* directory : {&m_sure, &m_now})
        for (const auto& [name, file] : *directory)
            names.insert(name);
    const auto in = [](const Directory& directory, const std::string& name) {
        const auto found = directory.find(name);
        return found == directory.end() ? nullptr : found->second;
    };
    std::map<std::string, std::string> disk;
    for (const std::string& name : names) {
        const std::shared_ptr<File> file = arrives() ? in(m_now, name) : in(m_sure, name);
        if (!file)
            continue;
        std::string& bytes = disk[name];
        bytes = file->sure;
        for (const Change& change : file->changes) {
            if (change.cuts) {
                if (arrives())
                    bytes.resize(static_cast<std::size_t>(change.offset), filler);
                continue;
            }
            const auto end = change.offset + static_cast<std::int64_t>(change.bytes.size());
            for (std::int64_t at = change.offset; at < end;) {
                const std::int64_t next = std::min(end, (at / sector + 1) * sector);
                if (arrives())
                    apply(bytes, at,
                          std::string_view(change.bytes)
                              .substr(static_cast<std::size_t>(at - change.offset),
                                      static_cast<std::size_t>(next - at)),
                          filler);
                at = next;
            }
        }
    }
    return disk;
}

} // namespace power
