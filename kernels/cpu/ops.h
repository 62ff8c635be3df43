// SPDX-License-Identifier: MIT
// The operations on the CPU. Shapes and meanings stand in kernels/ops.h.
//
// With Isa::scalar each operation is the readable definition of kernels/cpu/scalar.h. Otherwise it is driven
// from ops.cpp, which splits it into tasks and tiles over the vector primitives of kernels/cpu/primitives.h.
// The numbers of a row depend neither on the other rows of the batch nor on the number of threads.
#pragma once

#include "kernels/cpu/isa.h"
#include "kernels/cpu/primitives.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/ops.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace kernels::cpu {

// Memory for intermediate results that only grows: after the first passes nothing is allocated any more.
class Scratch
{
public:
    // `count` uninitialised values, valid until the next call on the same object.
    template <class T> T* get(std::int64_t count)
    {
        const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(T));
        if (bytes > m_bytes) {
            m_memory.reset();
            m_bytes = 0;
            m_memory = std::make_unique_for_overwrite<Line[]>(static_cast<std::size_t>(bytes / 64 + 1));
            m_bytes = bytes;
        }
        return reinterpret_cast<T*>(m_memory.get());
    }
    std::int64_t bytes() const { return m_bytes; }

private:
    struct alignas(64) Line
    {
        std::byte bytes[64];
    };
    std::unique_ptr<Line[]> m_memory;
    std::int64_t m_bytes = 0;
};

struct AttentionPart;

// The sizes that scratch memory grows to.
struct ScratchShape
{
    int threads = 1;
    std::int64_t rows = 0;           // of a pass
    std::int64_t context_tokens = 0; // of a sequence
    std::int64_t widest_norm = 0;    // columns of the widest input that is normed
    std::int64_t experts = 0;        // E, 0 where no layer has any
    std::int64_t mlps_per_tok = 1;   // MLPs that a token passes through: K and the shared one
    AttentionShape attention = {};
};

class Ops
{
public:
    using Real = float;

    // The pool outlives the operations. Throws std::invalid_argument where this machine lacks `isa`.
    explicit Ops(ThreadPool& pool, Isa isa = best_isa());

    Isa isa() const { return m_isa; }
    // Bytes of intermediate results held at the moment.
    std::int64_t scratch_bytes() const;
    // What the vector paths come to hold when passes of every kind have been made.
    static std::int64_t most_scratch_bytes(const ScratchShape& shape);

    void embed(View<float> h, const Matrix& table, const Batch& batch);
    void norm_matmul(View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                     const Matrix& w1 = {});
    void mla_prepare_absorbed(View<float> x, View<const float> q, View<const float> kv, const Norm& norm,
                              const KeyValueUp& kv_b, const AttentionShape& shape, const Rope& rope,
                              const Batch& batch, const LayerCache& cache);
    void mla_prepare_decompressed(View<float> q, View<const float> kv, const Norm& norm,
                                  const AttentionShape& shape, const Rope& rope, const Batch& batch,
                                  const LayerCache& cache);
    void mla_attend(View<float> x, View<const float> q_latent, const AttentionShape& shape,
                    const Batch& batch, const LayerCache& cache);
    void mla_value(View<float> x, View<const float> mix, const KeyValueUp& kv_b, const AttentionShape& shape);
    void mla_attend_decompressed(View<float> x, View<const float> q, const KeyValueUp& kv_b,
                                 const AttentionShape& shape, const Batch& batch, const LayerCache& cache);
    void matmul_add(View<float> h, View<const float> in, const Matrix& w);
    void norm_gate_up(View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp);
    void norm_route(View<float> x, const Routing& routing, View<const float> in, const Norm& norm,
                    const Matrix& w, const RoutingRule& rule);
    void experts_gate_up(View<float> x, View<const float> in, const Routing& routing, const Experts& experts);
    void experts_down_add(View<float> h, View<const float> in, const Routing& routing,
                          const Experts& experts);
    void norm_head(View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
                   const Batch& batch);

private:
    // What one thread alone writes to.
    struct alignas(64) Worker
    {
        Scratch panel;  // weights as floats
        Scratch rows;   // activations
        Scratch scores; // attention scores and their running sums
        Scratch pointers;
    };

    // At most `row_block` rows of the batch.
    struct RowBlock
    {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };

    // The tokens that one MLP of an MoE layer works for: pairs first … first + count of `Pairs`.
    struct Group
    {
        const Mlp* mlp = nullptr;
        std::int64_t first = 0;
        std::int64_t count = 0;
        std::int64_t first_task = 0;
    };
    // Every (token, slot), ordered by expert. Slot k < K is the k-th chosen expert, slot K the shared MLP.
    struct Pairs
    {
        std::span<Group> groups;
        std::span<const std::int32_t> token;
        std::span<const std::int32_t> slot;
        std::int64_t slot_count = 0; // K, and one more with a shared MLP
    };

    void multiply(const Dots& work, Worker& worker) const;
    void mix(const Mix& work, Worker& worker) const;
    void product(View<float> y, View<const float> x, std::initializer_list<Matrix> stacked, Store store);
    // f for every row; a few rows are not worth a run of the pool.
    void for_each_row(std::int64_t rows, FunctionRef<void(std::int64_t row, Worker& worker)> f);
    // f for every head and block of rows. `multiplications`: of one head and row, to size the tasks.
    void for_each_head(std::int64_t heads, std::int64_t rows, std::int64_t multiplications,
                       FunctionRef<void(std::int64_t head, RowBlock block, Worker& worker)> f);
    const float* floats(const Matrix& row, Scratch& scratch) const;
    View<const float> normalised(View<const float> in, const Norm& norm);
    const float* rotations(const Rope& rope, const Batch& batch);
    const std::int32_t* segments_of_rows(const Batch& batch);
    void append_to_cache(View<const float> kv, const Norm& norm, const AttentionShape& shape,
                         const Batch& batch, const LayerCache& cache, const float* angles);
    void attend_part(const AttentionShape& shape, const LayerCache& cache, const AttentionPart& part,
                     Worker& worker) const;
    void attend_head(View<float> x, View<const float> q, const KeyValueUp& kv_b, const AttentionShape& shape,
                     const Segment& segment, const LayerCache& cache, std::int64_t head,
                     Worker& worker) const;
    Pairs pair_up(const Routing& routing, const Experts& experts);
    void gate_up(View<float> x, View<const float> in, const Pairs& pairs, std::int64_t slot_width);

    ThreadPool& m_pool;
    Isa m_isa;
    const Primitives* m_primitives; // null for Isa::scalar
    std::vector<Worker> m_workers;
    Scratch m_norm_weight;
    Scratch m_normalised;
    Scratch m_inputs;  // pointers to rows
    Scratch m_outputs; // pointers to rows
    Scratch m_angles;
    Scratch m_segments;
    Scratch m_partials;
    Scratch m_logits;
    Scratch m_bias;
    Scratch m_pairs;
    Scratch m_groups;
};
static_assert(kernels::Ops<Ops>);

} // namespace kernels::cpu
