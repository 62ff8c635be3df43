# SPDX-License-Identifier: MIT
# libfathom-cuda.so: no program links it; engine/backend_module.cpp loads it where it is found.

# The module over one kind of kernels: those of a GPU, or the tests' emulated ones.
function(fathom_backend_module name kernels)
    add_library(${name} MODULE ${CMAKE_SOURCE_DIR}/engine/backend_cuda.cpp)
    target_link_libraries(${name} PRIVATE project_options fathom_cuda_ops fathom_engine ${kernels})
    set_target_properties(${name} PROPERTIES
        OUTPUT_NAME fathom-cuda
        CXX_VISIBILITY_PRESET hidden)
endfunction()

if(NOT FATHOM_HAVE_CUDA)
    return()
endif()

fathom_backend_module(fathom_cuda fathom_kernels_cuda)
target_link_options(fathom_cuda PRIVATE -Wl,--exclude-libs,ALL)
install(TARGETS fathom_cuda LIBRARY DESTINATION lib/fathom)
