# SPDX-License-Identifier: MIT
# File formats, config and text: what needs no forward pass.
foreach(name json mapped_file gguf safetensors config)
    fathom_test(test_${name} SOURCES test_${name}.cpp LIBRARIES fathom_format)
endforeach()
foreach(name utf8 tokenizer chat_template)
    fathom_test(test_${name} SOURCES test_${name}.cpp LIBRARIES fathom_text)
endforeach()
