// SPDX-License-Identifier: MIT
// How near each operation comes to the limits of the machine, at the shapes of DeepSeek-V2-Lite:
//     kernels_bench [threads] [f32|f16|bf16|q8_0|q4_k|…] [filter] [isa]
// or one product with weights of every type that can be written:
//     kernels_bench [threads] types [filter] [isa]
// Limits are measured before and after, because other programs take their share meanwhile. An operation that
// reads its weights once is held against the read bandwidth, one that meets them with many rows against the
// multiply-adds. Weights rotate through more memory than the caches hold. With one thread the time is that of
// the processor, which other programs do not lengthen.
#include "kernels/cpu/machine_limits.h"
#include "kernels/cpu/ops.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace kernels;

namespace {

constexpr std::int64_t hidden = 2048;
constexpr std::int64_t experts_count = 64;
constexpr std::int64_t chosen = 6;
constexpr std::int64_t expert_width = 1408;
constexpr std::int64_t shared_width = 2816;
constexpr std::int64_t dense_width = 10944;
constexpr std::int64_t vocabulary = 102400;
constexpr std::int64_t weight_memory = std::int64_t{1} << 30;

constexpr AttentionShape shape{.heads = 16,
                               .qk_nope_head_dim = 128,
                               .qk_rope_head_dim = 64,
                               .v_head_dim = 128,
                               .kv_lora_rank = 512,
                               .softmax_scale = 0.1147f};

double processor_time()
{
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// What holds rows that are no multiple of 256 in files of a K-quant.
Dtype fallback(Dtype dtype)
{
    return dtype == Dtype::q4_k ? Dtype::q5_0 : dtype == Dtype::q5_k ? Dtype::q5_1 : Dtype::q8_0;
}

// Hands out matrices of one type from one large memory, over and over.
class WeightMemory
{
public:
    explicit WeightMemory(Dtype dtype)
        : m_dtype(dtype)
        , m_bytes(static_cast<std::size_t>(weight_memory))
    {
        // One random stretch, repeated; small numbers of the type, so that nothing overflows.
        std::mt19937 random(1);
        std::normal_distribution<float> normal(0.0f, 0.02f);
        std::vector<float> numbers(1 << 16);
        for (float& number : numbers)
            number = normal(random);
        const auto stretch = static_cast<std::size_t>(row_bytes(dtype, 1 << 16));
        quantise_row(dtype, numbers.data(), m_bytes.data(), 1 << 16);
        for (std::size_t at = stretch; at < m_bytes.size(); at += stretch)
            std::memcpy(m_bytes.data() + at, m_bytes.data(), std::min(stretch, m_bytes.size() - at));
    }

    Matrix matrix(std::int64_t rows, std::int64_t columns)
    {
        if (columns % values_per_block(m_dtype) != 0) {
            if (!m_other)
                m_other = std::make_unique<WeightMemory>(fallback(m_dtype));
            return m_other->matrix(rows, columns);
        }
        const std::int64_t bytes = rows * row_bytes(m_dtype, columns);
        if (m_next + bytes > weight_memory)
            m_next = 0;
        const Matrix w{m_bytes.data() + m_next, m_dtype, rows, columns};
        m_next += bytes / bytes_per_block(m_dtype) * bytes_per_block(m_dtype);
        return w;
    }

    Mlp mlp(std::int64_t width)
    {
        return {matrix(width, hidden), matrix(width, hidden), matrix(hidden, width)};
    }

private:
    Dtype m_dtype;
    std::vector<std::byte> m_bytes;
    std::int64_t m_next = 0;
    std::unique_ptr<WeightMemory> m_other;
};

struct Rows
{
    std::vector<float> numbers;
    View<float> view;

    Rows(std::int64_t rows, std::int64_t columns)
        : numbers(static_cast<std::size_t>(rows * columns))
        , view{numbers.data(), rows, columns, columns}
    {
        std::mt19937 random(2);
        std::normal_distribution<float> normal;
        for (float& number : numbers)
            number = normal(random);
    }
};

class Bench
{
public:
    Bench(int threads, Dtype dtype, std::string filter, cpu::Isa isa)
        : m_clock(threads == 1 ? processor_time : cpu::wall_clock)
        , m_pool(threads)
        , m_ops(m_pool, isa)
        , m_weights(dtype)
        , m_filter(std::move(filter))
    {
    }

    void run()
    {
        print_head();
        for (const std::int64_t rows : {1, 4, 8, 64, 512})
            products(rows);
        for (const std::int64_t rows : {1, 4, 8, 64, 512})
            mixture(rows);
        for (const std::int64_t depth : {512, 4096, 16384})
            attention(1, depth, AttentionForm::absorbed);
        attention(16, 4096, AttentionForm::absorbed);
        attention(512, 0, AttentionForm::absorbed);
        attention(512, 0, AttentionForm::decompressed);
        attention(512, 4096, AttentionForm::decompressed);
        print_limits();
    }

    // The product alone, at the shape of a dense gate.
    void run_type(Dtype dtype)
    {
        print_head();
        for (const std::int64_t rows : {1, 2, 4, 8, 16, 64, 512}) {
            const Rows in(rows, hidden);
            Rows sum(rows, dense_width);
            measure(with_rows(std::string(name(dtype)).c_str(), rows),
                    static_cast<double>(m_weights.matrix(dense_width, hidden).bytes()),
                    static_cast<double>(rows * dense_width * hidden),
                    [&] { m_ops.matmul_add(sum.view, in.view, m_weights.matrix(dense_width, hidden)); });
        }
        print_limits();
    }

private:
    void print_head()
    {
        print_limits();
        std::printf("%-34s %9s %9s %6s %9s %6s\n", "operation", "ms", "GB/s", "", "GFLOP/s", "");
    }

    void print_limits()
    {
        const cpu::MachineLimits limits = cpu::measure_limits(m_pool, m_ops.isa(), m_clock);
        std::printf("%d threads, %s: reading %.1f GB/s, fp32 %.0f GFLOP/s\n", m_pool.threads(),
                    std::string(cpu::name(m_ops.isa())).c_str(), limits.read_gb_per_s,
                    limits.fp32_gflop_per_s);
        m_limits = limits;
    }

    // `bytes` that must be read and `multiplications` that must be done in one call.
    template <class Call>
    void measure(const std::string& name, double bytes, double multiplications, const Call& call)
    {
        if (name.find(m_filter) == std::string::npos)
            return;
        call();
        double best = 1e9;
        for (const double start = cpu::wall_clock(); cpu::wall_clock() - start < 0.4;) {
            const double begin = m_clock();
            call();
            best = std::min(best, m_clock() - begin);
        }
        const double gb = bytes / best / 1e9;
        const double gflop = 2.0 * multiplications / best / 1e9;
        std::printf("%-34s %9.3f %9.1f %5.0f%% %9.1f %5.0f%%\n", name.c_str(), best * 1e3, gb,
                    100.0 * gb / m_limits.read_gb_per_s, gflop, 100.0 * gflop / m_limits.fp32_gflop_per_s);
        std::fflush(stdout);
    }

    static std::string with_rows(const char* name, std::int64_t rows)
    {
        return std::string(name) + " x " + std::to_string(rows);
    }

    void products(std::int64_t rows)
    {
        const std::vector<float> ones(hidden, 1.0f);
        const Norm norm{{reinterpret_cast<const std::byte*>(ones.data()), Dtype::f32, 1, hidden}, 1e-6f};
        const Rows h(rows, hidden);
        const auto product = [&](const char* name, std::int64_t out) {
            Rows x(rows, out);
            measure(with_rows(name, rows), static_cast<double>(m_weights.matrix(out, hidden).bytes()),
                    static_cast<double>(rows * out * hidden),
                    [&] { m_ops.norm_matmul(x.view, h.view, norm, m_weights.matrix(out, hidden)); });
        };
        product("q and kv (3648 of 2048)", 3072 + 576);
        Rows gated(rows, dense_width);
        measure(with_rows("dense gate and up", rows),
                2.0 * static_cast<double>(m_weights.matrix(dense_width, hidden).bytes()),
                2.0 * static_cast<double>(rows * dense_width * hidden),
                [&] { m_ops.norm_gate_up(gated.view, h.view, norm, m_weights.mlp(dense_width)); });
        Rows sum(rows, hidden);
        measure(with_rows("dense down (2048 of 10944)", rows),
                static_cast<double>(m_weights.matrix(hidden, dense_width).bytes()),
                static_cast<double>(rows * dense_width * hidden),
                [&] { m_ops.matmul_add(sum.view, gated.view, m_weights.matrix(hidden, dense_width)); });
        if (rows == 1)
            product("head (102400 of 2048)", vocabulary);
    }

    void mixture(std::int64_t rows)
    {
        std::vector<Mlp> mlps;
        std::mt19937 random(3);
        std::vector<std::int32_t> expert;
        std::vector<bool> used(experts_count, false);
        for (std::int64_t t = 0; t < rows; ++t) {
            std::vector<std::int32_t> all;
            for (std::int64_t e = 0; e < experts_count; ++e)
                all.push_back(static_cast<std::int32_t>(e));
            std::shuffle(all.begin(), all.end(), random);
            expert.insert(expert.end(), all.begin(), all.begin() + chosen);
            for (std::int64_t k = 0; k < chosen; ++k)
                used[static_cast<std::size_t>(all[static_cast<std::size_t>(k)])] = true;
        }
        const auto active = static_cast<double>(std::count(used.begin(), used.end(), true));
        Rows weight(rows, chosen);
        const Routing routing{{expert.data(), rows, chosen, chosen}, weight.view};
        const Rows in(rows, hidden);
        Rows middle(rows, chosen * expert_width + shared_width);
        Rows h(rows, hidden);
        const double width = active * expert_width + shared_width;
        const double bytes = width * static_cast<double>(m_weights.matrix(1, hidden).bytes());
        const double work = static_cast<double>(rows * middle.view.columns * hidden);
        Experts experts;
        const auto next_layer = [&] {
            mlps.clear();
            for (std::int64_t e = 0; e < experts_count; ++e)
                mlps.push_back(m_weights.mlp(expert_width));
            experts = {mlps, m_weights.mlp(shared_width)};
        };
        measure(with_rows("experts gate and up", rows), 2.0 * bytes, 2.0 * work, [&] {
            next_layer();
            m_ops.experts_gate_up(middle.view, in.view, routing, experts);
        });
        const double down_bytes =
            active * static_cast<double>(m_weights.matrix(hidden, expert_width).bytes()) +
            static_cast<double>(m_weights.matrix(hidden, shared_width).bytes());
        measure(with_rows("experts down", rows), down_bytes, work, [&] {
            next_layer();
            m_ops.experts_down_add(h.view, middle.view, routing, experts);
        });
    }

    void attention(std::int64_t rows, std::int64_t position, AttentionForm form)
    {
        const std::int64_t latent = shape.kv_lora_rank;
        const std::int64_t columns = latent + shape.qk_rope_head_dim;
        const std::int64_t q_width = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
        const std::int64_t blocks = (position + rows + cache_block_tokens - 1) / cache_block_tokens;
        std::vector<float> row(static_cast<std::size_t>(columns));
        std::vector<std::int32_t> block_list;
        std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows), 0);
        std::vector<std::int32_t> positions;
        std::mt19937 random(4);
        std::normal_distribution<float> normal;
        LayerCache cache{nullptr, Dtype::bf16, columns, blocks};
        std::vector<std::byte> memory(static_cast<std::size_t>(blocks * cache.block_bytes()));
        cache.data = memory.data();
        for (std::int64_t b = 0; b < blocks; ++b)
            block_list.push_back(static_cast<std::int32_t>(b));
        for (std::int64_t p = 0; p < blocks * cache_block_tokens; ++p) {
            for (float& number : row)
                number = normal(random);
            quantise_row(cache.dtype, row.data(), cache.data + p * cache.row_bytes(), columns);
        }
        for (std::int64_t t = 0; t < rows; ++t)
            positions.push_back(static_cast<std::int32_t>(position + t));
        const Segment segment{0, rows, position, block_list};
        const Batch batch{tokens, positions, {&segment, 1}, {}, form};

        const double pairs =
            static_cast<double>(rows * position) + static_cast<double>(rows * (rows + 1)) / 2.0;
        const double keys = static_cast<double>(position + rows);
        const auto heads = static_cast<double>(shape.heads);
        const double cache_bytes = keys * static_cast<double>(cache.row_bytes());
        const std::string where = " @" + std::to_string(position);
        if (form == AttentionForm::absorbed) {
            Rows q(rows, shape.heads * columns);
            for (float& number : q.numbers)
                number *= 0.05f;
            Rows x(rows, shape.heads * latent);
            measure(with_rows("absorbed attention", rows) + where, cache_bytes,
                    pairs * heads * static_cast<double>(columns + latent),
                    [&] { m_ops.mla_attend(x.view, q.view, shape, batch, cache); });
        } else {
            const Rows q(rows, shape.heads * q_width);
            Rows x(rows, shape.heads * shape.v_head_dim);
            const Matrix up = m_weights.matrix(shape.heads * 256, latent);
            const std::int64_t head_bytes = 256 * up.row_bytes();
            const KeyValueUp kv_b{{up.data, up.dtype, shape.heads, 128, latent, head_bytes},
                                  KeyLayout::nope_by_latent,
                                  {up.row(128), up.dtype, shape.heads, 128, latent, head_bytes}};
            measure(with_rows("de-compressed attention", rows) + where, cache_bytes,
                    heads * (keys * static_cast<double>(256 * latent) +
                             pairs * static_cast<double>(q_width + shape.v_head_dim)),
                    [&] { m_ops.mla_attend_decompressed(x.view, q.view, kv_b, shape, batch, cache); });
        }
    }

