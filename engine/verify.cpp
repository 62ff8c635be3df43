// SPDX-License-Identifier: MIT
#include "engine/verify.h"

#include "engine/config.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/format/model_files.h"
#include "engine/format/sha256.h"
#include "engine/model_info.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "engine/text/utf8.h"
#include "engine/verify_texts.h"
#include "engine/weights.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/quant/dequantise.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <numbers>
#include <span>
#include <thread>
#include <utility>

namespace engine {

namespace {

namespace fs = std::filesystem;

struct Stopped
{
};

struct KnownFile
{
    std::string_view sha256;
    std::string_view release;
};

// Hashes that we computed ourselves from the files of a release.
constexpr KnownFile known_files[] = {
    {"aac1e146fe3cbeb19c55dc924fbeb6d6c00922810c3870bd81756e4b60de2aa5", "Fathom's starter model"},
};

// A text's loss in bits for each of its bytes, which does not depend on the vocabulary. Trained models of any
// size stay below the upper bound on plain prose; knowing only how often letters occur costs 4 bits.
constexpr double least_bits_per_byte = 0.1;
constexpr double most_bits_per_byte = 2.2;

// Of the largest logit. Rounding in other orders gives 1e-5; a wrong position, mask or cache gives more than
// a tenth.
constexpr double most_difference = 0.01;

constexpr std::size_t answer_tokens = 24;
constexpr int most_bad_answers = 2; // of the ten

bool is_sha256(std::string_view text)
{
    return text.size() == 64 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What the program that downloaded a file noted as its hash: Hugging Face's cache names the files themselves
// by it, and beside files in a folder it keeps a record whose second line it is.
std::optional<std::string> recorded_hash(const fs::path& file)
{
    std::error_code error;
    if (fs::is_symlink(file, error)) {
        const std::string target = fs::read_symlink(file, error).filename().string();
        if (is_sha256(target))
            return target;
    }
    std::ifstream record(file.parent_path() / ".cache" / "huggingface" / "download" /
                         (file.filename().string() + ".metadata"));
    std::string line;
    if (std::getline(record, line) && std::getline(record, line) && is_sha256(line))
        return line;
    return std::nullopt;
}

// A file's hash. `read` is told of every piece.
template <class Read> std::string hash_of(const format::MappedFile& file, Read read)
{
    constexpr std::size_t step = std::size_t{4} << 20;
    format::Sha256 hash;
    for (auto rest = file.bytes(); !rest.empty();) {
        const auto part = rest.first(std::min(step, rest.size()));
        hash.add(part);
        rest = rest.subspan(part.size());
        read(static_cast<std::int64_t>(part.size()));
    }
    return hash.finish();
}

// -log2 softmax(logits)[id]
double loss_in_bits(std::span<const float> logits, std::int32_t id)
{
    const double best = *std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - best);
    const double nats = std::log(sum) + best - static_cast<double>(logits[static_cast<std::size_t>(id)]);
    return nats / std::numbers::ln2;
}

class Verification
{
public:
    Verification(const fs::path& model, const LoadOptions& options, const VerifyHooks& hooks,
                 const std::stop_token& stop)
        : m_files(model)
        , m_config(read_config(m_files))
        , m_options(options)
        , m_hooks(hooks)
        , m_stop(stop)
        , m_pool(options.threads > 0 ? options.threads
                                     : static_cast<int>(std::thread::hardware_concurrency()))
    {
        m_pool.set_stop(stop);
    }

    void run()
    {
        attempt("files", [&] { return files(); });
        attempt("vocabulary", [&] { return vocabulary(); });
        attempt("chat format", [&] { return chat_format(); });
        attempt("tensors", [&] { return tensors(); });
        attempt("weights", [&] { return weights(); });
        attempt("memory", [&] { return memory(); });
        attempt("perplexity", [&] { return perplexity(); });
        attempt("token by token", [&] { return token_by_token(); });
        attempt("ten prompts", [&] { return ten_prompts(); });
    }

private:
    template <class Check> void attempt(const char* subject, Check check)
    {
        Finding finding;
        try {
            finding = check();
        } catch (const Error& error) {
            if (m_stop.stop_requested())
                throw Stopped();
            finding = {Outcome::failed, {}, error.what(), {}};
        } catch (const kernels::cpu::Stopped&) {
            throw Stopped();
        }
        if (m_stop.stop_requested())
            throw Stopped();
        finding.subject = subject;
        m_hooks.finding(finding);
    }

    static Finding left_out(std::string why) { return {Outcome::left_out, {}, std::move(why), {}}; }

