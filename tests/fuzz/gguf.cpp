// SPDX-License-Identifier: MIT
#include "engine/config.h"
#include "engine/error.h"
#include "tests/fuzz/numbers.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

namespace fuzz {

namespace {

using engine::format::Gguf;

template <class Call> void may_refuse(Call call)
{
    try {
        call();
    } catch (const engine::Error&) {
    }
}

// Whatever a key holds, each getter gives it, gives nothing or refuses.
void read_metadata(const Gguf& gguf, std::size_t file_size)
{
    std::size_t total = 0;
    for (const auto& [key, entry] : gguf.metadata()) {
        total += key.size() + entry.bytes.size();
        may_refuse([&] {
            const auto value = gguf.find_integer(key, -1000, 1000);
            expect(!value || (*value >= -1000 && *value <= 1000), "an integer keeps to its range");
        });
        may_refuse([&] { gguf.find_number(key); });
        may_refuse([&] { gguf.find_bool(key); });
        may_refuse([&] { total += gguf.find_string(key).value_or("").size(); });
        may_refuse([&] {
            for (const std::string_view text :
                 gguf.find_strings(key).value_or(std::vector<std::string_view>()))
                total += text.size();
        });
        may_refuse([&] { gguf.find_integers(key); });
    }
    expect(total <= 2 * file_size, "metadata is no larger than its file");
}

} // namespace

Verdict gguf(std::string_view input)
{
    static const Scratch scratch;
    try {
        const Gguf gguf(scratch.write("model.gguf", input));
        read_metadata(gguf, input.size());
        read_tensors(gguf.tensors(), gguf.files());
        may_refuse([&] { try_numbers(engine::read_config(gguf)); }); // many files are no model
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return Verdict::refused;
    }
}

} // namespace fuzz