    cpu::Seconds m_clock;
    cpu::ThreadPool m_pool;
    cpu::Ops m_ops;
    WeightMemory m_weights;
    std::string m_filter;
    cpu::MachineLimits m_limits;
};

} // namespace

int main(int argc, char** argv)
{
    const int threads = argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
    const std::string type = argc > 2 ? argv[2] : "q8_0";
    const std::string filter = argc > 3 ? argv[3] : "";
    const std::optional<cpu::Isa> isa = argc > 4 ? cpu::parse_isa(argv[4]) : cpu::best_isa();
    if (!isa || !cpu::supported(*isa)) {
        std::fprintf(stderr, "%s is no instruction set of this processor\n", argv[4]);
        return 1;
    }
    if (type == "types") {
        for (const DtypeInfo& each : dtype_infos)
            if (can_quantise(each.dtype) && std::string(each.name).find(filter) != std::string::npos)
                Bench(threads, each.dtype, "", *isa).run_type(each.dtype);
        return 0;
    }
    const auto is_named = [&](const DtypeInfo& known) {
        return std::ranges::equal(type, known.name, [](char a, char b) { return std::toupper(a) == b; });
    };
    const auto* known = std::ranges::find_if(dtype_infos, is_named);
    if (known == std::end(dtype_infos) || !can_quantise(known->dtype)) {
        std::fprintf(stderr, "%s is no type that can be written\n", type.c_str());
        return 1;
    }
    Bench(threads, known->dtype, filter, *isa).run();
    return 0;
}
