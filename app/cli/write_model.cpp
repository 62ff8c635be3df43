// SPDX-License-Identifier: MIT
// The commands that write a model file.
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/output_file.h"
#include "app/cli/progress.h"
#include "engine/convert/quantise_model.h"
#include "engine/convert/synthetic.h"
#include "engine/error.h"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

namespace app {

namespace {

engine::FileType fileType(const Arguments& arguments)
{
    const std::string_view text = arguments.require("--type");
    const auto type = engine::parse_file_type(text);
    if (!type)
        throw UsageError(fmt::format("--type: expected {}, found '{}'", engine::file_type_names(), text));
    return *type;
}

int threads(const Arguments& arguments)
{
    return static_cast<int>(arguments.integer("-t", 0, 1, 1024));
}

// Writes the file at `path` with `write`, which returns false when stopped.
template <class Write> void writeFile(std::string_view path, Write write)
{
    OutputFile file{path};
    Progress progress;
    if (!write(file, [&](std::int64_t done, std::int64_t total) { progress.show("Writing", done, total); }))
        throw Interrupted();
    file.commit();
}

} // namespace

void quantize(const Arguments& arguments, const std::stop_token& stop)
{
    const engine::QuantiseOptions options{fileType(arguments), threads(arguments)};
    // The weights alone could be converted, but nobody could talk to the result.
    const std::filesystem::path vocabulary = modelOperand(arguments) / "tokenizer.json";
    if (std::filesystem::is_directory(modelOperand(arguments)) && !std::filesystem::exists(vocabulary))
        throw engine::Error(vocabulary.string(), "expected the model's vocabulary, found no such file");
    writeFile(arguments.operand(1), [&](OutputFile& file, const engine::ByteProgress& progress) {
        return engine::quantise_model(modelOperand(arguments), options, file, progress, stop);
    });
}

void synth(const Arguments& arguments, const std::stop_token& stop)
{
    engine::SyntheticOptions options;
    const std::string_view shapeName = arguments.require("--shape");
    const auto shape = engine::parse_model_shape(shapeName);
    if (!shape)
        throw UsageError(fmt::format("--shape: expected tiny, v2-lite or v2, found '{}'", shapeName));
    options.shape = *shape;
    options.type = fileType(arguments);
    options.layers = arguments.integer("--layers", 0, 1, 1024);
    options.seed = static_cast<std::uint64_t>(
        arguments.integer("--seed", 0, 0, std::numeric_limits<std::int64_t>::max()));
    options.has_outliers = arguments.has("--outliers");
    if (const auto router = arguments.find("--router")) {
        if (*router != "zipf")
            throw UsageError(fmt::format("--router: expected zipf, found '{}'", *router));
        options.router = engine::RouterKind::zipf;
    }
    options.threads = threads(arguments);

    writeFile(arguments.operand(0), [&](OutputFile& file, const engine::ByteProgress& progress) {
        return engine::write_synthetic(options, file, progress, stop);
    });
}

} // namespace app
