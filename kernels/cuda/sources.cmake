# SPDX-License-Identifier: MIT
# What the CUDA module's kernels consist of. The .cu files are compiled by nvcc for the module and by the C++
# compiler for the tests, which emulate a GPU.
set(FATHOM_CUDA_SOURCES
    attention_absorbed.cu
    attention_decompressed.cu
    attention_prepare.cu
    dense.cu
    experts_grouped.cu
    devices.cu
    experts_vector.cu
    products.cu
    route.cu
    runtime.cu
    sample.cu)

# Plans and layouts: ordinary C++, needed by both.
set(FATHOM_CUDA_PLAN_SOURCES
    attention_plan.cpp
    blas_plan.cpp
    dense_plan.cpp
    grouped_plan.cpp
    layout.cpp
    sample_plan.cpp
    workspace.cpp)

list(TRANSFORM FATHOM_CUDA_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM FATHOM_CUDA_PLAN_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
