// SPDX-License-Identifier: MIT
#include "engine/gpu_memory.h"

#include "engine/activations.h"
#include "engine/backend.h"
#include "engine/deepseek_v2.h"
#include "engine/error.h"
#include "engine/weight_layout.h"
#include "kernels/cuda/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace engine {

using kernels::Dtype;
using kernels::Matrix;

namespace {

// Throws for the first weight in use that the GPU cannot compute with.
void require_served_types(const format::ModelFiles& files, const Weights& weights)
{
    std::unordered_set<const std::byte*> used;
    for (const auto& stage : weights.stages)
        for (const auto& bytes : stage)
            used.insert(bytes.data());
    const format::TensorTable& tensors = files.tensors();
    for (const format::TensorInfo& tensor : tensors.all())
        if (tensor.dtype && !kernels::cuda::is_served(*tensor.dtype) && used.contains(tensor.bytes.data()))
            throw Error(tensors.files()[tensor.file], "tensor " + printable(tensor.name),
                        fmt::format("{} is not computed on the GPU yet; the CPU can", tensor.type_name));
}

} // namespace

std::shared_ptr<const DeviceModel> make_device_model(const format::ModelFiles& files, const Config& config)
{
    if (files.tensors().empty())
        return nullptr;
    auto model = std::make_shared<DeviceModel>();
    model->config = config;
    try {
        const Weights weights = bind_weights(files, config);
        require_served_types(files, weights);
        WeightLayout layout = lay_out(weights);
        model->weights = std::move(layout.weights);
        model->weight_bytes = layout.bytes;
    } catch (const Error& error) {
        model->why_not = error.what();
    }
    return model;
}

kernels::cuda::ModelShape model_shape(const Config& config, const Weights& weights, const PassLimits& limits)
{
    kernels::cuda::ModelShape shape;
    shape.attention = Attention(config).shape;
    shape.cache = limits.cache_type == CacheType::f32 ? Dtype::f32 : Dtype::bf16;
    shape.vocabulary = config.vocab_size;
    shape.max_rows = limits.max_rows;
    shape.logits_rows = logits_rows(limits.max_rows);
    shape.context_tokens = limits.context_tokens;
    shape.cache_blocks = limits.cache_blocks;
    const auto see = [&](const Matrix& m) { shape.max_columns = std::max(shape.max_columns, m.columns); };
    see(weights.head);
    for (const Layer& w : weights.layers) {
        for (const Matrix& m : {w.wq, w.wq_a, w.wq_b, w.wkv_a, w.wo, w.dense.gate, w.dense.up, w.dense.down,
                                w.shared.gate, w.shared.up, w.shared.down})
            see(m);
        shape.kv_b.push_back(w.kv_b);
        if (w.is_dense())
            continue;
        shape.experts = config.n_routed_experts;
        shape.experts_per_tok = config.num_experts_per_tok;
        shape.moe.push_back(kernels::cuda::device_experts(w.experts()));
    }
    return shape;
}

GpuMemory gpu_memory(const DeviceModel& model, const PassLimits& limits,
                     const kernels::cuda::DeviceLimits& device)
{
    const Config& c = model.config;
    const kernels::cuda::ModelShape shape = model_shape(c, model.weights, limits);
    const kernels::LayerCache layer{nullptr, shape.cache, c.kv_lora_rank + c.qk_rope_head_dim,
                                    limits.cache_blocks};
    return {.weights = model.weight_bytes,
            .cache = layer.block_bytes() * layer.blocks * c.num_hidden_layers,
            .scratch = Activations<float>(c, limits.max_rows, nullptr).bytes +
                       kernels::cuda::Workspace(shape, device, nullptr).bytes};
}

} // namespace engine
