#SPDX - License - Identifier : MIT
#The loader of backend modules, and the CUDA module itself where there is an nvcc.
add_library(fathom_backend_module STATIC backend_module.cpp)
    target_link_libraries(fathom_backend_module PUBLIC fathom_utf8 PRIVATE project_options fmt::fmt ${
        CMAKE_DL_LIBS})

        if (FATHOM_HAVE_CUDA) add_library(fathom_cuda MODULE backend_cuda.cpp)
            target_link_libraries(fathom_cuda PRIVATE project_options fathom_kernels_cuda)
                set_target_properties(fathom_cuda PROPERTIES OUTPUT_NAME fathom -
                                      cuda CXX_VISIBILITY_PRESET hidden)
                    install(TARGETS fathom_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} / fathom) endif()
