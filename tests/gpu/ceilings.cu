// SPDX-License-Identifier: MIT
#include "tests/gpu/ceilings.h"
#include "tests/gpu/generator.h"
#include "tests/gpu/graph.h"

#include "kernels/cuda/launch.h"

namespace gpu {

using kernels::cuda::Device;
using kernels::cuda::DeviceBuffer;
using kernels::cuda::launch;
using kernels::cuda::LaunchPlan;

namespace {

constexpr std::uint32_t threads = 512;
constexpr int loads = 8; // in flight in each thread

__global__ void read_everything(const uint4* data, std::int64_t count, std::uint32_t* sink)
{
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    std::uint32_t bits = 0;
    for (; i + (loads - 1) * step < count; i += loads * step) {
        uint4 found[loads];
#pragma unroll
        for (int k = 0; k < loads; ++k)
            found[k] = __ldg(data + i + k * step);
#pragma unroll
        for (int k = 0; k < loads; ++k)
            bits ^= found[k].x ^ found[k].y ^ found[k].z ^ found[k].w;
    }
    for (; i < count; i += step) {
        const uint4 found = __ldg(data + i);
        bits ^= found.x ^ found.y ^ found.z ^ found.w;
    }
    if (bits == 0xfa7403e1u) // seldom, and harmless: it keeps the loads from being dropped
        *sink = bits;
}

__global__ void do_nothing() {}

} // namespace

double read_bandwidth(const Device& device, std::int64_t bytes)
{
    const std::int64_t count = bytes / 512 * 32;
    const DeviceBuffer data(device, 16 * count);
    const DeviceBuffer sink(device, 4);
    fill_device(device, {1, 1.0f, 0.0f}, kernels::Dtype::f32, data.data(), 1, 4 * count);
    LaunchPlan plan;
    plan.grid[0] = static_cast<std::uint32_t>(std::min<std::int64_t>(
        4 * device.limits().multiprocessors, kernels::cuda::divide_up<std::int64_t>(count, threads)));
    plan.threads = threads;
    const double seconds = seconds_of(device, 4, [&] {
        launch(device, plan, read_everything, reinterpret_cast<const uint4*>(data.data()), count,
               reinterpret_cast<std::uint32_t*>(sink.data()));
    });
    return 16.0 * static_cast<double>(count) / seconds;
}

double product_rate(const Device& device, kernels::cuda::Blas& blas, std::int64_t n)
{
    const DeviceBuffer x(device, 2 * n * n);
    const DeviceBuffer w(device, 2 * n * n);
    const DeviceBuffer y(device, 2 * n * n);
    fill_device(device, {2, 1.0f, 0.0f}, kernels::Dtype::bf16, x.data(), n, n);
    fill_device(device, {3, 1.0f, 0.0f}, kernels::Dtype::bf16, w.data(), n, n);
    kernels::cuda::MatrixProduct product;
    product.y = y.data();
    product.x = x.data();
    product.w = w.data();
    product.m = product.n = product.k = n;
    product.y_stride = product.x_stride = product.w_stride = n;
    product.is_narrow = true;
    const double seconds = seconds_of(device, 5, [&] { blas.multiply(product); });
    return 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / seconds;
}

double launch_seconds(const Device& device, int launches)
{
    LaunchPlan plan;
    plan.threads = 32;
    return seconds_of(device, 1,
                      [&] {
                          for (int i = 0; i < launches; ++i)
                              launch(device, plan, do_nothing);
                      }) /
           launches;
}

std::optional<double> graph_launch_seconds(const Device& device, int nodes)
{
    LaunchPlan plan;
    plan.threads = 32;
    const std::unique_ptr<Graph> graph = record(device, [&] {
        for (int i = 0; i < nodes; ++i)
            launch(device, plan, do_nothing);
    });
    if (!graph)
        return {};
    return seconds_of(device, 2, [&] { graph->launch(); }) / nodes;
}

} // namespace gpu
