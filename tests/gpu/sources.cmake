# SPDX-License-Identifier: MIT
# The program gpu_check, once for a GPU and once for the emulation.
set(GPU_CHECK_SOURCES
    checks.cpp
    checks_attention.cpp
    checks_products.cpp
    checks_prompt.cpp
    checks_sampling.cpp
    generator.cpp
    golden.cpp
    main.cpp
    options.cpp
    report.cpp
    speed.cpp
    synthetic.cpp
    synthetic_run.cpp)
set(GPU_CHECK_KERNELS
    ceilings.cu
    generator.cu)
list(TRANSFORM GPU_CHECK_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM GPU_CHECK_KERNELS PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
