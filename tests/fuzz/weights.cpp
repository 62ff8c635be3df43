// SPDX-License-Identifier: MIT
// A GGUF file that is sound as a container, so that every input comes as far as the weights: the first byte
// chooses a toy model, the rest are changes of six bytes each to what the file says and holds.
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/format/gguf.h"
#include "kernels/quant/quantise.h"
#include "tests/engine/golden_gguf.h"
#include "tests/engine/model_writer.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace fuzz {

namespace {

using kernels::Dtype;

struct Tensor
{
    std::string name;
    std::vector<std::int64_t> ne; // fastest axis first
    std::uint32_t type = 0;       // as GGUF numbers them
    std::string data;
};

struct Entry
{
    std::string key;
    std::uint32_t type = 0;
    std::string value;
};

struct Toy
{
    std::vector<Entry> entries;
    std::vector<Tensor> tensors;
};

// Widths that are legal for every type in the rows that are longest, and for the small blocks in the others.
// Large enough for that, and no larger.
RandomModel sizes(std::int64_t q_lora)
{
    return {.layers = 2,
            .hidden = 256,
            .heads = 2,
            .q_lora = q_lora,
            .kv_lora = 32,
            .nope = 32,
            .rope = 2,
            .value = 16,
            .dense_width = 32,
            .expert_width = 32,
            .experts = 2,
            .experts_per_tok = 1,
            .vocabulary = 8};
}

Toy read(const std::filesystem::path& file)
{
    const engine::format::Gguf gguf(file);
    Toy toy;
    for (const auto& [key, entry] : gguf.metadata())
        toy.entries.push_back(
            {key, static_cast<std::uint32_t>(entry.type),
             std::string(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size())});
    for (const engine::format::TensorInfo& tensor : gguf.tensors().all())
        toy.tensors.push_back(
            {tensor.name,
             {tensor.shape.rbegin(), tensor.shape.rend()},
             engine::format::gguf_type_id(*tensor.dtype),
             std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size())});
    return toy;
}

// Both forms of kv_b and of the experts, with and without a query latent, and the gate of V3.
std::vector<Toy> make_toys(const Scratch& scratch)
{
    using golden::ExpertForm;
    using golden::KeyValueForm;
    std::vector<Toy> toys;
    const auto add = [&](std::int64_t q_lora, KeyValueForm form, ExpertForm experts) {
        const std::filesystem::path folder = scratch.folder() / "toy";
        write_random(sizes(q_lora), folder);
        const std::filesystem::path file = scratch.folder() / "toy.gguf";
        golden::to_gguf(folder, form, experts).write(file);
        toys.push_back(read(file));
    };
    add(0, KeyValueForm::mla, ExpertForm::apart);
    add(32, KeyValueForm::mla, ExpertForm::fused);
    add(0, KeyValueForm::legacy, ExpertForm::apart);
    add(32, KeyValueForm::both, ExpertForm::apart);
    Toy sigmoid = toys.front();
    for (Entry& entry : sigmoid.entries)
        if (entry.key == "deepseek2.expert_gating_func")
            entry.value = GgufWriter::raw(std::uint32_t{2});
    sigmoid.tensors.push_back({"blk.1.exp_probs_b.bias", {2}, 0, std::string(8, '\0')});
    toys.push_back(std::move(sigmoid));
    return toys;
}

std::optional<Dtype> dtype_of(std::uint32_t type)
{
    for (const kernels::DtypeInfo& info : kernels::dtype_infos)
        if (info.dtype != Dtype::f8_e4m3 && engine::format::gguf_type_id(info.dtype) == type)
            return info.dtype;
    return std::nullopt;
}

// As many bytes as type and shape ask for, where they are a tensor's and not too many: the old numbers where
// there is an encoder for them, noise elsewhere. Otherwise what was there stays.
void fit_data(Tensor& tensor, std::uint32_t seed)
{
    constexpr std::int64_t most = 1 << 18; // numbers
    const std::optional<Dtype> dtype = dtype_of(tensor.type);
    if (!dtype || tensor.ne.empty() || tensor.ne[0] <= 0 ||
        tensor.ne[0] % kernels::values_per_block(*dtype) != 0)
        return;
    std::int64_t count = 1;
    for (const std::int64_t length : tensor.ne) {
        if (length <= 0 || length > most / count)
            return;
        count *= length;
    }
    tensor.data.resize(static_cast<std::size_t>(kernels::row_bytes(*dtype, count)));
    std::minstd_rand random(seed);
    if (kernels::can_quantise(*dtype)) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& value : values)
            value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
        kernels::quantise_row(*dtype, values.data(), reinterpret_cast<std::byte*>(tensor.data.data()), count);
        return;
    }
    for (char& byte : tensor.data)
        byte = static_cast<char>(random());
}

std::int64_t special_number(std::uint16_t argument)
{
    constexpr std::int64_t numbers[] = {
        0,         1,         2,   3,    4,    8,     16,         31,           32,
        33,        34,        48,  64,   66,   68,    96,         128,          255,
        256,       257,       512, 1024, 4096, 65536, 0x7FFFFFFF, 0x80000000LL, 0xFFFFFFFFLL,
        1LL << 40, INT64_MAX, -1};
    return argument < 0x8000 ? argument % 512 : numbers[argument % std::size(numbers)];
}

