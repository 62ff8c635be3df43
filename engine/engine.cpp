// SPDX-License-Identifier: MIT
#include "engine/engine.h"

#include "engine/deepseek_v2.h"
#include "engine/error.h"
#include "engine/model_info.h"
#include "engine/prefix.h"
#include "engine/runtime.h"
#include "engine/sampler.h"
#include "engine/sequence.h"
#include "engine/speed_test.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace engine {

namespace {

double seconds(Generation::Clock::duration duration)
{
    return std::chrono::duration<double>(duration).count();
}

// The stop token of the pass that is running. Any request's stop interrupts the pass, since its rows are not
// wanted any more; the next pass has the others' rows again. Thread-safe.
class PassStop
{
public:
    void interrupt()
    {
        const std::lock_guard lock(m_mutex);
        m_source.request_stop();
    }
    // Before the requests' own tokens are looked at, so that no stop is missed.
    void rearm()
    {
        const std::lock_guard lock(m_mutex);
        if (m_source.stop_requested())
            m_source = {};
    }
    std::stop_token token()
    {
        const std::lock_guard lock(m_mutex);
        return m_source.get_token();
    }

private:
    std::mutex m_mutex;
    std::stop_source m_source;
};

class ModelEngine final : public Engine
{
public:
    ModelEngine(std::unique_ptr<Runtime> runtime, text::Tokenizer tokenizer)
        : m_runtime(std::move(runtime))
        , m_tokenizer(std::move(tokenizer))
        , m_chat(m_tokenizer)
        , m_attention(m_runtime->config)
        , m_info(describe(m_runtime->files, m_runtime->config))
    {
        m_info.is_chat = !m_tokenizer.chat_template().empty();
        if (!m_chat.problem().empty())
            m_info.notes.push_back("the model's own chat template is not used: " + m_chat.problem());
        const std::vector<bool> mask =
            m_tokenizer.defined_mask(static_cast<std::size_t>(m_runtime->config.vocab_size));
        const std::vector<std::uint8_t> defined(mask.begin(), mask.end());
        if (std::find(defined.begin(), defined.end(), 1) == defined.end())
            throw Error(m_tokenizer.file(), "expected a token that may be generated, found none");
        m_runtime->backend->set_defined(defined);
        const auto rows = static_cast<std::size_t>(m_runtime->options.chunk_tokens);
        m_tokens.reserve(rows);
        m_positions.reserve(rows);
        m_segments.reserve(rows);
        m_output_rows.reserve(rows);
        m_served.reserve(rows);
        m_choices.reserve(rows);
        m_ids.reserve(rows);
    }

    // Answers in the making end before their sinks are gone.
    ~ModelEngine() override
    {
        for (auto& [id, sequence] : m_sequences)
            if (sequence.generation)
                finish(sequence, Finish::cancelled);
    }

    const ModelInfo& info() const override { return m_info; }

    SequenceId open_sequence() override
    {
        const SequenceId id = ++m_last_id;
        m_sequences.try_emplace(id, id, m_runtime->pool);
        m_active.reserve(m_sequences.size());
        return id;
    }

    void close_sequence(SequenceId id) override
    {
        Sequence& sequence = find(id);
        if (sequence.generation)
            finish(sequence, Finish::cancelled);
        m_sequences.erase(id);
    }

    std::int64_t count_tokens(const std::vector<Message>& messages) override
    {
        const auto segments = m_chat.render(chat_messages(messages), text::GenerationPrompt::none);
        return static_cast<std::int64_t>(m_tokenizer.encode(segments).size());
    }

    void start(SequenceId id, const Request& request, std::stop_token stop, Sink& sink) override;
    bool step() override;
    Speed measure(const std::function<void(double)>& progress, std::stop_token stop) override;

private:
    Sequence& find(SequenceId id)
    {
        const auto found = m_sequences.find(id);
        if (found == m_sequences.end())
            throw Error("", fmt::format("expected an open sequence, found {}", id));
        return found->second;
    }

    static std::vector<text::ChatMessage> chat_messages(const std::vector<Message>& messages)
    {
        std::vector<text::ChatMessage> result;
        for (const Message& message : messages)
            result.push_back({message.role, message.content, {}});
        return result;
    }

    std::vector<std::int32_t> prompt_of(const Request& request) const;
    bool make_room(const Sequence& wanting, std::int64_t tokens);
    void drop_idle(std::int64_t blocks);
    void plan_pass();
    void run_pass();
    void accept(Sequence& sequence, std::int32_t id);
    void accept_token(Sequence& sequence, std::int32_t id);
    void show(Generation& generation, std::string_view bytes);
    void finish(Sequence& sequence, Finish reason);
    void fail(Sequence& sequence, const std::exception& error);

