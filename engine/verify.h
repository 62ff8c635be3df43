// SPDX-License-Identifier: MIT
// Whether a model on this disk is whole and computes: what someone asks who has just downloaded hundreds of
// gigabytes, and what a bug report should begin with.
#pragma once

#include "engine/engine.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class Outcome : std::uint8_t
{
    passed,
    failed,
    left_out, // could not be done, which says nothing about the model
};

struct Finding
{
    Outcome outcome = Outcome::passed;
    std::string subject;            // "files", "vocabulary", …
    std::string summary;            // one sentence
    std::vector<std::string> lines; // details, one line each
};

struct VerifyHooks
{
    std::function<void(const Finding&)> finding; // as soon as each is there
    std::function<void(std::string_view stage, std::int64_t done, std::int64_t total)> progress;
};

// Reads every byte of the model, then computes with it: hashes, vocabulary, chat format, weights, perplexity
// of a built-in text, the same prompt at once and token by token, ten greedy continuations. `options` says
// where; its sizes are not used. Returns false when stopped. Throws Error where the model cannot be opened.
bool verify(const std::filesystem::path& model, const LoadOptions& options, const VerifyHooks& hooks,
            const std::stop_token& stop);

// The release that a file with this SHA-256 belongs to; none is not suspicious: only files whose hash was
// computed by us are listed.
std::optional<std::string_view> known_release(std::string_view sha256);

} // namespace engine
