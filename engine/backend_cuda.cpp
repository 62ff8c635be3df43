// SPDX-License-Identifier: MIT
// The CUDA module, libfathom-cuda.so: what the program finds behind engine/backend.h where it can load it.
#include "engine/backend.h"
#include "engine/deepseek_v2.h"
#include "engine/error.h"
#include "engine/gpu_memory.h"
#include "engine/weight_layout.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/devices.h"
#include "kernels/cuda/ops.h"
#include "kernels/cuda/runtime.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

namespace engine {

namespace {

using kernels::cuda::DeviceBuffer;
using kernels::cuda::Failure;
using kernels::cuda::FailureKind;
using kernels::cuda::PinnedBuffer;

// Of one piece of the weights on its way; while one is filled the other is copied.
constexpr std::int64_t upload_bytes = std::int64_t{32} << 20;

std::string lost_sentence(const std::string& why)
{
    return "The GPU was lost (" + why + "); Fathom uses the CPU until it is started again.";
}

DeviceError to_error(const Failure& failure)
{
    switch (failure.kind) {
    case FailureKind::out_of_memory:
        return {DeviceError::Cause::out_of_memory, failure.what()};
    case FailureKind::device_lost:
        return {DeviceError::Cause::lost, lost_sentence(failure.what())};
    case FailureKind::other:
        break;
    }
    return {DeviceError::Cause::unusable, failure.what()};
}

PassLimits pass_limits(const BackendOptions& options)
{
    return {.cache_type = options.cache_type,
            .cache_blocks = options.cache_blocks,
            .context_tokens = options.context_tokens,
            .max_rows = options.max_rows};
}

class CudaBackend final : public Backend
{
public:
    CudaBackend(const Config& config, const WeightLayout& layout, const BackendOptions& options)
        : m_device(options.device)
        , m_blas(kernels::cuda::make_blas(m_device))
        , m_attention(config)
        , m_max_rows(options.max_rows)
        , m_weight_memory(m_device, layout.bytes)
        , m_weights(placed_at(m_weight_memory.data(), layout.weights))
        , m_arena(m_device, Activations<float>(config, options.max_rows, nullptr).bytes)
        , m_activations(config, options.max_rows, m_arena.data())
        , m_layers(static_cast<std::size_t>(config.num_hidden_layers))
        , m_ops(m_device, *m_blas, model_shape(config, m_weights, pass_limits(options)))
        , m_ids(options.max_rows * static_cast<std::int64_t>(sizeof(std::int32_t)))
    {
        const kernels::LayerCache layer{
            nullptr, options.cache_type == CacheType::f32 ? kernels::Dtype::f32 : kernels::Dtype::bf16,
            config.kv_lora_rank + config.qk_rope_head_dim, options.cache_blocks};
        m_cache = DeviceBuffer(m_device, layer.block_bytes() * layer.blocks * config.num_hidden_layers);
        std::byte* data = m_cache.data();
        for (kernels::LayerCache& own : m_layers) {
            own = layer;
            own.data = data;
            data += layer.block_bytes() * layer.blocks;
        }
    }

    // False when stopped.
    bool upload(const WeightLayout& layout, const UploadHooks& hooks, const std::stop_token& stop)
    {
        WeightReader reader(layout, {.will_need = hooks.will_need, .done_with = hooks.done_with});
        const std::int64_t bytes = std::max(std::min(upload_bytes, layout.bytes), reader.least_memory());
        const PinnedBuffer memory[] = {PinnedBuffer(bytes), PinnedBuffer(bytes)};
        kernels::cuda::Event copied[] = {kernels::cuda::Event(m_device), kernels::cuda::Event(m_device)};
        for (std::size_t i = 0;; i = 1 - i) {
            if (stop.stop_requested()) {
                m_device.synchronise(); // before the memory that is copied from is gone
                return false;
            }
            copied[i].wait();
            const WeightReader::Part part =
                reader.next({memory[i].data(), static_cast<std::size_t>(memory[i].bytes())});
            if (part.bytes.empty())
                break;
            kernels::cuda::copy_to_device(m_device, m_weight_memory.data() + part.offset, part.bytes.data(),
                                          static_cast<std::int64_t>(part.bytes.size()));
            copied[i].record();
            hooks.progress(reader.stages_read(), reader.bytes_read());
        }
        m_device.synchronise();
        return true;
    }

    void set_lost_hook(std::function<void(const std::string&)> lost) { m_on_lost = std::move(lost); }

    bool forward(const kernels::Batch& batch, std::span<float> logits, std::stop_token stop) override
    {
        return guarded([&] {
            if (!run(batch, stop))
                return false;
            const kernels::View<float> all{logits.data(), static_cast<std::int64_t>(batch.output_rows.size()),
                                           m_weights.head.rows, m_weights.head.rows};
            for_each_part(batch, [&](kernels::View<float> part, std::int64_t first) {
                kernels::cuda::copy_to_host(m_device, all.row(first), part.data,
                                            part.rows * part.columns *
                                                static_cast<std::int64_t>(sizeof(float)));
            });
            m_device.synchronise();
            return true;
        });
    }

    void set_defined(std::span<const std::uint8_t> defined) override
    {
        guarded([&] {
            m_ops.set_defined(defined);
            m_device.synchronise();
        });
    }