    std::unique_ptr<Runtime> m_runtime;
    text::Tokenizer m_tokenizer;
    text::ChatTemplate m_chat;
    Attention m_attention;
    ModelInfo m_info;
    PassStop m_pass_stop;
    std::unordered_map<SequenceId, Sequence> m_sequences;
    SequenceId m_last_id = 0;
    std::uint64_t m_passes = 0;
    std::uint64_t m_starts = 0;

    // Of the current pass; members so that generating a token allocates nothing.
    std::vector<Sequence*> m_active;
    std::vector<Sequence*> m_served; // one for each segment
    std::vector<std::int32_t> m_tokens;
    std::vector<std::int32_t> m_positions;
    std::vector<std::int32_t> m_output_rows;
    std::vector<kernels::Segment> m_segments;
    std::vector<kernels::TokenChoice> m_choices; // for each output row
    std::vector<std::int32_t> m_ids;
};

std::vector<std::int32_t> ModelEngine::prompt_of(const Request& request) const
{
    if (request.fill_in) {
        // DeepSeek-Coder-V2 paper, section 3.1: prefix, hole, suffix; the model writes what fills the hole.
        std::vector<std::int32_t> ids;
        const auto mark = [&](const char* text) {
            const auto id = m_tokenizer.find_special(text);
            if (!id)
                throw Error(m_tokenizer.file(),
                            fmt::format("expected the token {} to fill in, found none", text));
            ids.push_back(*id);
        };
        const auto content = [&](const std::string& text) {
            const auto part = m_tokenizer.encode(text, text::SpecialTokens::as_text);
            ids.insert(ids.end(), part.begin(), part.end());
        };
        if (m_tokenizer.add_bos() && m_tokenizer.bos())
            ids.push_back(*m_tokenizer.bos());
        mark("<｜fim▁begin｜>");
        content(request.fill_in->prefix);
        mark("<｜fim▁hole｜>");
        content(request.fill_in->suffix);
        mark("<｜fim▁end｜>");
        return ids;
    }
    if (!request.messages.empty()) {
        std::vector<text::ChatMessage> messages = chat_messages(request.messages);
        std::string begun;
        if (request.continue_last) {
            if (messages.back().role != "assistant")
                throw Error("", "expected an answer to continue, found a message of another role");
            begun = m_chat.answer_prefix() + *messages.back().content;
            messages.pop_back();
        }
        std::vector<text::Segment> segments = m_chat.render(messages, text::GenerationPrompt::add);
        if (request.continue_last)
            segments.push_back({begun, text::Trust::untrusted});
        return m_tokenizer.encode(segments);
    }
    if (request.prompt.empty() && !request.ids.empty()) {
        for (const std::int32_t id : request.ids)
            if (id < 0 || id >= m_runtime->config.vocab_size)
                throw Error("", fmt::format("expected token ids from 0 to {}, found {}",
                                            m_runtime->config.vocab_size - 1, id));
        return request.ids;
    }
    std::vector<std::int32_t> ids = m_tokenizer.encode(request.prompt, text::SpecialTokens::as_text);
    if ((m_tokenizer.add_bos() || ids.empty()) && m_tokenizer.bos())
        ids.insert(ids.begin(), *m_tokenizer.bos());
    return ids;
}

void ModelEngine::start(SequenceId id, const Request& request, std::stop_token stop, Sink& sink)
{
    Sequence& sequence = find(id);
    if (sequence.generation)
        throw Error("", "expected an idle sequence, found one that is answering");
    check_sampling(request.sampling);
    if (request.max_tokens < 0)
        throw Error("", fmt::format("max tokens: expected 0 or more, found {}", request.max_tokens));
    m_runtime->files.check();

    std::vector<std::int32_t> prompt = prompt_of(request);
    const std::int64_t context = m_runtime->options.context_tokens;
    // A vocabulary can be larger than the matrix, and an empty text has nothing to continue.
    for (const std::int32_t token : prompt)
        if (token >= m_runtime->config.vocab_size)
            throw Error(m_tokenizer.file(), fmt::format("expected token ids below {}, found {}",
                                                        m_runtime->config.vocab_size, token));
    if (prompt.empty())
        throw Error("", "expected a prompt, found an empty one");

    const std::size_t reusable = std::min(sequence.cached, static_cast<std::size_t>(std::max<std::int64_t>(
                                                               0, request.reuse_at_most.value_or(context))));
    const CommonPrefix common =
        common_prefix(m_tokenizer, std::span(sequence.tokens).first(reusable), prompt);
    const std::size_t length = common.cached + prompt.size() - common.fresh;
    if (static_cast<std::int64_t>(length) >= context)
        throw Error(
            "", fmt::format("expected a prompt of fewer than {} tokens, the size of the context, found {}",
                            context, length));

    auto generation = std::unique_ptr<Generation>(new Generation{
        .sink = sink,
        .stop = stop,
        .on_stop = std::stop_callback<std::function<void()>>(stop, [this] { m_pass_stop.interrupt(); }),
        .sampler = Sampler(request.sampling),
        .utf8 = {},
        .stops = text::StopStrings(request.stop),
        .strip = request.messages.empty() || request.continue_last || request.fill_in
                     ? std::string()
                     : m_chat.answer_prefix(),
        .max_tokens = request.max_tokens,
        .order = ++m_starts,
        .result = {},
    });
    generation->result.prompt_tokens = static_cast<std::int64_t>(length);
    generation->result.reused_tokens = static_cast<std::int64_t>(common.cached);
    generation->result.seed = request.sampling.seed;

    const std::int64_t room = context - static_cast<std::int64_t>(length);
    const std::int64_t most = request.max_tokens > 0 ? std::min(request.max_tokens, room) : room;
    sequence.keep(common.cached);
    sequence.tokens.resize(common.cached);
    sequence.tokens.reserve(length + static_cast<std::size_t>(most));
    sequence.tokens.insert(sequence.tokens.end(), prompt.begin() + static_cast<std::ptrdiff_t>(common.fresh),
                           prompt.end());
    // Generating is not to allocate; a token is about four bytes of text.
    generation->result.ids.reserve(static_cast<std::size_t>(most));
    generation->result.text.reserve(static_cast<std::size_t>(std::min<std::int64_t>(4 * most, 1 << 16)));
    sequence.blocks.reserve(static_cast<std::int64_t>(length) + most);
    sequence.generation = std::move(generation);

    sink.prompt_progress(sequence.generation->result.reused_tokens,
                         sequence.generation->result.prompt_tokens);
}

// Frees blocks until `wanting` can hold `tokens` tokens: first the caches of idle sequences, the one idle for
// longest first; then, rather than let everything wait for ever, the cache of a request that started later.
bool ModelEngine::make_room(const Sequence& wanting, std::int64_t tokens)
{
    const auto has_room = [&] { return wanting.blocks.missing(tokens) <= m_runtime->pool.free(); };
    while (!has_room()) {
        Sequence* idle = nullptr;
        Sequence* later = nullptr;
        for (auto& [id, sequence] : m_sequences) {
            if (sequence.blocks.blocks().empty() || &sequence == &wanting)
                continue;
            if (!sequence.generation) {
                if (!idle || sequence.last_step < idle->last_step)
                    idle = &sequence;
            } else if (sequence.generation->order > wanting.generation->order &&
                       (!later || sequence.generation->order > later->generation->order)) {
                later = &sequence;
            }
        }
        Sequence* victim = idle ? idle : later;
        if (!victim)
            return false;
        victim->keep(0);
        if (!victim->generation)
            victim->tokens.clear();
    }
    return true;
}

// Fills the members that describe the pass: first one token of every sequence that generates, then prompt
// chunks, as far as the rows reach. Whoever was served least recently comes first.
void ModelEngine::plan_pass()
{
    m_tokens.clear();
    m_positions.clear();
    m_output_rows.clear();
    m_segments.clear();
    m_choices.clear();

    // Memory first: making room may drop the cache of another sequence, which then has more to read.
    std::sort(m_active.begin(), m_active.end(), [](const Sequence* a, const Sequence* b) {
        return a->generation->order < b->generation->order;
    });
    const std::int64_t max_rows = m_runtime->options.chunk_tokens;
    std::erase_if(m_active, [&](Sequence* s) {
        const std::int64_t count = std::min(static_cast<std::int64_t>(s->unread()), max_rows);
        const std::int64_t tokens = static_cast<std::int64_t>(s->cached) + count;
        return !make_room(*s, tokens) || !s->blocks.grow(tokens);
    });
    std::sort(m_active.begin(), m_active.end(), [](const Sequence* a, const Sequence* b) {
        const bool a_reads = a->unread() > 1;
        const bool b_reads = b->unread() > 1;
        if (a_reads != b_reads)
            return b_reads;
        if (a->last_step != b->last_step)
            return a->last_step < b->last_step;
        return a->generation->order < b->generation->order;
    });
    for (Sequence* s : m_active) {
        const auto rows = static_cast<std::int64_t>(m_tokens.size());
        const std::int64_t count = std::min(static_cast<std::int64_t>(s->unread()), max_rows - rows);
        if (count == 0)
            continue;
        const auto position = static_cast<std::int64_t>(s->cached);
        m_segments.push_back({rows, count, position, s->blocks.blocks()});
        m_served.push_back(s);
        for (std::int64_t i = 0; i < count; ++i) {
            m_tokens.push_back(s->tokens[static_cast<std::size_t>(position + i)]);
            m_positions.push_back(static_cast<std::int32_t>(position + i));
        }
        if (count == static_cast<std::int64_t>(s->unread())) {
            m_output_rows.push_back(static_cast<std::int32_t>(rows + count - 1));
            m_choices.push_back(s->generation->sampler.next(s->tokens));
        }
    }

    ++m_passes;
    const auto now = Generation::Clock::now();
    for (Sequence* s : m_served) {
        s->last_step = m_passes;
        if (!s->generation->reading)
            s->generation->reading = now;
    }
}

bool ModelEngine::step()
{
    m_pass_stop.rearm();
    m_active.clear();
    for (auto& [id, sequence] : m_sequences) {
        if (!sequence.generation)
            continue;
        if (sequence.generation->stop.stop_requested())
            finish(sequence, Finish::cancelled);
        else
            m_active.push_back(&sequence);
    }
    if (m_active.empty())
        return false;
    m_served.clear();
    try {
        plan_pass();
        run_pass();
    } catch (const std::exception& error) {
        // Before the pass was planned it concerned everyone; so does a GPU that is gone.
        const bool concerns_all = m_served.empty() || dynamic_cast<const DeviceError*>(&error);
        if (concerns_all) {
            m_served.clear();
            for (auto& [id, sequence] : m_sequences)
                m_served.push_back(&sequence);
        }
        for (Sequence* s : m_served)
            if (s->generation)
                fail(*s, error);
    }
    return true;
}

void ModelEngine::run_pass()
{
    const kernels::Batch batch{m_tokens, m_positions, m_segments, m_output_rows,
                               choose_form(m_attention.shape, m_segments)};
    m_ids.resize(m_output_rows.size());
    if (!m_runtime->backend->sample(batch, m_choices, m_ids, m_pass_stop.token()))
        return; // someone stopped; the others' rows are read again
    for (const format::MappedFile& file : m_runtime->files.files())
        if (file.is_damaged())
            file.check();

    std::size_t output = 0;
    for (std::size_t i = 0; i < m_served.size(); ++i) {
        Sequence& s = *m_served[i];
        s.cached += static_cast<std::size_t>(m_segments[i].count);
        const Result& result = s.generation->result;
        if (result.generated_tokens == 0)
            s.generation->sink.prompt_progress(static_cast<std::int64_t>(s.cached), result.prompt_tokens);
        if (s.unread() == 0)
            accept(s, m_ids[output++]);
    }
}

// Until the pool has so many free blocks, or no idle sequence holds any.
void ModelEngine::drop_idle(std::int64_t blocks)
{
    while (m_runtime->pool.free() < blocks) {
        Sequence* victim = nullptr;
        for (auto& [id, sequence] : m_sequences)
            if (!sequence.generation && !sequence.blocks.blocks().empty() &&
                (!victim || sequence.last_step < victim->last_step))
                victim = &sequence;
        if (!victim)
            return;
        victim->keep(0);
        victim->tokens.clear();
    }
}

Speed ModelEngine::measure(const std::function<void(double)>& progress, std::stop_token stop)
{
    for (const auto& [id, sequence] : m_sequences)
        if (sequence.generation)
            throw Error("", "expected no answer in the making, found one");
    m_runtime->files.check();
    const std::int64_t context = m_runtime->options.context_tokens;
    drop_idle(blocks_for(std::min(context, quick_prompt_tokens + quick_generated_tokens)));
    return measure_speed(*m_runtime, progress, stop);
}

void ModelEngine::accept(Sequence& sequence, std::int32_t id)
{
    sequence.generation->sampler.accept();
    if (id >= 0)
        accept_token(sequence, id);
    else
        fail(sequence,
             Error(m_runtime->files.path().string(),
                   fmt::format("position {}: the model produced invalid numbers, expected finite logits",
                               sequence.tokens.size() - 1)));
}

void ModelEngine::accept_token(Sequence& sequence, std::int32_t id)
{
    Generation& g = *sequence.generation;
    if (!g.first)
        g.first = Generation::Clock::now();
    if (m_tokenizer.is_end(id)) {
        finish(sequence, Finish::stop);
        return;
    }
    sequence.tokens.push_back(id);
    g.result.ids.push_back(id);
    ++g.result.generated_tokens;
    show(g, m_tokenizer.bytes(id));
    if (g.stops.stopped())
        finish(sequence, Finish::stop);
    else if (g.max_tokens > 0 && g.result.generated_tokens >= g.max_tokens)
        finish(sequence, Finish::length);
    else if (static_cast<std::int64_t>(sequence.tokens.size()) >= m_runtime->options.context_tokens)
        finish(sequence, Finish::context);
}

void ModelEngine::show(Generation& g, std::string_view bytes)
{
    if (!g.strip.empty() && !bytes.empty()) {
        if (bytes.starts_with(g.strip))
            bytes.remove_prefix(g.strip.size());
        g.strip.clear();
    }
    const std::string text = g.stops.push(g.utf8.push(bytes));
    g.result.text += text;
    if (!text.empty())
        g.sink.text(text);
}

void ModelEngine::finish(Sequence& sequence, Finish reason)
{
    const std::unique_ptr<Generation> g = std::move(sequence.generation);
    // The last token was sampled but not read.
    sequence.tokens.resize(sequence.cached);
    std::string rest = g->stops.push(g->utf8.finish());
    rest += g->stops.finish();
    g->result.text += rest;
    if (!rest.empty())
        g->sink.text(rest);

    Result& r = g->result;
    r.finish = reason;
    const auto now = Generation::Clock::now();
    if (g->first) {
        r.first_token_seconds = seconds(*g->first - g->started);
        const double reading = seconds(*g->first - *g->reading);
        const double generating = seconds(now - *g->first);
        if (reading > 0)
            r.prompt_tps = static_cast<double>(r.prompt_tokens - r.reused_tokens) / reading;
        if (generating > 0 && r.generated_tokens > 1)
            r.generate_tps = static_cast<double>(r.generated_tokens - 1) / generating;
    }
    g->sink.finished(r);
}

void ModelEngine::fail(Sequence& sequence, const std::exception& error)
{
    const std::unique_ptr<Generation> g = std::move(sequence.generation);
    // What the failure left in the cache is not to be trusted.
    sequence.keep(0);
    sequence.tokens.clear();
    if (dynamic_cast<const DeviceError*>(&error))
        g->sink.device_failed(error.what());
    else
        g->sink.failed(error.what());
}

} // namespace

