// SPDX-License-Identifier: MIT
// Loads a model and lets it answer, as little as shows that it works.
#pragma once

#include "engine/engine.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace museum {

inline engine::LoadOptions small_options()
{
    engine::LoadOptions options;
    options.threads = 1;
    options.context_tokens = 64;
    options.cache_tokens = 64;
    options.chunk_tokens = 16;
    return options;
}

inline std::unique_ptr<engine::Engine> load(const std::filesystem::path& model,
                                            const engine::LoadOptions& options = small_options())
{
    return engine::load(model, options, [](const engine::LoadProgress&) {}, {});
}

inline engine::Request short_request(std::vector<std::int32_t> ids = {1, 2, 3}, std::int64_t tokens = 3)
{
    engine::Request request;
    request.ids = std::move(ids);
    request.sampling.temperature = 0;
    request.max_tokens = tokens;
    return request;
}

// What one answer ended with: its tokens, or the sentence that it failed with.
struct Answer
{
    std::optional<engine::Result> result;
    std::string failure;
};

// on_token is called after each token, between two passes.
inline Answer answer(
    engine::Engine& model, engine::SequenceId sequence, const engine::Request& request,
    const std::function<void()>& on_token = [] {})
{
    struct Collector final : engine::Sink
    {
        void prompt_progress(std::int64_t, std::int64_t) override {}
        void text(std::string_view) override {}
        void finished(const engine::Result& result) override { end.result = result; }
        void failed(const std::string& message) override { end.failure = message; }
        bool is_over() const { return end.result || !end.failure.empty(); }
        Answer end;
    } sink;
    model.start(sequence, request, {}, sink);
    while (!sink.is_over()) {
        model.step();
        on_token();
    }
    return sink.end;
}

inline Answer answer(engine::Engine& model, const engine::Request& request = short_request())
{
    const engine::SequenceId sequence = model.open_sequence();
    const Answer end = answer(model, sequence, request);
    model.close_sequence(sequence);
    return end;
}

} // namespace museum
