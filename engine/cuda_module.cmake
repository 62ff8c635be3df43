# SPDX-License-Identifier: MIT
# libfathom-cuda.so: no program links it; engine/backend_module.cpp loads it where it is found.
if(NOT FATHOM_HAVE_CUDA)
    return()
endif()

add_library(fathom_cuda MODULE backend_cuda.cpp)
target_link_libraries(fathom_cuda PRIVATE project_options fathom_kernels_cuda)
set_target_properties(fathom_cuda PROPERTIES
    OUTPUT_NAME fathom-cuda
    CXX_VISIBILITY_PRESET hidden)
install(TARGETS fathom_cuda LIBRARY DESTINATION lib/fathom)
