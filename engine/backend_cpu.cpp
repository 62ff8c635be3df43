// SPDX-License-Identifier: MIT
#include "engine/backend.h"
#include "engine/deepseek_v2.h"
#include "engine/error.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/thread_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <vector>

namespace engine {

namespace {

// Memory that the system fills with zeros when it is first touched, so that an unused part of the cache costs
// nothing. Aligned to 64 bytes.
class Memory
{
public:
    explicit Memory(std::int64_t bytes)
        : m_bytes(bytes)
        , m_data(std::calloc(static_cast<std::size_t>(bytes) + 64, 1))
    {
        if (!m_data)
            throw Error("", fmt::format("expected {} bytes of free memory, found less", bytes));
    }
    std::byte* data() const
    {
        std::size_t space = static_cast<std::size_t>(m_bytes) + 64;
        void* at = m_data.get();
        return static_cast<std::byte*>(std::align(64, static_cast<std::size_t>(m_bytes), at, space));
    }
    std::int64_t bytes() const { return m_bytes; }

private:
    struct Free
    {
        void operator()(void* data) const { std::free(data); }
    };
    std::int64_t m_bytes;
    std::unique_ptr<void, Free> m_data;
};

kernels::cpu::Isa isa_of(const BackendOptions& options)
{
    if (options.isa.empty())
        return kernels::cpu::best_isa();
    const std::optional<kernels::cpu::Isa> isa = kernels::cpu::parse_isa(options.isa);
    if (!isa || !kernels::cpu::supported(*isa))
        throw Error("", fmt::format("expected an instruction set of this processor, found '{}'",
                                    printable(options.isa)));
    return *isa;
}

class CpuBackend final : public Backend
{
public:
    CpuBackend(const Config& config, const Weights& weights, const BackendOptions& options)
        : m_weights(weights)
        , m_attention(config)
        , m_isa(isa_of(options))
        , m_max_rows(options.max_rows)
        , m_arena(Activations<float>(config, options.max_rows, nullptr).bytes)
        , m_activations(config, options.max_rows, m_arena.data())
        , m_layers(make_layers(config, options))
        , m_cache(m_layers.front().block_bytes() * options.cache_blocks * config.num_hidden_layers)
        , m_logits(logits_rows(options.max_rows) * config.vocab_size *
                   static_cast<std::int64_t>(sizeof(float)))
        , m_pool(options.threads)
        , m_ops(m_pool, m_isa)
    {
        std::byte* data = m_cache.data();
        for (kernels::LayerCache& layer : m_layers) {
            layer.data = data;
            data += layer.block_bytes() * layer.blocks;
        }
    }

    bool forward(const kernels::Batch& batch, std::span<float> logits, std::stop_token stop) override
    {
        assert(batch.rows() <= m_max_rows);
        m_pool.set_stop(stop);
        try {
            return engine::forward(m_ops, m_weights, m_attention, batch, m_layers, m_activations,
                                   logits_view(logits.data(), batch.output_rows.size()), stop);
        } catch (const kernels::cpu::Stopped&) {
            return false;
        }
    }

    void set_defined(std::span<const std::uint8_t> defined) override
    {
        m_defined.assign(defined.begin(), defined.end());
        m_choosing.logits.reserve(defined.size());
        m_choosing.candidates.reserve(defined.size());
        m_choosing.order.reserve(defined.size());
    }

    bool sample(const kernels::Batch& batch, std::span<const kernels::TokenChoice> choices,
                std::span<std::int32_t> ids, std::stop_token stop) override
    {
        assert(batch.rows() <= m_max_rows);
        const kernels::View<float> h = m_activations.h.first_rows(batch.rows());
        const std::size_t outputs = batch.output_rows.size();
        const auto part_rows = static_cast<std::size_t>(logits_rows(m_max_rows));
        m_pool.set_stop(stop);
        try {
            if (!engine::forward(m_ops, m_weights, m_attention, batch, m_layers, m_activations, {}, stop))
                return false;
            kernels::Batch part = batch;
            for (std::size_t first = 0; first < outputs; first += part_rows) {
                part.output_rows = batch.output_rows.subspan(first, std::min(part_rows, outputs - first));
                const kernels::View<float> logits =
                    logits_view(reinterpret_cast<float*>(m_logits.data()), part.output_rows.size());
                m_ops.norm_head(logits, h, m_weights.norm, m_weights.head, part);
                for (std::size_t i = 0; i < part.output_rows.size(); ++i) {
                    const float* row = logits.row(static_cast<std::int64_t>(i));
                    const kernels::TokenChoice& choice = choices[first + i];
                    ids[first + i] = kernels::choose(std::span(row, static_cast<std::size_t>(logits.columns)),
                                                     choice.draw, choice.recent, m_defined, m_choosing);
                }
            }
            return true;
        } catch (const kernels::cpu::Stopped&) {
            return false;
        }
    }

    std::int64_t scratch_bytes() const override
    {
        return m_arena.bytes() + m_logits.bytes() + m_ops.scratch_bytes();
    }
    std::int64_t memory_bytes() const override { return m_cache.bytes() + scratch_bytes(); }

private:
    kernels::View<float> logits_view(float* data, std::size_t rows) const
    {
        const std::int64_t vocabulary = m_weights.head.rows;
        return {data, static_cast<std::int64_t>(rows), vocabulary, vocabulary};
    }

    static std::vector<kernels::LayerCache> make_layers(const Config& config, const BackendOptions& options)
    {
        const kernels::Dtype dtype =
            options.cache_type == CacheType::f32 ? kernels::Dtype::f32 : kernels::Dtype::bf16;
        return std::vector<kernels::LayerCache>(
            static_cast<std::size_t>(config.num_hidden_layers),
            {nullptr, dtype, config.kv_lora_rank + config.qk_rope_head_dim, options.cache_blocks});
    }

    const Weights& m_weights;
    Attention m_attention;
    kernels::cpu::Isa m_isa;
    std::int64_t m_max_rows;
    Memory m_arena;
    Activations<float> m_activations;
    std::vector<kernels::LayerCache> m_layers;
    Memory m_cache;
    Memory m_logits; // (logits_rows, N)
    std::vector<std::uint8_t> m_defined;
    kernels::SamplingScratch m_choosing;
    kernels::cpu::ThreadPool m_pool;
    kernels::cpu::Ops m_ops;
};

} // namespace

std::unique_ptr<Backend> make_cpu_backend(const Config& config, const Weights& weights,
                                          const BackendOptions& options)
{
    return std::make_unique<CpuBackend>(config, weights, options);
}

} // namespace engine