std::string_view name(Finish finish)
{
    switch (finish) {
    case Finish::stop:
        return "stop";
    case Finish::length:
        return "length";
    case Finish::context:
        return "context";
    case Finish::cancelled:
        return "cancelled";
    }
    return "?";
}

std::unique_ptr<Engine> load(const std::filesystem::path& model, const LoadOptions& options,
                             const std::function<void(const LoadProgress&)>& progress, std::stop_token stop)
{
    const auto enter = [&](std::string_view stage) {
        if (stop.stop_requested())
            throw Error(model.string(), "loading was cancelled");
        progress({.stage = stage});
    };
    enter("Opening");
    format::ModelFiles files(model);
    enter("Vocabulary");
    text::Tokenizer tokenizer(files);
    return std::make_unique<ModelEngine>(make_runtime(std::move(files), options, progress, stop),
                                         std::move(tokenizer));
}

Result generate(Engine& engine, SequenceId sequence, const Request& request, std::stop_token stop,
                const std::function<void(std::string_view)>& on_text)
{
    class Collector final : public Sink
    {
    public:
        explicit Collector(const std::function<void(std::string_view)>& on_text)
            : m_on_text(on_text)
        {
        }
        void prompt_progress(std::int64_t, std::int64_t) override {}
        void text(std::string_view utf8) override { m_on_text(utf8); }
        void finished(const Result& result) override { m_result = result; }
        void failed(const std::string& message) override { m_failure = message; }
        const std::function<void(std::string_view)>& m_on_text;
        std::optional<Result> m_result;
        std::optional<std::string> m_failure;
    };
    Collector sink(on_text);
    engine.start(sequence, request, stop, sink);
    while (!sink.m_result && !sink.m_failure)
        engine.step();
    if (sink.m_failure)
        throw Error("", *sink.m_failure);
    return *sink.m_result;
}

} // namespace engine
