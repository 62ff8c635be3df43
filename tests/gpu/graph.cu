// SPDX-License-Identifier: MIT
#include "tests/gpu/graph.h"

#include "kernels/cuda/launch.h"

namespace gpu {

using kernels::cuda::check;
using kernels::cuda::Device;

namespace {

class CudaGraph : public Graph
{
public:
    CudaGraph(const Device& device, const std::function<void()>& queue)
        : m_device(device)
    {
        check(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeThreadLocal), "recording a graph");
        queue();
        cudaGraph_t graph = nullptr;
        check(cudaStreamEndCapture(device.stream(), &graph), "recording a graph");
        const cudaError_t made = cudaGraphInstantiate(&m_graph, graph, 0);
        check(cudaGraphDestroy(graph), "recording a graph");
        check(made, "making a graph");
    }
    ~CudaGraph() override
    {
        if (m_graph)
            cudaGraphExecDestroy(m_graph);
    }
    CudaGraph(const CudaGraph&) = delete;
    CudaGraph& operator=(const CudaGraph&) = delete;

    void launch() override { check(cudaGraphLaunch(m_graph, m_device.stream()), "starting a graph"); }

private:
    const Device& m_device;
    cudaGraphExec_t m_graph = nullptr;
};

} // namespace

std::unique_ptr<Graph> record(const Device& device, const std::function<void()>& queue)
{
    return std::make_unique<CudaGraph>(device, queue);
}

} // namespace gpu
