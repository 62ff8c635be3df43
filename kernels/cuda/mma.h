// SPDX-License-Identifier: MIT
// Tensor-core products of a warp, their fragments, and copies past the registers: the instructions of sm_80,
// which every later GPU has. For .cu files. All 32 lanes take part in each call.
//
// Fragments (PTX ISA, mma.m16n8k16), g = lane / 4, t = lane % 4, two bf16 in a word, the lower column first:
//   a (16, 16)  a[0] = (g, 2t)  a[1] = (g + 8, 2t)  a[2] = (g, 2t + 8)  a[3] = (g + 8, 2t + 8)
//   b (16, 8)   b[0] = (2t … 2t + 1, g)  b[1] = (2t + 8 … 2t + 9, g)
//   d (16, 8)   d[0], d[1] = (g, 2t), (g, 2t + 1)  d[2], d[3] = (g + 8, 2t), (g + 8, 2t + 1)
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace kernels::cuda {

#ifdef FATHOM_CUDA_EMULATION

using emulation::commit_copies;
using emulation::copy_async_16;
using emulation::load_matrix_x2;
using emulation::load_matrix_x2_transposed;
using emulation::load_matrix_x4;
using emulation::load_matrix_x4_transposed;
using emulation::mma_bf16;
template <int N> inline void wait_copies()
{
    emulation::wait_copies(N);
}

#else

__device__ inline std::uint32_t shared_address(const void* shared)
{
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

// d += a b
__device__ inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four matrices of 8 rows of 8 bf16 from shared memory: lanes 8 i … 8 i + 7 name the rows (16 bytes, aligned)
// of matrix i; r[i] of lane 4 g + t is its row g, columns 2 t and 2 t + 1.
__device__ inline void load_matrix_x4(std::uint32_t (&r)[4], const void* shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(shared))
                 : "memory");
}

// The same, each matrix transposed: r[i] of lane 4 g + t is rows 2 t and 2 t + 1, column g.
__device__ inline void load_matrix_x4_transposed(std::uint32_t (&r)[4], const void* shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(shared))
                 : "memory");
}

// Two matrices, named by lanes 0 … 15; the others' addresses are not used.
__device__ inline void load_matrix_x2(std::uint32_t (&r)[2], const void* shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(shared))
                 : "memory");
}

__device__ inline void load_matrix_x2_transposed(std::uint32_t (&r)[2], const void* shared)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(shared))
                 : "memory");
}

// Copies 16 bytes from global to shared memory, both aligned to 16, past the registers and L1; writes zeros
// where not `is_valid`, and `global` is then not read. Done after wait_copies(), for this thread alone; the
// others need a barrier behind it.
__device__ inline void copy_async_16(void* shared, const void* global, bool is_valid)
{
    const int bytes = is_valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(global),
                 "r"(bytes)
                 : "memory");
}

// Closes the group of the copies since the last call.
__device__ inline void commit_copies()
{
    asm volatile("cp.async.commit_group;\n" ::: "memory");
}

// Waits until at most the last N groups of this thread are under way.
template <int N> __device__ inline void wait_copies()
{
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

#endif

} // namespace kernels::cuda
