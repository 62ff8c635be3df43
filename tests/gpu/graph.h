// SPDX-License-Identifier: MIT
// Launches recorded once and started as one.
#pragma once

#include "kernels/cuda/runtime.h"

#include <functional>
#include <memory>

namespace gpu {

class Graph
{
public:
    virtual ~Graph() = default;
    virtual void launch() = 0; // queued on the device's stream
};

// What `queue` puts on the stream, not yet run. Null where graphs cannot be made (the emulation).
std::unique_ptr<Graph> record(const kernels::cuda::Device& device, const std::function<void()>& queue);

} // namespace gpu
