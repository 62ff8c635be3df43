// SPDX-License-Identifier: MIT
// The one header that other layers include: load a model, keep sequences, generate. No Qt.
//
// Threads: an Engine is used by one thread at a time (the engine's worker); stop tokens may be triggered from
// any. Errors: everything throws engine::Error, except what happens inside step(), which reaches the sink of
// the generation that it concerns and leaves the others running.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class CacheType : std::uint8_t
{
    f32,
    bf16,
};

struct Device
{
    std::string id;   // "cpu", "cuda:0"
    std::string name; // "NVIDIA H100", the processor's name
    std::int64_t memory_bytes = 0;
    std::int64_t free_bytes = 0;
    std::string detail;       // "compute capability 9.0", "avx2, 2 threads"
    std::string why_not = {}; // one sentence why it cannot be used; empty: it can
};

// The CPU and every GPU that the CUDA module finds, those that cannot be used with the reason. A GPU that was
// lost stays unusable until the program is started again. `why_no_gpu` says in one sentence why there is
// none, or is empty.
struct Devices
{
    std::vector<Device> devices;
    std::string why_no_gpu;
};
Devices list_devices();

struct LoadOptions
{
    std::string device = "cpu";
    int threads = 0; // 0: one for each physical core, fewer for a tiny model
    std::string isa; // "scalar", "avx2", "avx512"; empty: the best of this processor
    CacheType cache_type = CacheType::bf16;
    std::int64_t context_tokens = 0; // tokens that one sequence may hold; 0: the model's own, at most 8192
    std::int64_t cache_tokens = 0;   // budget of all sequences together; 0: twice context_tokens
    // Prompt tokens read in one pass at most; 0: 256 on the CPU, and on a GPU as many of 1024, 512 or 256 as
    // fit.
    std::int64_t chunk_tokens = 0;
};

// The weights by what they are to the model, in bytes.
struct WeightBytes
{
    std::int64_t embedding = 0;
    std::int64_t attention = 0;
    std::int64_t dense = 0;            // feed-forward networks of layers without experts
    std::int64_t routed_experts = 0;   // that the router chooses among
    std::int64_t shared_experts = 0;   // that every token passes through
    std::int64_t router_and_norms = 0; // with the correction bias
    std::int64_t head = 0;             // 0 where it is the embedding's matrix

    std::int64_t total() const
    {
        return embedding + attention + dense + routed_experts + shared_experts + router_and_norms + head;
    }
};

// What a model needs on the device of the options, all of it in that device's memory: the computer's for
// "cpu". All but the tokens in bytes.
struct MemoryPlan
{
    WeightBytes groups; // what `weights` consists of, as the device stores it, without headers and padding
    std::int64_t weights = 0; // mapped from the file and read from it, or copied to the GPU
    std::int64_t cache = 0;
    std::int64_t scratch = 0; // intermediate results
    std::int64_t library = 0; // what the GPU's driver and libraries take beside that; 0 on the CPU
    // The vocabulary's tables. In the computer's memory whatever the device is, so 0 for a GPU.
    std::int64_t vocabulary = 0;
    std::int64_t total = 0;
    std::int64_t available = 0; // of the device now
    std::int64_t mapped = 0;    // address space of the model's files, of which `weights` is what is read
    bool fits = false;

    std::int64_t chunk_tokens = 0;           // that the plan is for
    std::int64_t largest_context_tokens = 0; // that would fit on this device; 0: none
    // One sentence: "Fits: …", "Fits with N tokens of context: …" (with fewer than asked for), "Does not fit:
    // …", why a GPU cannot be used, or that there are no weights.
    std::string verdict;
};

struct DeviceModel; // engine/weight_layout.h

struct ModelInfo
{
    std::filesystem::path path;
    std::string name;
    std::string description;  // one line from the file, may be empty
    std::string license;      // as the file names it, may be empty
    std::string attribution;  // whose text it was trained on, from the file, may be empty
    std::string architecture; // "deepseek2"
    std::string file_type;    // the most frequent type of the big matrices: "BF16", "Q8_0"
    std::map<std::string, std::int64_t>
        hyperparameters;                              // the integers of the config by their reference names
    std::map<std::string, std::int64_t> tensor_types; // type -> number of tensors
    std::int64_t parameters = 0;
    std::int64_t active_parameters = 0; // touched by one token
    std::int64_t file_bytes = 0;
    WeightBytes weight_bytes;          // of the tensors that are used; all 0 where there are none
    std::int64_t header_bytes = 0;     // of the files outside tensors: metadata, vocabulary, padding
    std::int64_t vocabulary_bytes = 0; // of the tables that are made of the vocabulary; 0: not looked at
    // The sentence that loading would end with, whatever the memory: a tensor is missing, or has another
    // shape or type than the model needs. Empty: none.
    std::string why_not;
    // What a reader should know about how the file was understood, above all each value that was taken for a
    // missing key. One sentence each, mostly none.
    std::vector<std::string> notes;
    std::int64_t context_length = 0;                        // the model's own limit, tokens
    std::map<std::string, std::int64_t> kv_bytes_per_token; // cache type -> bytes, all layers
    // The same for a cache that holds the keys and values of every head.
    std::map<std::string, std::int64_t> plain_kv_bytes_per_token;
    std::string
        identity; // hash of headers, sizes and samples of the data: the same weights give the same identity
    bool is_chat = false; // has a chat template
    // How a GPU would hold the weights, for plan(); null where there are none.
    std::shared_ptr<const DeviceModel> device_model;
};

// Reads headers and vocabulary alone; works for files without weights. Throws Error.
ModelInfo inspect(const std::filesystem::path& model);
// What load() will find; asks the device for its free memory. Throws Error where an option is out of range. A
// device that is not there or cannot be used gives a plan that does not fit and says why.
MemoryPlan plan(const ModelInfo& model, const LoadOptions& options);

