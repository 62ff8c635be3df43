// SPDX-License-Identifier: MIT
// A model of any shape whose weights are made where they are needed, on the device or on the host: the files
// of the published ones neither travel to a test machine nor fit its disk.
#pragma once

#include "engine/config.h"
#include "engine/weights.h"
#include "kernels/cuda/runtime.h"
#include "tests/gpu/generator.h"

#include <cstdint>
#include <vector>

namespace gpu {

// DeepSeek-V2-Lite, cut to `layers` of its 27 layers and `vocabulary` of its 102,400 tokens.
engine::Config v2_lite(std::int64_t layers = 27, std::int64_t vocabulary = 102400);
// The same family in small, with the true sizes of a head.
engine::Config tiny_lite();

class SyntheticModel
{
public:
    // Matrices are stored as `dtype`, norms and the router as F32.
    SyntheticModel(const engine::Config& config, kernels::Dtype dtype);

    const engine::Config& config() const { return m_config; }
    kernels::Dtype dtype() const { return m_dtype; }
    std::int64_t bytes() const { return m_bytes; } // of all weights, each matrix aligned to 256

    // The weights in memory of bytes() at `memory`, which is filled: of the host, or of the device.
    engine::Weights on_host(std::byte* memory) const;
    engine::Weights on_device(const kernels::cuda::Device& device, std::byte* memory) const;

    // Weights that one token reads, embedding aside: every matrix, but only experts_per_tok of the experts.
    std::int64_t bytes_per_token() const;
    // Operations for `rows` new tokens behind `position`, attention de-compressed, head for one of them.
    double prompt_operations(std::int64_t rows, std::int64_t position) const;

private:
    struct Tensor
    {
        std::int64_t offset = 0;
        kernels::Matrix matrix; // at its offset from 0
        Filling filling;
    };

    kernels::Matrix add(kernels::Dtype dtype, std::int64_t rows, std::int64_t columns);
    kernels::Norm add_norm(std::int64_t width, float eps);
    kernels::Mlp add_mlp(std::int64_t width);
    engine::Layer add_layer(std::int64_t index);
    engine::Weights placed(std::byte* memory) const;

    engine::Config m_config;
    kernels::Dtype m_dtype;
    std::int64_t m_bytes = 0;
    std::vector<Tensor> m_tensors;
    engine::Weights m_weights; // at offsets from base_address
};

} // namespace gpu