enum Change : std::uint8_t
{
    rename_tensor,
    remove_tensor,
    swap_names,
    set_length,
    add_axis,
    drop_axis,
    turn_axes,
    set_type,
    set_bytes,
    cut_data,
    set_integer,
    set_real,
    remove_key,
    changes // how many there are
};

void apply(Toy& toy, std::uint8_t change, std::uint8_t at, std::uint16_t argument, std::uint16_t other)
{
    if (toy.tensors.empty() || toy.entries.empty())
        return;
    const std::size_t index = at % toy.tensors.size();
    Tensor& tensor = toy.tensors[index];
    Entry& entry = toy.entries[at % toy.entries.size()];
    const std::size_t axis = tensor.ne.empty() ? 0 : other % tensor.ne.size();
    switch (change % changes) {
    case rename_tensor:
        // Another layer's, another part's, or a name of no tensor.
        tensor.name.replace(argument % (tensor.name.size() + 1), 1, 1, static_cast<char>('0' + other % 75));
        break;
    case remove_tensor:
        toy.tensors.erase(toy.tensors.begin() + static_cast<std::ptrdiff_t>(index));
        break;
    case swap_names:
        std::swap(tensor.name, toy.tensors[argument % toy.tensors.size()].name);
        break;
    case set_length:
        if (!tensor.ne.empty())
            tensor.ne[axis] = special_number(argument);
        fit_data(tensor, at);
        break;
    case add_axis:
        if (tensor.ne.size() < 6)
            tensor.ne.insert(tensor.ne.begin() + static_cast<std::ptrdiff_t>(axis), special_number(argument));
        fit_data(tensor, at);
        break;
    case drop_axis:
        if (!tensor.ne.empty())
            tensor.ne.erase(tensor.ne.begin() + static_cast<std::ptrdiff_t>(axis));
        fit_data(tensor, at);
        break;
    case turn_axes:
        std::ranges::reverse(tensor.ne);
        break;
    case set_type:
        tensor.type = argument < 0x8000 ? argument % 40 : argument;
        fit_data(tensor, other);
        break;
    case set_bytes:
        for (std::size_t i = 0; i < 2 && !tensor.data.empty(); ++i)
            tensor.data[(argument + i) % tensor.data.size()] = static_cast<char>(other >> 8 * i);
        break;
    case cut_data:
        tensor.data.resize(argument % (tensor.data.size() + 1));
        break;
    case set_integer:
        entry.type = 4; // u32
        entry.value = GgufWriter::raw(static_cast<std::uint32_t>(special_number(argument)));
        break;
    case set_real:
        entry.type = 6; // f32, any bits
        entry.value = GgufWriter::raw(static_cast<std::uint32_t>(argument) << 16 | other);
        break;
    default:
        if (toy.entries.size() > 1)
            toy.entries.erase(toy.entries.begin() + static_cast<std::ptrdiff_t>(at % toy.entries.size()));
    }
}

std::string file_of(std::string_view input, const std::vector<Toy>& toys)
{
    Toy toy = toys[static_cast<std::uint8_t>(input.front())];
    input.remove_prefix(1);
    for (; input.size() >= 6; input.remove_prefix(6)) {
        std::uint16_t arguments[2];
        std::memcpy(arguments, input.data() + 2, sizeof arguments);
        apply(toy, static_cast<std::uint8_t>(input[0]), static_cast<std::uint8_t>(input[1]), arguments[0],
              arguments[1]);
    }
    GgufWriter writer;
    for (const Entry& entry : toy.entries)
        writer.entry(entry.key, entry.type, entry.value);
    for (const Tensor& tensor : toy.tensors)
        writer.tensor(tensor.name, tensor.ne, tensor.type, tensor.data);
    return writer.bytes();
}

} // namespace

Verdict weights(std::string_view input)
{
    static const Scratch scratch;
    static const std::vector<Toy> toys = make_toys(scratch);
    if (input.empty() || static_cast<std::uint8_t>(input.front()) >= toys.size())
        return Verdict::refused;
    engine::LoadOptions options;
    options.threads = 1;
    options.context_tokens = 16;
    options.chunk_tokens = 2;
    bool bound = false;
    try {
        engine::Evaluator model(scratch.write("weights.gguf", file_of(input, toys)), options);
        bound = true;
        const std::int32_t prompt[] = {0, 1};
        const std::int32_t next[] = {0};
        int positions = 0;
        for (const std::span<const std::int32_t> ids :
             {std::span<const std::int32_t>(prompt), std::span<const std::int32_t>(next)})
            model.feed(ids, engine::Evaluator::Output::all,
                       [&](std::size_t, std::int64_t, std::span<const float> logits) {
                           ++positions;
                           expect(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); }),
                                  "logits are numbers");
                       });
        expect(positions == 3, "every token that was read has logits");
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return bound ? Verdict::accepted
                     : Verdict::refused; // numbers that end in NaN are said and no finding
    }
}

} // namespace fuzz