struct LoadProgress
{
    std::string_view stage; // "Opening", "Vocabulary", "Weights"
    std::int64_t bytes_done = 0;
    std::int64_t bytes_total = 0;
    std::int64_t layers_done = 0;
    std::int64_t layers_total = 0;
};

struct Message
{
    std::string role; // "system", "user", "assistant"
    std::string content;
};

struct Sampling
{
    float temperature = 0.7f;     // 0: greedy
    int top_k = 0;                // 0: off
    float top_p = 0.9f;           // 1: off
    float min_p = 0.05f;          // 0: off
    float repeat_penalty = 1.05f; // 1: off
    int repeat_window = 64;       // tokens that the penalty looks back
    std::uint64_t seed = 0;
};

// A gap between two texts that the model is to fill (fill in the middle).
struct FillIn
{
    std::string prefix;
    std::string suffix;
};

struct Request
{
    std::optional<FillIn> fill_in; // comes before everything else

    std::vector<Message> messages; // a conversation, rendered by the model's chat format; or, where empty,
    std::string prompt; // plain text after BOS, special tokens in it not parsed; or, where empty too,
    std::vector<std::int32_t> ids; // tokens as they are
    Sampling sampling;
    std::int64_t max_tokens = 0; // 0: until the context is full
    std::vector<std::string> stop;
    bool continue_last = false; // the last message is an assistant's, to be continued
    // At most so many tokens of the cache serve again. With the reused_tokens of an earlier result the prompt
    // is read in the same pieces as it was then, which gives the same logits to the last bit.
    std::optional<std::int64_t> reuse_at_most;
};

enum class Finish : std::uint8_t
{
    stop,      // the model's end of generation, or a stop string
    length,    // max_tokens
    context,   // no room left in the context
    cancelled, // the stop token
};
std::string_view name(Finish finish);

struct Result
{
    Finish finish = Finish::stop;
    std::string text;              // all of it, whole UTF-8
    std::vector<std::int32_t> ids; // generated, without the end token
    std::int64_t prompt_tokens = 0;
    std::int64_t reused_tokens = 0; // of the prompt, found in the cache
    std::int64_t generated_tokens = 0;
    double first_token_seconds = 0.0; // from start() to the first token
    double prompt_tps = 0.0;          // newly read prompt tokens a second
    double generate_tps = 0.0;
    std::uint64_t seed = 0;
};

// How fast a loaded model is here, beside what the machine allows at most. All in tokens a second.
struct Speed
{
    std::int64_t prompt_tokens = 0;    // that were read
    std::int64_t generated_tokens = 0; // one by one, after them
    double prompt_tps = 0.0;
    double generate_tps = 0.0;
    // From the measured rates of multiply-adds and of reading memory; 0 on a GPU, where they are not
    // measured.
    double prompt_limit_tps = 0.0;
    double generate_limit_tps = 0.0;
    double read_gb_per_s = 0.0;
    double fp32_gflop_per_s = 0.0;
};

// Called on the thread that calls step(), from inside it or from start(); may not call the engine back.
class Sink
{
public:
    virtual ~Sink() = default;
    virtual void prompt_progress(std::int64_t done,
                                 std::int64_t total) = 0; // tokens, reused ones counted as done
    virtual void text(std::string_view utf8) = 0;         // whole characters
    virtual void finished(const Result& result) = 0;
    virtual void failed(const std::string& message) = 0;
    // The same where the GPU is the reason and the CPU would serve: it was lost, or out of memory.
    virtual void device_failed(const std::string& message) { failed(message); }
};

using SequenceId = std::int64_t;

// A loaded model with its sequences. Abstract, so that the window can be tested on an engine that answers by
// a script.
class Engine
{
public:
    virtual ~Engine() = default;

    virtual const ModelInfo& info() const = 0;

    // A sequence keeps its tokens and its latent cache from one request to the next and re-reads only what
    // differs. Where the budget is used up, the cache of the sequence idle for longest is dropped (and read
    // again when it is asked next).
    virtual SequenceId open_sequence() = 0;
    virtual void close_sequence(SequenceId sequence) = 0;

    // Tokens that a conversation occupies, for the context meter.
    virtual std::int64_t count_tokens(const std::vector<Message>& messages) = 0;

    // Queues a request. One at a time for each sequence. `sink` lives until finished or failed was called.
    // Throws where the request cannot be started (does not fit the context, template error).
    virtual void start(SequenceId sequence, const Request& request, std::stop_token stop, Sink& sink) = 0;

    // One forward pass over everything queued: the next tokens of all, the next prompt chunk of those still
    // reading. Returns false when nothing is queued. A stop takes effect within one token, and within 300 ms
    // inside a prompt.
    virtual bool step() = 0;

    // Reads a prompt and generates, in a sequence of its own, while nothing is queued. `progress` gets 0 to 1
    // on this thread. Takes seconds, on a large model and a CPU a minute. Throws Error, also when stopped.
    virtual Speed measure(const std::function<void(double)>& progress, std::stop_token stop) = 0;
};

// Maps and checks the model. `progress` is called on this thread. Throws Error, also when stopped;
// DeviceError (engine/error.h) where the GPU is the reason and the CPU would serve.
std::unique_ptr<Engine> load(const std::filesystem::path& model, const LoadOptions& options,
                             const std::function<void(const LoadProgress&)>& progress, std::stop_token stop);

// start() and step() until it is done. Throws Error where the generation failed. `on_text` gets whole
// characters.
Result generate(Engine& engine, SequenceId sequence, const Request& request, std::stop_token stop,
                const std::function<void(std::string_view)>& on_text);

} // namespace engine