    Finding files()
    {
        std::vector<const format::MappedFile*> files;
        for (const format::MappedFile& file : m_files.files())
            files.push_back(&file);
        std::vector<format::MappedFile> companions;
        for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
            if (m_files.is_folder() && fs::exists(m_files.path() / name))
                companions.emplace_back(m_files.path() / name);
        for (const format::MappedFile& file : companions)
            files.push_back(&file);

        std::int64_t total = 0;
        for (const format::MappedFile* file : files)
            total += static_cast<std::int64_t>(file->size());
        std::vector<std::string> hashes(files.size());
        std::atomic<std::int64_t> done = 0;
        m_pool.run(std::ssize(files), [&](std::int64_t i, int worker) {
            hashes[static_cast<std::size_t>(i)] =
                hash_of(*files[static_cast<std::size_t>(i)], [&](std::int64_t bytes) {
                    m_pool.throw_if_stopped();
                    done += bytes;
                    if (worker == 0) // this thread
                        m_hooks.progress("Hashing", done, total);
                });
        });

        Finding finding;
        std::size_t known = 0;
        std::size_t recorded = 0;
        for (std::size_t i = 0; i < files.size(); ++i) {
            const fs::path path = files[i]->path();
            std::string line = fmt::format("{}  {}", hashes[i], printable(path.filename().string()));
            if (const auto release = known_release(hashes[i])) {
                line += fmt::format("  {}", *release);
                ++known;
            }
            if (const auto expected = recorded_hash(path)) {
                if (*expected == hashes[i]) {
                    line += "  as its download says";
                    ++recorded;
                } else {
                    line += fmt::format("  NOT as its download says: {}", *expected);
                    finding.outcome = Outcome::failed;
                }
            }
            finding.lines.push_back(std::move(line));
        }
        finding.summary = fmt::format(
            "{} with {} bytes; SHA-256 of {} listed here, of {} as the download recorded it",
            files.size() == 1 ? "1 file" : fmt::format("{} files", files.size()), total, known, recorded);
        return finding;
    }

    Finding vocabulary()
    {
        m_tokenizer.emplace(m_files);
        const text::Tokenizer& tokenizer = *m_tokenizer;
        Finding finding;
        const auto fail = [&](std::string line) {
            finding.outcome = Outcome::failed;
            finding.lines.push_back(std::move(line));
        };
        std::int64_t defined = 0;
        for (text::TokenId id = 0; id < tokenizer.size(); ++id)
            defined += tokenizer.is_defined(id) ? 1 : 0;
        if (tokenizer.size() > m_config.vocab_size)
            fail(fmt::format("expected at most the {} ids of the embedding, found {}", m_config.vocab_size,
                             tokenizer.size()));
        const auto same = [&](const char* what, std::optional<std::int64_t> config,
                              std::optional<text::TokenId> vocabulary) {
            if (config && vocabulary && *config != *vocabulary)
                fail(fmt::format("{}: expected id {}, as the configuration says, found {}", what, *config,
                                 *vocabulary));
        };
        same("begin of text", m_config.bos_token_id, tokenizer.bos());
        same("end of text", m_config.eos_token_id, tokenizer.eos());
        std::size_t bytes = 0;
        std::size_t tokens = 0;
        for (const std::string_view text : verify_scripts) {
            const auto ids = tokenizer.encode(text, text::SpecialTokens::as_text);
            bytes += text.size();
            tokens += ids.size();
            if (tokenizer.decode(ids) != text)
                fail(fmt::format("expected \"{}\" back, found \"{}\"", text,
                                 printable(tokenizer.decode(ids), 400)));
        }
        finding.summary = fmt::format("{} tokens, {} of them defined; {} bytes in several scripts became {} "
                                      "tokens and the same bytes again",
                                      tokenizer.size(), defined, bytes, tokens);
        return finding;
    }

