// SPDX-License-Identifier: MIT
#include "tests/ui/fake_engine.h"

#include "engine/error.h"

#include <algorithm>
#include <thread>

namespace fake {

namespace {

// The next piece of whole characters.
std::string_view piece(std::string_view text, std::size_t from, int letters)
{
    std::size_t end = from;
    for (int i = 0; i < letters && end < text.size(); ++i) {
        ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
            ++end;
    }
    return text.substr(from, end - from);
}

class Engine : public engine::Engine
{
public:
    Engine(std::shared_ptr<World> world, std::int64_t context)
        : m_world(std::move(world))
        , m_context(context)
    {
        ++m_world->loaded;
    }
    ~Engine() override
    {
        --m_world->loaded;
        m_world->open_sequences -= static_cast<int>(m_sequences.size());
    }

    const engine::ModelInfo& info() const override { return m_world->info; }

    engine::SequenceId open_sequence() override
    {
        ++m_world->open_sequences;
        m_sequences[++m_last_sequence] = {};
        return m_last_sequence;
    }

    void close_sequence(engine::SequenceId sequence) override
    {
        if (m_sequences.erase(sequence) > 0)
            --m_world->open_sequences;
    }

    std::int64_t count_tokens(const std::vector<engine::Message>& messages) override
    {
        std::int64_t bytes = 0;
        for (const engine::Message& message : messages)
            bytes += static_cast<std::int64_t>(message.content.size());
        return bytes / 4 + 1;
    }

    void start(engine::SequenceId sequence, const engine::Request& request, std::stop_token stop,
               engine::Sink& sink) override
    {
        if (m_running.contains(sequence))
            throw engine::Error("", "this sequence is busy");
        {
            const std::lock_guard lock(m_world->mutex);
            m_world->seen_requests.push_back(request);
        }
        Run run;
        run.script = m_world->script(request);
        if (!run.script.start_error.empty())
            throw engine::Error("", run.script.start_error);
        const std::int64_t tokens = count_tokens(request.messages);
        if (tokens >= m_context)
            throw engine::Error("", "the prompt does not fit");
        run.stop = std::move(stop);
        run.sink = &sink;
        run.total = run.script.prompt_tokens > 0 ? run.script.prompt_tokens : tokens;
        run.max_tokens = request.max_tokens;
        run.result.seed = request.sampling.seed;
        run.started = std::chrono::steady_clock::now();
        m_running.emplace(sequence, std::move(run));
    }

    bool step() override
    {
        for (auto& [sequence, run] : m_running)
            advance(run);
        std::erase_if(m_running, [](const auto& entry) { return entry.second.ended; });
        return !m_running.empty();
    }

    engine::Speed measure(const std::function<void(double)>& progress, std::stop_token stop) override
    {
        constexpr int parts = 20;
        for (int part = 0; part <= parts; ++part) {
            if (stop.stop_requested())
                throw engine::Error("", "measuring was stopped");
            progress(double(part) / parts);
            std::this_thread::sleep_for(m_world->measure_takes / parts);
        }
        if (!m_world->measure_error.empty())
            throw engine::Error("", m_world->measure_error);
        ++m_world->measured;
        return {.prompt_tokens = 256,
                .generated_tokens = 32,
                .prompt_tps = 600,
                .generate_tps = 40,
                .prompt_limit_tps = 1200,
                .generate_limit_tps = 50,
                .read_gb_per_s = 10,
                .fp32_gflop_per_s = 100};
    }

private:
    struct Run
    {
        Script script;
        std::stop_token stop;
        engine::Sink* sink = nullptr;
        std::int64_t done = 0;
        std::int64_t total = 0;
        std::int64_t max_tokens = 0;
        std::size_t at = 0; // byte of the text
        engine::Result result;
        std::chrono::steady_clock::time_point started;
        bool ended = false;
    };

    void finish(Run& run, engine::Finish why)
    {
        run.ended = true;
        run.result.finish = why;
        run.result.prompt_tokens = run.total;
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - run.started).count();
        run.result.generate_tps =
            seconds > 0 ? static_cast<double>(run.result.generated_tokens) / seconds : 0.0;
        run.sink->finished(run.result);
    }

    void advance(Run& run)
    {
        if (run.stop.stop_requested())
            return finish(run, engine::Finish::cancelled);
        if (run.done < run.total) {
            std::this_thread::sleep_for(run.script.prompt_step_takes);
            run.done = std::min(run.total, run.done + run.script.prompt_tokens_step);
            return run.sink->prompt_progress(run.done, run.total);
        }
        if (run.at >= run.script.text.size()) {
            if (!run.script.step_throws.empty())
                throw engine::Error("", run.script.step_throws);
            if (!run.script.device_error.empty()) {
                run.ended = true;
                return run.sink->device_failed(run.script.device_error);
            }
            if (!run.script.step_error.empty()) {
                run.ended = true;
                return run.sink->failed(run.script.step_error);
            }
            if (!run.script.endless || run.script.text.empty())
                return finish(run, run.script.finish);
            run.at = 0;
        }
        std::this_thread::sleep_for(run.script.token_takes);
        const std::string_view token = piece(run.script.text, run.at, run.script.letters_per_token);
        run.at += token.size();
        run.result.text += token;
        run.result.ids.push_back(static_cast<std::int32_t>(run.result.ids.size()));
        if (++run.result.generated_tokens == 1)
            run.result.first_token_seconds =
                std::chrono::duration<double>(std::chrono::steady_clock::now() - run.started).count();
        ++m_world->tokens;
        run.sink->text(token);
        if (run.max_tokens > 0 && run.result.generated_tokens >= run.max_tokens)
            finish(run, engine::Finish::length);
    }

