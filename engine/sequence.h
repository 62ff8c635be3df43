// SPDX-License-Identifier: MIT
// One conversation inside the engine: what lies in the cache, and the request being answered, if any.
#pragma once

#include "engine/engine.h"
#include "engine/kv_cache.h"
#include "engine/sampler.h"
#include "engine/text/utf8.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

// An answer in the making. All its tokens, of the prompt and generated, stand in the sequence; those that are
// not in the cache yet are read in the next passes, and when none is left the next one is sampled. So a
// prompt chunk, a generated token and the re-reading of a dropped cache are the same thing.
struct Generation
{
    using Clock = std::chrono::steady_clock;

    Sink& sink;
    std::stop_token stop;
    std::stop_callback<std::function<void()>> on_stop; // interrupts the pass that is running
    Sampler sampler;
    text::Utf8Stream utf8;
    text::StopStrings stops;
    std::string strip; // what the template writes before an answer itself; dropped from its beginning
    std::int64_t max_tokens = 0;
    std::uint64_t order = 0; // of start()

    Result result;
    Clock::time_point started = Clock::now();
    std::optional<Clock::time_point> reading{}; // first pass
    std::optional<Clock::time_point> first{};   // first token
};

struct Sequence
{
    Sequence(SequenceId sequence_id, BlockPool& pool)
        : id(sequence_id)
        , blocks(pool)
    {
    }

    SequenceId id;
    std::vector<std::int32_t> tokens; // known
    std::size_t cached = 0;           // of them in the cache, from the first
    BlockList blocks;
    std::uint64_t last_step = 0;            // counts passes; the smallest is idle for longest
    std::unique_ptr<Generation> generation; // null while idle

    std::size_t unread() const { return tokens.size() - cached; }
    void keep(std::size_t count) // of the cache
    {
        cached = std::min(cached, count);
        blocks.shrink(static_cast<std::int64_t>(cached));
    }
};

} // namespace engine
