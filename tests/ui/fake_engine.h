// SPDX-License-Identifier: MIT
// An engine that answers by a script, for tests of the window.
#pragma once

#include "engine/error.h"
#include "ui/engine_bridge.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fake {

// How one answer goes. Made on the engine's thread from the request.
struct Script
{
    std::string text = {};
    int letters_per_token = 4;
    std::int64_t prompt_tokens = 0;        // 0: one for each four bytes of the messages
    std::int64_t prompt_tokens_step = 256; // read in one step
    std::chrono::microseconds prompt_step_takes{0};
    std::chrono::microseconds token_takes{0};
    bool endless = false; // the text again and again
    std::string start_error = {};
    std::string step_error = {};   // reaches the sink after the text
    std::string step_throws = {};  // step() itself throws after the text
    std::string device_error = {}; // the GPU fails after the text
    engine::Finish finish = engine::Finish::stop;
};

// Shared by the test, which sets it up, and the engine, which looks into it on its thread.
struct World
{
    std::function<Script(const engine::Request&)> script = [](const engine::Request&) {
        return Script{.text = "An answer."};
    };
    std::chrono::milliseconds load_takes{0};
    std::string load_error;
    std::chrono::milliseconds measure_takes{0};
    std::string measure_error;
    std::optional<engine::DeviceError> device_error; // of each load that is not on the CPU
    engine::Devices devices;                         // beside the CPU
    std::int64_t gpu_free_bytes = 80'000'000'000;    // what plans for a GPU find
    engine::ModelInfo info;
    std::function<void(engine::ModelInfo&)> inspected; // changes what the inspection of a file says of it
    std::string inspect_error; // for every model but those whose file name contains "good" or "starter"

    World();

    // Seen so far.
    std::vector<engine::Request> requests() const;
    std::vector<engine::LoadOptions> loads() const;
    std::atomic<int> loaded = 0; // engines that exist
    std::atomic<int> open_sequences = 0;
    std::atomic<int> tokens = 0; // produced, all answers together
    std::atomic<int> measured = 0;

    mutable std::mutex mutex;
    std::vector<engine::Request> seen_requests;
    std::vector<engine::LoadOptions> seen_loads;
};

ui::EngineFunctions functions(const std::shared_ptr<World>& world);

} // namespace fake