    std::shared_ptr<World> m_world;
    std::int64_t m_context; // tokens
    std::map<engine::SequenceId, bool> m_sequences;
    std::map<engine::SequenceId, Run> m_running;
    engine::SequenceId m_last_sequence = 0;
};

std::unique_ptr<engine::Engine> load(const std::shared_ptr<World>& world, const engine::LoadOptions& options,
                                     const std::function<void(const engine::LoadProgress&)>& progress,
                                     const std::stop_token& stop)
{
    {
        const std::lock_guard lock(world->mutex);
        world->seen_loads.push_back(options);
    }
    constexpr int parts = 27;
    for (int part = 0; part <= parts; ++part) {
        if (stop.stop_requested())
            throw engine::Error("", "loading was stopped");
        progress({"Weights", world->info.file_bytes * part / parts, world->info.file_bytes, part, parts});
        std::this_thread::sleep_for(world->load_takes / parts);
    }
    if (world->device_error && options.device != "cpu")
        throw engine::DeviceError(*world->device_error);
    if (!world->load_error.empty())
        throw engine::Error("model.gguf", world->load_error);
    return std::make_unique<Engine>(world, options.context_tokens > 0 ? options.context_tokens
                                                                      : world->info.context_length);
}

} // namespace

World::World()
{
    info.name = "Fathom Starter";
    info.description = "A tiny demonstration model";
    info.architecture = "deepseek2";
    info.file_type = "Q8_0";
    info.parameters = 11'700'000;
    info.active_parameters = 5'600'000;
    info.file_bytes = 12'400'000;
    info.context_length = 4096;
    info.kv_bytes_per_token = {{"bf16", 6912}, {"f32", 13824}};
    info.plain_kv_bytes_per_token = {{"bf16", 36864}, {"f32", 73728}};
    info.identity = "0123456789abcdef";
    info.is_chat = true;
    devices.why_no_gpu = "No GPU driver was found.";
}

std::vector<engine::Request> World::requests() const
{
    const std::lock_guard lock(mutex);
    return seen_requests;
}

std::vector<engine::LoadOptions> World::loads() const
{
    const std::lock_guard lock(mutex);
    return seen_loads;
}

ui::EngineFunctions functions(const std::shared_ptr<World>& world)
{
    ui::EngineFunctions functions;
    functions.load = [world](const std::filesystem::path&, const engine::LoadOptions& options,
                             const std::function<void(const engine::LoadProgress&)>& progress,
                             std::stop_token stop) { return load(world, options, progress, stop); };
    functions.inspect = [world](const std::filesystem::path& path) {
        const std::string name = path.filename().string();
        if (!world->inspect_error.empty() && name.find("good") == std::string::npos &&
            name.find("starter") == std::string::npos)
            throw engine::Error(name, world->inspect_error);
        engine::ModelInfo info = world->info;
        info.path = path;
        if (name.find("starter") == std::string::npos)
            info.name = name;
        if (world->inspected)
            world->inspected(info);
        return info;
    };
    // The cache takes a number of bytes for each token, twice the context, and the context is 4096 unless
    // set.
    functions.plan = [world](const engine::ModelInfo& info, const engine::LoadOptions& options) {
        const bool isGpu = options.device != "cpu";
        const std::int64_t context = options.context_tokens > 0 ? options.context_tokens : 4096;
        engine::MemoryPlan plan;
        plan.weights = info.file_bytes;
        plan.cache = 2 * context * info.kv_bytes_per_token.at("bf16");
        plan.scratch = 20'000'000;
        plan.library = isGpu ? 300'000'000 : 0;
        plan.total = plan.weights + plan.cache + plan.scratch + plan.library;
        plan.available = isGpu ? world->gpu_free_bytes : 16'000'000'000;
        plan.fits = plan.total <= plan.available;
        const std::int64_t left = plan.available - plan.weights - plan.scratch - plan.library;
        plan.largest_context_tokens =
            std::clamp<std::int64_t>(left / (2 * info.kv_bytes_per_token.at("bf16")), 0, info.context_length);
        return plan;
    };
    functions.listDevices = [world] {
        engine::Devices devices = world->devices;
        devices.devices.insert(devices.devices.begin(), {.id = "cpu",
                                                         .name = "A processor",
                                                         .memory_bytes = 16'000'000'000,
                                                         .free_bytes = 8'000'000'000,
                                                         .detail = {},
                                                         .why_not = {}});
        return devices;
    };
    return functions;
}

} // namespace fake