    bool sample(const kernels::Batch& batch, std::span<const kernels::TokenChoice> choices,
                std::span<std::int32_t> ids, std::stop_token stop) override
    {
        return guarded([&] {
            m_ops.begin_choices(choices);
            if (!run(batch, stop))
                return false;
            for_each_part(batch,
                          [&](kernels::View<float> part, std::int64_t first) { m_ops.choose(part, first); });
            const auto bytes = static_cast<std::int64_t>(ids.size_bytes());
            kernels::cuda::copy_to_host(m_device, m_ids.data(), m_ops.ids(), bytes);
            m_device
                .synchronise(); // also where nothing is chosen, so that the next chunk is not queued early
            std::memcpy(ids.data(), m_ids.data(), ids.size_bytes());
            return true;
        });
    }

    std::int64_t scratch_bytes() const override { return m_arena.bytes() + m_ops.workspace_bytes(); }
    std::int64_t memory_bytes() const override
    {
        return m_weight_memory.bytes() + m_cache.bytes() + scratch_bytes();
    }

private:
    // Failures as the engine knows them. A GPU that is lost stays so.
    template <class F> auto guarded(F&& f) -> decltype(f())
    {
        if (!m_lost.empty())
            throw DeviceError(DeviceError::Cause::lost, m_lost);
        try {
            m_device.make_current();
            return f();
        } catch (const Failure& failure) {
            const DeviceError error = to_error(failure);
            if (error.cause == DeviceError::Cause::lost) {
                m_lost = error.what();
                m_on_lost(m_lost);
            }
            throw error;
        }
    }

    // The pass up to the residual stream of the last layer.
    bool run(const kernels::Batch& batch, const std::stop_token& stop)
    {
        assert(batch.rows() <= m_max_rows);
        m_ops.begin(batch, m_attention.rope());
        return engine::forward(m_ops, m_weights, m_attention, batch, m_layers, m_activations, {}, stop);
    }

    // f(logits of output rows first …, first), as many at a time as there is room for.
    template <class F> void for_each_part(const kernels::Batch& batch, F&& f)
    {
        const kernels::View<float> h = m_activations.h.first_rows(batch.rows());
        const std::size_t outputs = batch.output_rows.size();
        const auto most = static_cast<std::size_t>(logits_rows(m_max_rows));
        kernels::Batch part = batch;
        for (std::size_t first = 0; first < outputs; first += most) {
            part.output_rows = batch.output_rows.subspan(first, std::min(most, outputs - first));
            const kernels::View<float> logits =
                m_ops.logits(static_cast<std::int64_t>(part.output_rows.size()));
            m_ops.norm_head(logits, h, m_weights.norm, m_weights.head, part);
            f(logits, static_cast<std::int64_t>(first));
        }
    }

    kernels::cuda::Device m_device;
    std::unique_ptr<kernels::cuda::Blas> m_blas;
    Attention m_attention;
    std::int64_t m_max_rows;
    DeviceBuffer m_weight_memory;
    Weights m_weights; // on the device
    DeviceBuffer m_arena;
    Activations<float> m_activations;
    DeviceBuffer m_cache;
    std::vector<kernels::LayerCache> m_layers;
    kernels::cuda::Ops m_ops;
    PinnedBuffer m_ids; // (max_rows), on their way to the host
    std::string m_lost; // why; empty: it is there
    std::function<void(const std::string&)> m_on_lost;
};

std::string list_devices(std::vector<Device>& devices)
{
    kernels::cuda::DeviceList found = kernels::cuda::list_devices();
    for (std::size_t i = 0; i < found.devices.size(); ++i) {
        const kernels::cuda::DeviceInfo& gpu = found.devices[i];
        devices.push_back({.id = "cuda:" + std::to_string(i),
                           .name = gpu.name,
                           .memory_bytes = gpu.memory_bytes,
                           .free_bytes = gpu.free_bytes,
                           .detail = "compute capability " + std::to_string(gpu.capability_major) + "." +
                                     std::to_string(gpu.capability_minor),
                           .why_not = gpu.why_not.empty()
                                          ? std::string()
                                          : gpu.name + " cannot be used: " + gpu.why_not + "."});
    }
    return std::move(found.why_none);
}

kernels::cuda::DeviceLimits device_limits(int device)
try {
    return kernels::cuda::Device(device).limits();
} catch (const Failure& failure) {
    throw to_error(failure);
}

std::unique_ptr<Backend> make_backend(const Config& config, const Weights& weights,
                                      const BackendOptions& options, const UploadHooks& hooks,
                                      const std::stop_token& stop)
{
    const WeightLayout layout = lay_out(weights);
    try {
        auto backend = std::make_unique<CudaBackend>(config, layout, options);
        backend->set_lost_hook(hooks.lost);
        if (!backend->upload(layout, hooks, stop))
            return nullptr;
        return backend;
    } catch (const Failure& failure) {
        const DeviceError error = to_error(failure);
        if (error.cause == DeviceError::Cause::lost)
            hooks.lost(error.what());
        throw error;
    }
}

constexpr BackendModule module_table{.version = backend_module_version,
                                     .list_devices = list_devices,
                                     .device_limits = device_limits,
                                     .make_backend = make_backend};

} // namespace

} // namespace engine

extern "C" __attribute__((visibility("default"))) const engine::BackendModule* fathom_backend_module()
{
    return &engine::module_table;
}
