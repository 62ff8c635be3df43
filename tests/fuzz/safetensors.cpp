// SPDX-License-Identifier: MIT
#include "engine/format/safetensors.h"

#include "engine/error.h"
#include "tests/fuzz/numbers.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

#include <cstdint>
#include <string>

namespace fuzz {

namespace {

using engine::format::Safetensors;

std::string shard(const std::string& tensor)
{
    const std::string header = "{\"" + tensor + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + std::string(8, '\0');
}

Verdict read(const std::filesystem::path& path)
{
    try {
        const Safetensors safetensors(path);
        read_tensors(safetensors.tensors(), safetensors.files());
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return Verdict::refused;
    }
}

} // namespace

Verdict safetensors(std::string_view input)
{
    static const Scratch scratch;
    static const bool has_shards = [] {
        scratch.write("a.safetensors", shard("a"));
        scratch.write("b.safetensors", shard("b"));
        return true;
    }();
    expect(has_shards, "the shards are there");
    if (!input.starts_with("{")) // whose code as the first byte of a length is one of 256
        return read(scratch.write("one.safetensors", input));
    scratch.write("model.safetensors.index.json", input);
    return read(scratch.folder());
}

} // namespace fuzz
