# SPDX-License-Identifier: MIT
# File formats, config and text: what needs no forward pass.
foreach(name json mapped_file gguf safetensors sha256 config)
    fathom_test(test_${name} SOURCES test_${name}.cpp LIBRARIES fathom_format)
endforeach()
foreach(name utf8 tokenizer chat_template)
    fathom_test(test_${name} SOURCES test_${name}.cpp LIBRARIES fathom_text)
endforeach()

# Not built by default: ninja tokenizer_bench
add_executable(tokenizer_bench EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/../bench/tokenizer_bench.cpp)
target_link_libraries(tokenizer_bench PRIVATE fathom_text project_options fmt::fmt)