    Finding chat_format()
    {
        if (!m_tokenizer)
            return left_out("there is no vocabulary to write it with");
        const text::ChatTemplate chat(*m_tokenizer);
        if (m_tokenizer->chat_template().empty())
            return {Outcome::passed, {}, "none: a base model, which continues texts", {}};
        Finding finding;
        const auto fail = [&](std::string line) {
            finding.outcome = Outcome::failed;
            finding.lines.push_back(std::move(line));
        };
        if (!chat.problem().empty())
            fail(chat.problem());
        const std::vector<text::ChatMessage> messages = {
            {"user", "What is a latent?", {}}, {"assistant", "A hidden number.", {}}, {"user", "Why?", {}}};
        const auto segments = chat.render(messages, text::GenerationPrompt::add);
        std::string prompt;
        for (const text::Segment& segment : segments)
            prompt += segment.text;
        const auto ids = m_tokenizer->encode(segments);
        if (const auto bos = m_tokenizer->bos()) {
            const auto count = std::ranges::count(ids, *bos);
            if (count > 1 || (count == 1 && ids.front() != *bos))
                fail(fmt::format("expected one begin of text, in front, found {}", count));
            else if (count == 0)
                finding.lines.push_back("the template writes no begin of text");
        }
        for (const text::ChatMessage& message : messages)
            if (prompt.find(*message.content) == std::string::npos)
                fail(fmt::format("expected \"{}\" in the prompt, found nothing of it", *message.content));
        finding.lines.push_back(printable(prompt, 1000));
        finding.summary = fmt::format("three messages became {} tokens", ids.size());
        return finding;
    }

    Finding tensors()
    {
        m_weights = bind_weights(m_files, m_config);
        const auto all = m_files.tensors().all();
        std::int64_t stages = 0;
        for (const auto& stage : m_weights->stages)
            stages += static_cast<std::int64_t>(stage.size());
        return {Outcome::passed,
                {},
                fmt::format("{} in the files, {} of them used; names, shapes and types as {} layers with {} "
                            "parameters need them",
                            all.size(), stages, m_config.num_hidden_layers, m_config.parameters()),
                {}};
    }

    // What one piece of a tensor holds.
    struct Content
    {
        std::int64_t not_finite = 0;
        float largest = 0.0f;
    };

    Finding weights()
    {
        struct Piece
        {
            std::size_t tensor;
            std::int64_t first; // row
            std::int64_t rows;
        };
        constexpr std::int64_t piece_numbers = std::int64_t{1} << 20;
        const auto all = m_files.tensors().all();
        std::vector<Piece> pieces;
        std::int64_t total = 0;
        Finding finding;
        for (std::size_t t = 0; t < all.size(); ++t) {
            if (!all[t].dtype || all[t].elements() == 0)
                continue;
            const std::int64_t columns = all[t].shape.empty() ? 1 : all[t].shape.back();
            const std::int64_t rows = all[t].elements() / columns;
            const std::int64_t step = std::max<std::int64_t>(1, piece_numbers / columns);
            for (std::int64_t first = 0; first < rows; first += step)
                pieces.push_back({t, first, std::min(step, rows - first)});
            total += all[t].elements();
        }
        std::vector<Content> contents(pieces.size());
        constexpr std::int64_t batch = 256; // pieces between two looks at how far it is
        std::int64_t done = 0;
        const auto count = static_cast<std::int64_t>(pieces.size());
        for (std::int64_t begin = 0; begin < count; begin += batch) {
            m_pool.run(std::min(batch, count - begin), [&](std::int64_t i, int) {
                const auto p = static_cast<std::size_t>(begin + i);
                contents[p] = look_at(all[pieces[p].tensor], pieces[p].first, pieces[p].rows);
            });
            for (std::int64_t i = begin; i < std::min(begin + batch, count); ++i) {
                const Piece& piece = pieces[static_cast<std::size_t>(i)];
                done += piece.rows * (all[piece.tensor].shape.empty() ? 1 : all[piece.tensor].shape.back());
            }
            m_hooks.progress("Weights", done, total);
        }
        m_files.check();

        std::vector<Content> tensors(all.size());
        for (std::size_t p = 0; p < pieces.size(); ++p) {
            Content& tensor = tensors[pieces[p].tensor];
            tensor.not_finite += contents[p].not_finite;
            tensor.largest = std::max(tensor.largest, contents[p].largest);
        }
        std::size_t largest = 0;
        for (std::size_t t = 0; t < all.size(); ++t) {
            if (tensors[t].largest > tensors[largest].largest)
                largest = t;
            if (tensors[t].not_finite > 0)
                finding.lines.push_back(fmt::format("{}: {} of {} numbers are not finite",
                                                    printable(all[t].name), tensors[t].not_finite,
                                                    all[t].elements()));
            else if (tensors[t].largest == 0 && all[t].dtype && all[t].shape.size() > 1 &&
                     all[t].elements() > 0)
                finding.lines.push_back(fmt::format("{}: all zero", printable(all[t].name)));
        }
        finding.outcome = finding.lines.empty() ? Outcome::passed : Outcome::failed;
        finding.summary = all.empty() ? std::string("none")
                                      : fmt::format("{} numbers; the largest is {:.4g}, in {}", total,
                                                    tensors[largest].largest, printable(all[largest].name));
        return finding;
    }

