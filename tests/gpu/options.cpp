// SPDX-License-Identifier: MIT
#include "tests/gpu/options.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <map>

namespace gpu {

const char* const usage =
    R"(usage: gpu_check [OPTION...]
Checks every CUDA kernel on a GPU and measures how near the model comes to the GPU's limits.
  --only PART,...     of kernels, golden, ceilings, speed, sanitizer (default: all)
  --shapes true|tiny  shapes of the published models, or small ones (default: true)
  --device N          the GPU's number (default: 0)
  --minutes M         begin nothing new after M minutes (default: 9)
  --golden FOLDER     the golden models, tests/data/golden of the sources
  --results FOLDER    write the table into this folder, anew after each row
  --sanitizer FILE    the program compute-sanitizer
  --revision TEXT     of the sources, for the table
  --date TEXT         for the table
  --driver TEXT       for the table
  --help
Ends with 0 where every check passed, 1 where one failed or no GPU is there, 2 for wrong arguments.
)";

namespace {

Part parse_part(const std::string& name)
{
    static const std::map<std::string, Part> parts{{"kernels", Part::kernels},
                                                   {"golden", Part::golden},
                                                   {"ceilings", Part::ceilings},
                                                   {"speed", Part::speed},
                                                   {"sanitizer", Part::sanitizer}};
    const auto found = parts.find(name);
    if (found == parts.end())
        throw UsageError(fmt::format("There is no part '{}'.", name));
    return found->second;
}

std::set<Part> parse_parts(const std::string& list)
{
    std::set<Part> parts;
    for (std::size_t from = 0; from <= list.size();) {
        const std::size_t comma = std::min(list.find(',', from), list.size());
        parts.insert(parse_part(list.substr(from, comma - from)));
        from = comma + 1;
    }
    return parts;
}

double parse_number(const std::string& option, const std::string& text, double most)
{
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= 0.0 && value <= most))
        throw UsageError(fmt::format("{} expects a number up to {}, found '{}'.", option, most, text));
    return value;
}

} // namespace

Options parse_options(const std::vector<std::string>& arguments)
{
    Options options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& option = arguments[i];
        if (option == "--help") {
            options.wants_help = true;
            return options;
        }
        if (i + 1 == arguments.size())
            throw UsageError(fmt::format("'{}' is not an option, or lacks its value.", option));
        const std::string& value = arguments[++i];
        if (option == "--only") {
            options.parts = parse_parts(value);
        } else if (option == "--shapes") {
            if (value != "true" && value != "tiny")
                throw UsageError(fmt::format("--shapes expects true or tiny, found '{}'.", value));
            options.has_true_shapes = value == "true";
        } else if (option == "--device") {
            const double number = parse_number(option, value, 1024);
            if (number != std::floor(number))
                throw UsageError(fmt::format("--device expects a whole number, found '{}'.", value));
            options.device = static_cast<int>(number);
        } else if (option == "--minutes") {
            options.minutes = parse_number(option, value, 1e6);
        } else if (option == "--golden") {
            options.golden_folder = value;
        } else if (option == "--results") {
            options.results = value;
        } else if (option == "--sanitizer") {
            options.sanitizer = value;
        } else if (option == "--revision") {
            options.revision = value;
        } else if (option == "--date") {
            options.date = value;
        } else if (option == "--driver") {
            options.driver = value;
        } else {
            throw UsageError(fmt::format("There is no option '{}'.", option));
        }
    }
    return options;
}

} // namespace gpu
