# SPDX-License-Identifier: MIT
# What the CUDA module's kernels consist of. The .cu files are compiled by nvcc for the module and by the C++
# compiler for the tests, which emulate a GPU.
set(FATHOM_CUDA_SOURCES
    devices.cu
    runtime.cu)

# Plans and layouts: ordinary C++, needed by both.
set(FATHOM_CUDA_PLAN_SOURCES
    layout.cpp)

list(TRANSFORM FATHOM_CUDA_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM FATHOM_CUDA_PLAN_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
