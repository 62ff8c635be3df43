// SPDX-License-Identifier: MIT
#include "app/cli/options.h"

#include "app/common/paths.h"
#include "engine/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace app {

std::filesystem::path modelOperand(const Arguments& arguments)
{
    return modelPath(arguments.operand(0));
}

engine::LoadOptions loadOptions(const Arguments& arguments, engine::CacheType cacheType)
{
    engine::LoadOptions options;
    options.threads = static_cast<int>(arguments.integer("-t", 0, 1, 1024));
    options.device = arguments.find("--device").value_or("cpu");
    options.isa = arguments.find("--isa").value_or("");
    options.context_tokens = arguments.integer("--ctx", 0, 1, std::int64_t{1} << 24);
    options.cache_type = cacheType;
    if (const auto kv = arguments.find("--kv")) {
        if (*kv == "f32")
            options.cache_type = engine::CacheType::f32;
        else if (*kv == "bf16")
            options.cache_type = engine::CacheType::bf16;
        else
            throw UsageError(fmt::format("--kv: expected f32 or bf16, found '{}'", *kv));
    }
    return options;
}

std::string readText(const std::filesystem::path& path)
{
    struct Close
    {
        void operator()(std::FILE* file) const
        {
            if (file != stdin)
                std::fclose(file);
        }
    };
    const std::string name = path.empty() ? "standard input" : path.string();
    const auto fail = [&] {
        throw engine::Error(name, fmt::format("cannot be read: {}", std::generic_category().message(errno)));
    };
    const std::unique_ptr<std::FILE, Close> file(path.empty() ? stdin : std::fopen(path.c_str(), "rb"));
    if (!file)
        fail();
    std::string text;
    char buffer[1 << 16];
    while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get()))
        text.append(buffer, count);
    if (std::ferror(file.get()))
        fail();
    return text;
}

} // namespace app
