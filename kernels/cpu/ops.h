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

class Ops
{
public:
    using Real = float;

    // The pool outlives the operations. Throws std::invalid_argument where this machine lacks `isa`.
    explicit Ops(ThreadPool& pool, Isa isa = best_isa());

    Isa isa() const { return m_isa; }
    // Bytes of intermediate results held at the moment.
    std::int64_t scratch_bytes() const;

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
    ThreadPool& m_pool;
    Isa m_isa;
    const Primitives* m_primitives; // null for Isa::scalar
};
static_assert(kernels::Ops<Ops>);

} // namespace kernels::cpu
