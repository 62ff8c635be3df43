// SPDX-License-Identifier: MIT
// Token sequences fed by hand: logits of every position, for the tools and the tests. No sampling, no text.
#pragma once

#include "engine/deepseek_v2.h"
#include "engine/runtime.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace engine {

class Evaluator
{
public:
    // logits (N) of the token at `position` of a stream
    using OnLogits = std::function<void(std::size_t stream, std::int64_t position, std::span<const float>)>;

    enum class Output
    {
        none,
        last, // of each stream's new tokens
        all,
    };

    // `streams` independent sequences, each of up to context_tokens tokens. Throws Error as load() does.
    Evaluator(
        const std::filesystem::path& model, const LoadOptions& options, std::size_t streams = 1,
        const std::function<void(const LoadProgress&)>& progress = [](const LoadProgress&) {},
        const std::stop_token& stop = {});

    // Over a model that is loaded already, whose pool must have room. The runtime outlives the evaluator.
    explicit Evaluator(Runtime& runtime, std::size_t streams = 1);

    const Runtime& runtime() const { return *m_runtime; }
    std::int64_t position(std::size_t stream = 0) const { return m_streams[stream].position; }

    // Every pass takes this form of attention instead of the cheaper one.
    void set_form(std::optional<kernels::AttentionForm> form) { m_form = form; }

    // Appends ids[s] to stream s for every s, all streams in the same passes. Streams may get different
    // numbers of tokens, or none. Returns false when stopped; the streams then hold what was read. Throws
    // Error where an id is not of the vocabulary, a stream gets too long or a logit is not finite.
    bool feed(std::span<const std::span<const std::int32_t>> ids, Output output, const OnLogits& on_logits,
              const std::stop_token& stop = {});
    // The first stream alone.
    bool feed(std::span<const std::int32_t> ids, Output output, const OnLogits& on_logits,
              const std::stop_token& stop = {});

    // Forgets what lies behind the first `tokens` tokens of a stream.
    void rewind(std::size_t stream, std::int64_t tokens);

private:
    void open(std::size_t streams);

    struct Stream
    {
        BlockList blocks;
        std::int64_t position = 0;
    };

    std::unique_ptr<Runtime> m_own; // null where the runtime is another's
    Runtime* m_runtime;
    Attention m_attention;
    std::vector<Stream> m_streams;
    std::optional<kernels::AttentionForm> m_form;
    std::vector<float> m_logits;
};

} // namespace engine