    static Content look_at(const format::TensorInfo& tensor, std::int64_t first, std::int64_t rows)
    {
        const std::int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
        const std::int64_t row_bytes = kernels::row_bytes(*tensor.dtype, columns);
        std::vector<float> numbers(static_cast<std::size_t>(columns));
        Content content;
        for (std::int64_t r = first; r < first + rows; ++r) {
            kernels::dequantise_row(*tensor.dtype, tensor.bytes.data() + r * row_bytes, numbers.data(),
                                    columns);
            for (const float number : numbers) {
                if (std::isfinite(number))
                    content.largest = std::max(content.largest, std::abs(number));
                else
                    ++content.not_finite;
            }
        }
        return content;
    }

    // Loads the model where it fits.
    Finding memory()
    {
        if (!m_weights || !m_tokenizer)
            return left_out("the model cannot be loaded without tensors and vocabulary");
        encode_texts();
        LoadOptions options = m_options;
        options.cache_type = CacheType::f32;
        options.context_tokens = static_cast<std::int64_t>(m_text.size());
        for (const auto& prompt : m_prompts)
            options.context_tokens =
                std::max(options.context_tokens, static_cast<std::int64_t>(prompt.size() + answer_tokens));
        const std::size_t streams = m_prompts.size();
        options.cache_tokens =
            static_cast<std::int64_t>(streams) * (options.context_tokens + kernels::cache_block_tokens);
        const MemoryPlan plan = engine::plan(describe(m_files, m_config), options);
        if (!plan.fits)
            return left_out(plan.verdict);
        m_evaluator.emplace(
            m_files.path(), options, streams,
            [&](const LoadProgress& load) {
                m_hooks.progress(load.stage, load.bytes_done, load.bytes_total);
            },
            m_stop);
        return {Outcome::passed, {}, plan.verdict, {}};
    }

    void encode_texts()
    {
        const auto encode = [&](std::string_view text) {
            std::vector<std::int32_t> ids = m_tokenizer->encode(text, text::SpecialTokens::as_text);
            if (m_tokenizer->bos())
                ids.insert(ids.begin(), *m_tokenizer->bos());
            return ids;
        };
        m_text = encode(verify_prose);
        if (std::ssize(m_text) > m_config.max_position_embeddings)
            m_text.resize(static_cast<std::size_t>(m_config.max_position_embeddings));
        for (const std::string_view prompt : verify_prompts)
            m_prompts.push_back(encode(prompt));
    }

    void feed(std::span<const std::int32_t> ids, Evaluator::Output output, const Evaluator::OnLogits& f)
    {
        if (!m_evaluator->feed(ids, output, f, m_stop))
            throw Stopped();
    }

    Finding perplexity()
    {
        if (!m_evaluator)
            return left_out("the model is not loaded");
        m_evaluator->rewind(0, 0);
        double bits = 0;
        std::size_t count = 0;
        std::size_t bytes = 0;
        feed(m_text, Evaluator::Output::all,
             [&](std::size_t, std::int64_t position, std::span<const float> row) {
                 const auto next = static_cast<std::size_t>(position) + 1;
                 if (next == m_text.size())
                     return;
                 bits += loss_in_bits(row, m_text[next]);
                 bytes += m_tokenizer->bytes(m_text[next]).size();
                 ++count;
             });
        const double per_byte = bits / static_cast<double>(bytes);
        const bool is_plausible = per_byte >= least_bits_per_byte && per_byte <= most_bits_per_byte;
        return {is_plausible ? Outcome::passed : Outcome::failed,
                {},
                fmt::format("{:.2f} over {} tokens of prose, {:.2f} bits for each byte; {} {} to {}; all "
                            "logits finite",
                            std::exp2(bits / static_cast<double>(count)), count, per_byte,
                            is_plausible ? "plausible:" : "expected", least_bits_per_byte,
                            most_bits_per_byte),
                {}};
    }

