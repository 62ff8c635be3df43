// SPDX-License-Identifier: MIT
// cuBLAS, opened when it is needed: the module can be loaded, and say what is missing, without it.
#include "kernels/cuda/blas.h"

#include "kernels/cuda/launch.h"

#include <cublas_v2.h>

#include <dlfcn.h>

#include <climits>
#include <string>

#ifndef FATHOM_CUDA_LIBRARY_FOLDER
#define FATHOM_CUDA_LIBRARY_FOLDER ""
#endif

namespace kernels::cuda {

namespace {

constexpr int cuda_major = CUDART_VERSION / 1000;

std::string module_folder()
{
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&make_blas), &info) == 0 || !info.dli_fname)
        return {};
    const std::string file = info.dli_fname;
    const std::size_t slash = file.rfind('/');
    return slash == std::string::npos ? std::string() : file.substr(0, slash);
}

// cublasGemmStridedBatchedEx, which has an older overload in C++.
using Multiply = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
                                    const void* alpha, const void* a, cudaDataType a_type, int lda,
                                    long long a_stride, const void* b, cudaDataType b_type, int ldb,
                                    long long b_stride, const void* beta, void* c, cudaDataType c_type,
                                    int ldc, long long c_stride, int batch, cublasComputeType_t,
                                    cublasGemmAlgo_t);

// The functions that are used, by the names in the library.
class Library
{
public:
    Library()
    {
        void* handle = nullptr;
        for (const std::string& name :
             cublas_names(module_folder(), FATHOM_CUDA_LIBRARY_FOLDER, cuda_major)) {
            handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
            if (handle)
                break;
        }
        if (!handle)
            throw Failure(FailureKind::other, cublas_is_missing(cuda_major));
        // Never closed: the library keeps state of the device that outlives each handle.
        find(create, handle, "cublasCreate_v2");
        find(destroy, handle, "cublasDestroy_v2");
        find(set_stream, handle, "cublasSetStream_v2");
        find(set_workspace, handle, "cublasSetWorkspace_v2");
        find(set_math_mode, handle, "cublasSetMathMode");
        find(multiply, handle, "cublasGemmStridedBatchedEx");
        find(status_text, handle, "cublasGetStatusString");
    }

    decltype(&cublasCreate_v2) create = nullptr;
    decltype(&cublasDestroy_v2) destroy = nullptr;
    decltype(&cublasSetStream_v2) set_stream = nullptr;
    decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
    decltype(&cublasSetMathMode) set_math_mode = nullptr;
    Multiply multiply = nullptr;
    decltype(&cublasGetStatusString) status_text = nullptr;

private:
    template <class F> static void find(F& function, void* handle, const char* name)
    {
        function = reinterpret_cast<F>(dlsym(handle, name));
        if (!function)
            throw Failure(FailureKind::other, "cuBLAS is too old: it has no " + std::string(name) +
                                                  "; ./installer/cuda installs another.");
    }
};

cudaDataType_t data_type(Factor factor)
{
    return factor == Factor::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

int to_int(std::int64_t value)
{
    if (value > INT_MAX)
        throw Failure(FailureKind::other, "A matrix product is too large for cuBLAS.");
    return static_cast<int>(value);
}

class Cublas : public Blas
{
public:
    explicit Cublas(const Device& device)
        : m_workspace(device, cublas_workspace_bytes(device.limits()))
    {
        check_status(m_library.create(&m_handle), "starting cuBLAS");
        try {
            // A stream takes the workspace of the library itself with it, so the order matters.
            check_status(m_library.set_stream(m_handle, device.stream()), "giving cuBLAS a stream");
            check_status(m_library.set_workspace(m_handle, m_workspace.data(),
                                                 static_cast<std::size_t>(m_workspace.bytes())),
                         "giving cuBLAS memory");
            // Parts of a long sum are added in fp32, whatever the result is stored as.
            const auto mode = static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                                        CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
            check_status(m_library.set_math_mode(m_handle, mode), "setting up cuBLAS");
        } catch (...) {
            m_library.destroy(m_handle);
            throw;
        }
    }
    ~Cublas() override { m_library.destroy(m_handle); }
    Cublas(const Cublas&) = delete;
    Cublas& operator=(const Cublas&) = delete;

    // cuBLAS counts columns first, where a row-major matrix is its own transpose: y^T (n, m) = w x^T.
    void multiply(const MatrixProduct& p) override
    {
        if (p.is_narrow && p.beta != 0.0f)
            throw Failure(FailureKind::other, "A narrow product cannot be added to its result.");
        if (p.m == 0 || p.n == 0 || p.batch == 0)
            return;
        const float one = 1.0f;
        const cudaDataType_t factor = data_type(p.factor);
        check_status(m_library.multiply(m_handle, p.is_transposed ? CUBLAS_OP_N : CUBLAS_OP_T, CUBLAS_OP_N,
                                        to_int(p.n), to_int(p.m), to_int(p.k), &one, p.w, factor,
                                        to_int(p.w_stride), p.w_batch, p.x, factor, to_int(p.x_stride),
                                        p.x_batch, &p.beta, p.y, p.is_narrow ? factor : CUDA_R_32F,
                                        to_int(p.y_stride), p.y_batch, to_int(p.batch), CUBLAS_COMPUTE_32F,
                                        CUBLAS_GEMM_DEFAULT),
                     "multiplying matrices");
    }
    std::int64_t workspace_bytes() const override { return m_workspace.bytes(); }

private:
    void check_status(cublasStatus_t status, const char* what) const
    {
        if (status == CUBLAS_STATUS_SUCCESS)
            return;
        check(cudaGetLastError(), what); // knows a lost device
        throw Failure(status == CUBLAS_STATUS_ALLOC_FAILED ? FailureKind::out_of_memory : FailureKind::other,
                      std::string(what) + ": " + m_library.status_text(status));
    }

    Library m_library;
    DeviceBuffer m_workspace; // outlives the handle
    cublasHandle_t m_handle = nullptr;
};

} // namespace

std::unique_ptr<Blas> make_blas(const Device& device)
{
    return std::make_unique<Cublas>(device);
}

} // namespace kernels::cuda
