# SPDX-License-Identifier: MIT
# Sets FATHOM_HAVE_CUDA and enables the language CUDA where nvcc 12.8 or newer is found. Debian's own nvcc is
# older than the newest GPUs, so an nvcc in build/cuda (where installer/cuda puts one) or in /usr/local/cuda is
# preferred to one in PATH.
set(FATHOM_HAVE_CUDA FALSE)
set(FATHOM_CUDA_ARCHITECTURES "AUTO" CACHE STRING
    "GPU architectures: AUTO (the GPU of this machine, else 80, which newer ones translate), ALL, or a list")

if(FATHOM_CUDA STREQUAL "OFF")
    return()
endif()

find_program(FATHOM_NVCC nvcc
    HINTS ENV CUDA_HOME ENV CUDA_PATH ${CMAKE_SOURCE_DIR}/build/cuda /usr/local/cuda
    PATH_SUFFIXES bin)
set(problem "nvcc was not found")
if(FATHOM_NVCC)
    execute_process(COMMAND ${FATHOM_NVCC} --version OUTPUT_VARIABLE nvcc_version ERROR_QUIET)
    string(REGEX MATCH "release ([0-9.]+)" ignored "${nvcc_version}")
    set(problem "")
    if(CMAKE_MATCH_1 VERSION_LESS 12.8)
        set(problem "${FATHOM_NVCC} is version ${CMAKE_MATCH_1}, and 12.8 is needed")
    endif()
endif()

if(NOT problem)
    set(architectures ${FATHOM_CUDA_ARCHITECTURES})
    if(architectures STREQUAL "ALL")
        set(architectures 80-real 86-real 89-real 90-real 120)
    elseif(architectures STREQUAL "AUTO")
        find_program(FATHOM_NVIDIA_SMI nvidia-smi)
        set(architectures "")
        if(FATHOM_NVIDIA_SMI)
            execute_process(COMMAND ${FATHOM_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
                OUTPUT_VARIABLE capabilities ERROR_QUIET TIMEOUT 20)
            string(REGEX MATCHALL "[0-9]+[.][0-9]" capabilities "${capabilities}")
            list(REMOVE_DUPLICATES capabilities)
            string(REPLACE "." "" architectures "${capabilities}")
        endif()
        if(NOT architectures)
            set(architectures 80)
        endif()
    endif()
    set(ENV{CUDACXX} ${FATHOM_NVCC})
    set(CMAKE_CUDA_ARCHITECTURES ${architectures})
    if(NOT FATHOM_CUDA STREQUAL "ON")
        include(CheckLanguage)
        check_language(CUDA) # an nvcc that cannot work with this compiler is no reason to stop
        if(NOT CMAKE_CUDA_COMPILER)
            set(problem "${FATHOM_NVCC} does not work with ${CMAKE_CXX_COMPILER}")
        endif()
    endif()
endif()

if(problem)
    if(FATHOM_CUDA STREQUAL "ON")
        message(FATAL_ERROR "FATHOM_CUDA is ON, but ${problem}")
    endif()
    message(STATUS "CUDA module: not built, ${problem}")
    return()
endif()
enable_language(CUDA)
if(CMAKE_CXX_COMPILER_LAUNCHER AND NOT CMAKE_CUDA_COMPILER_LAUNCHER) # ccache knows nvcc too
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # CMake 3.25 does not know yet that nvcc takes C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(FATHOM_HAVE_CUDA TRUE)
message(STATUS "CUDA module: ${FATHOM_NVCC}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
