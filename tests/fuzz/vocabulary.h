// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/json.h"
#include "engine/text/utf8.h"

#include <string>

namespace fuzz {

// A tokenizer.json of the 256 bytes and the marks of a conversation, without merges.
inline engine::format::Json small_vocabulary()
{
    using engine::format::Json;
    // GPT-2's alphabet: bytes that are no printable Latin-1 characters stand as code points from 256 on.
    Json vocab = Json::object();
    char32_t other = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable =
            (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
        std::string text;
        engine::text::append_utf8(text, printable ? static_cast<char32_t>(byte) : other++);
        vocab[text] = byte;
    }
    Json added = Json::array();
    int id = 256;
    for (const char* mark :
         {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"})
        added.push_back({{"id", id++},
                         {"content", mark},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false},
                         {"special", true}});
    return {{"added_tokens", added},
            {"normalizer", nullptr},
            {"pre_tokenizer",
             {{"type", "Sequence"},
              {"pretokenizers",
               Json::array({{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}})}}},
            {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
}

} // namespace fuzz
