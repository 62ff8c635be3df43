// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace gpu {

enum class Part : std::uint8_t
{
    kernels,   // every kernel against float64
    golden,    // the golden models through the module
    ceilings,  // what the device can do at best
    speed,     // generation and prompts of the V2-Lite shape
    sanitizer, // the kernels once more, under compute-sanitizer
};

// What a run does; --help says it in words.
struct Options
{
    std::set<Part> parts{Part::kernels, Part::golden, Part::ceilings, Part::speed, Part::sanitizer};
    bool has_true_shapes = true; // false: small ones, for the emulation and the sanitizer
    int device = 0;
    double minutes = 9.0; // nothing new is begun after them
    std::filesystem::path golden_folder;
    std::filesystem::path results; // folder of the table; empty: none
    std::filesystem::path sanitizer;
    std::string revision = "unknown";
    std::string date = "unknown";
    std::string driver = "unknown";
    bool wants_help = false;
};

class UsageError : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

extern const char* const usage;

// Throws UsageError.
Options parse_options(const std::vector<std::string>& arguments);

// How long the run has been going.
class Clock
{
public:
    explicit Clock(double minutes)
        : m_end(std::chrono::steady_clock::now() +
                std::chrono::milliseconds(static_cast<std::int64_t>(minutes * 60'000)))
    {
    }
    double seconds_left() const
    {
        return std::chrono::duration<double>(m_end - std::chrono::steady_clock::now()).count();
    }

private:
    std::chrono::steady_clock::time_point m_end;
};

} // namespace gpu