    Finding token_by_token()
    {
        if (!m_evaluator)
            return left_out("the model is not loaded");
        constexpr std::size_t most_tokens = 64;
        const auto ids = std::span(m_text).first(std::min(m_text.size(), most_tokens));
        const auto width = static_cast<std::size_t>(m_config.vocab_size);
        std::vector<float> at_once;
        m_evaluator->rewind(0, 0);
        feed(ids, Evaluator::Output::all, [&](std::size_t, std::int64_t, std::span<const float> row) {
            at_once.insert(at_once.end(), row.begin(), row.end());
        });
        m_evaluator->rewind(0, 0);
        double difference = 0;
        double largest = 0;
        std::size_t same = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            feed(ids.subspan(i, 1), Evaluator::Output::last,
                 [&](std::size_t, std::int64_t, std::span<const float> row) {
                     const auto before = std::span(at_once).subspan(i * width, width);
                     for (std::size_t id = 0; id < width; ++id) {
                         difference = std::max(difference, std::abs(static_cast<double>(row[id]) -
                                                                    static_cast<double>(before[id])));
                         largest = std::max(largest, std::abs(static_cast<double>(before[id])));
                     }
                     if (std::ranges::max_element(row) - row.begin() ==
                         std::ranges::max_element(before) - before.begin())
                         ++same;
                 });
            m_hooks.progress("Comparing", static_cast<std::int64_t>(i),
                             static_cast<std::int64_t>(ids.size()));
        }
        const double relative = largest > 0 ? difference / largest : 0;
        return {relative <= most_difference ? Outcome::passed : Outcome::failed,
                {},
                fmt::format("{} tokens at once and one by one: logits differ by {:.1e} of the largest at "
                            "most, {} likeliest tokens are the same",
                            ids.size(), relative, same),
                {}};
    }

    Finding ten_prompts()
    {
        if (!m_evaluator)
            return left_out("the model is not loaded");
        const std::size_t count = m_prompts.size();
        const std::vector<bool> defined =
            m_tokenizer->defined_mask(static_cast<std::size_t>(m_config.vocab_size));
        std::vector<std::vector<std::int32_t>> answers(count);
        std::vector<std::vector<std::int32_t>> next = m_prompts;
        for (std::size_t s = 0; s < count; ++s)
            m_evaluator->rewind(s, 0);
        for (std::size_t i = 0; i < answer_tokens; ++i) {
            const std::vector<std::span<const std::int32_t>> ids(next.begin(), next.end());
            std::vector<std::vector<std::int32_t>> chosen(count);
            const bool is_complete = m_evaluator->feed(
                ids, Evaluator::Output::last,
                [&](std::size_t stream, std::int64_t, std::span<const float> row) {
                    std::int32_t best = -1;
                    for (std::size_t id = 0; id < row.size(); ++id)
                        if (defined[id] && (best < 0 || row[id] > row[static_cast<std::size_t>(best)]))
                            best = static_cast<std::int32_t>(id);
                    if (best < 0 || m_tokenizer->is_end(best))
                        return;
                    answers[stream].push_back(best);
                    chosen[stream] = {best};
                },
                m_stop);
            if (!is_complete)
                throw Stopped();
            next = std::move(chosen);
            m_hooks.progress("Prompts", static_cast<std::int64_t>(i + 1),
                             static_cast<std::int64_t>(answer_tokens));
        }

        Finding finding;
        int bad = 0;
        for (std::size_t s = 0; s < count; ++s) {
            const auto& answer = answers[s];
            const bool is_stuck = answer.size() == answer_tokens &&
                                  std::ranges::count(answer, answer.front()) == std::ssize(answer);
            bad += is_stuck ? 1 : 0;
            finding.lines.push_back(
                fmt::format("{} → {}", printable(verify_prompts[s]),
                            printable(text::to_valid_utf8(m_tokenizer->decode(answer)), 400)));
        }
        finding.outcome = bad > most_bad_answers ? Outcome::failed : Outcome::passed;
        finding.summary = fmt::format("continued greedily by up to {} tokens; {} answers repeat one token",
                                      answer_tokens, bad);
        return finding;
    }

    format::ModelFiles m_files;
    Config m_config;
    LoadOptions m_options;
    const VerifyHooks& m_hooks;
    std::stop_token m_stop;
    kernels::cpu::ThreadPool m_pool;
    std::optional<text::Tokenizer> m_tokenizer;
    std::optional<Weights> m_weights;
    std::optional<Evaluator> m_evaluator;
    std::vector<std::int32_t> m_text;
    std::vector<std::vector<std::int32_t>> m_prompts;
};

} // namespace

bool verify(const fs::path& model, const LoadOptions& options, const VerifyHooks& hooks,
            const std::stop_token& stop)
{
    try {
        Verification(model, options, hooks, stop).run();
    } catch (const Stopped&) {
        return false;
    }
    return true;
}

std::optional<std::string_view> known_release(std::string_view sha256)
{
    const auto* found = std::ranges::find(known_files, sha256, &KnownFile::sha256);
    return found == std::end(known_files) ? std::nullopt : std::optional(found->release);
}

} // namespace engine
