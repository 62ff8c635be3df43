// SPDX-License-Identifier: MIT
#include "kernels/cuda/blas.h"

namespace kernels::cuda {

namespace {

std::string file_name(int cuda_major)
{
    return "libcublas.so." + std::to_string(cuda_major);
}

} // namespace

std::vector<std::string> cublas_names(const std::string& module_folder, const std::string& toolkit_folder,
                                      int cuda_major)
{
    std::vector<std::string> names;
    for (const std::string& folder : {module_folder, toolkit_folder})
        if (!folder.empty())
            names.push_back(folder + "/" + file_name(cuda_major));
    names.push_back(file_name(cuda_major));
    return names;
}

std::string cublas_is_missing(int cuda_major)
{
    return "cuBLAS is missing: " + file_name(cuda_major) + " was not found; ./installer/cuda installs it.";
}

// What NVIDIA recommends (cuBLAS library, cublasSetWorkspace).
std::int64_t cublas_workspace_bytes(const DeviceLimits& limits)
{
    return std::int64_t{limits.capability >= 90 ? 32 : 4} << 20;
}

} // namespace kernels::cuda
