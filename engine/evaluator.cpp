// SPDX-License-Identifier: MIT
#include "engine/evaluator.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace engine {

namespace {

LoadOptions for_streams(LoadOptions options, std::size_t streams)
{
    // Each stream has room of its own, rounded up to whole blocks; nothing is ever evicted.
    if (options.context_tokens > 0)
        options.cache_tokens = static_cast<std::int64_t>(streams) * blocks_for(options.context_tokens) *
                               kernels::cache_block_tokens;
    return options;
}

} // namespace

Evaluator::Evaluator(const std::filesystem::path& model, const LoadOptions& options, std::size_t streams,
                     const std::function<void(const LoadProgress&)>& progress, const std::stop_token& stop)
    : m_own(make_runtime(format::ModelFiles(model), for_streams(options, streams), progress, stop))
    , m_runtime(m_own.get())
    , m_attention(m_runtime->config)
{
    open(streams);
}

Evaluator::Evaluator(Runtime& runtime, std::size_t streams)
    : m_runtime(&runtime)
    , m_attention(runtime.config)
{
    open(streams);
}

void Evaluator::open(std::size_t streams)
{
    m_streams.reserve(streams);
    for (std::size_t s = 0; s < streams; ++s)
        m_streams.push_back({BlockList(m_runtime->pool)});
}

void Evaluator::rewind(std::size_t stream, std::int64_t tokens)
{
    Stream& s = m_streams[stream];
    s.position = std::min(s.position, tokens);
    s.blocks.shrink(s.position);
}

bool Evaluator::feed(std::span<const std::int32_t> ids, Output output, const OnLogits& on_logits,
                     const std::stop_token& stop)
{
    const std::span<const std::int32_t> all[] = {ids};
    return feed(all, output, on_logits, stop);
}

bool Evaluator::feed(std::span<const std::span<const std::int32_t>> ids, Output output,
                     const OnLogits& on_logits, const std::stop_token& stop)
{
    const Config& c = m_runtime->config;
    const std::int64_t max_rows = m_runtime->options.chunk_tokens;
    for (std::size_t s = 0; s < ids.size(); ++s) {
        const std::int64_t end = m_streams[s].position + static_cast<std::int64_t>(ids[s].size());
        if (end > m_runtime->options.context_tokens || !m_streams[s].blocks.grow(end))
            throw Error(
                m_runtime->files.path().string(),
                fmt::format("expected at most {} tokens, found {}", m_runtime->options.context_tokens, end));
        for (const std::int32_t id : ids[s])
            if (id < 0 || id >= c.vocab_size)
                throw Error("",
                            fmt::format("expected token ids from 0 to {}, found {}", c.vocab_size - 1, id));
    }

    struct Row
    {
        std::size_t stream;
        std::int64_t position;
    };
    std::vector<std::size_t> read(ids.size(), 0);
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> positions;
    std::vector<std::int32_t> output_rows;
    std::vector<Row> outputs;
    std::vector<kernels::Segment> segments;
    std::vector<std::size_t> segment_stream;
    for (;;) {
        tokens.clear();
        positions.clear();
        output_rows.clear();
        outputs.clear();
        segments.clear();
        segment_stream.clear();
        for (std::size_t s = 0; s < ids.size(); ++s) {
            const auto rows = static_cast<std::int64_t>(tokens.size());
            const auto left = static_cast<std::int64_t>(ids[s].size() - read[s]);
            const std::int64_t count = std::min(left, max_rows - rows);
            if (count == 0)
                continue;
            segments.push_back({rows, count, m_streams[s].position, m_streams[s].blocks.blocks()});
            segment_stream.push_back(s);
            for (std::int64_t i = 0; i < count; ++i) {
                tokens.push_back(ids[s][read[s] + static_cast<std::size_t>(i)]);
                positions.push_back(static_cast<std::int32_t>(m_streams[s].position + i));
                if (output == Output::all || (output == Output::last && i + 1 == left)) {
                    output_rows.push_back(static_cast<std::int32_t>(rows + i));
                    outputs.push_back({s, m_streams[s].position + i});
                }
            }
        }
        if (tokens.empty())
            return true;
        const auto width = static_cast<std::size_t>(c.vocab_size);
        m_logits.resize(output_rows.size() * width);
        const kernels::Batch batch{tokens, positions, segments, output_rows,
                                   m_form.value_or(choose_form(m_attention.shape, segments))};
        if (!m_runtime->backend->forward(batch, m_logits, stop))
            return false;
        m_runtime->files.check();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const std::span<const float> row(m_logits.data() + i * width, width);
            if (!std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); }))
                throw Error(
                    m_runtime->files.path().string(),
                    fmt::format("position {}: the model produced invalid numbers, expected finite logits",
                                outputs[i].position));
            on_logits(outputs[i].stream, outputs[i].position, row);
        }
        for (std::size_t i = 0; i < segments.size(); ++i) {
            const std::size_t s = segment_stream[i];
            read[s] += static_cast<std::size_t>(segments[i].count);
            m_streams[s].position += segments[i].count;
        }
    }
}

} // namespace engine
