// SPDX-License-Identifier: MIT
// gpu_check: proves the CUDA kernels on a GPU and measures how near they come to its limits. Needs neither Qt
// nor a network.
#include "kernels/cuda/devices.h"
#include "tests/gpu/ceilings.h"
#include "tests/gpu/checks.h"
#include "tests/gpu/golden.h"
#include "tests/gpu/speed.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

namespace {

using namespace gpu;
using kernels::cuda::Device;
using kernels::cuda::Failure;

constexpr double gigabyte = 1e9;

// The library for matrices, or why it is not there.
struct Library
{
    std::unique_ptr<kernels::cuda::Blas> blas;
    std::string why_not;

    explicit Library(const Device& device)
    {
        try {
            blas = kernels::cuda::make_blas(device);
        } catch (const Failure& failure) {
            why_not = failure.what();
        }
    }
};

Ceilings measure_ceilings(const Device& device, Report& report, bool has_true_shapes, Library& library)
{
    report.section("Ceilings of this device", {"what", "measured"});
    Ceilings ceilings;
    // Far beyond any cache; less where the device has little memory.
    const std::int64_t bytes =
        has_true_shapes ? std::min<std::int64_t>(std::int64_t{4} << 30, device.free_bytes() / 2) : 1 << 20;
    ceilings.read_bandwidth = read_bandwidth(device, bytes);
    report.row({fmt::format("read bandwidth over {:.2f} GB", static_cast<double>(bytes) / gigabyte),
                fmt::format("{:.0f} GB/s", ceilings.read_bandwidth / gigabyte)});
    const std::int64_t n = has_true_shapes ? 8192 : 64;
    if (library.blas) {
        ceilings.product_rate = product_rate(device, *library.blas, n);
        report.row({fmt::format("cuBLAS, bf16 product of {0} × {0} × {0}, random numbers", n),
                    fmt::format("{:.0f} TFLOP/s", *ceilings.product_rate * 1e-12)});
    } else {
        report.row({"cuBLAS", "not measured: " + library.why_not});
    }
    const int launches = has_true_shapes ? 2000 : 10;
    ceilings.launch_seconds = launch_seconds(device, launches);
    report.row({"an empty launch", fmt::format("{:.2f} µs", 1e6 * ceilings.launch_seconds)});
    ceilings.graph_launch_seconds = graph_launch_seconds(device, launches);
    report.row({"an empty launch in a graph",
                ceilings.graph_launch_seconds ? fmt::format("{:.2f} µs", 1e6 * *ceilings.graph_launch_seconds)
                                              : "not measured: no graphs here"});
    return ceilings;
}

// Runs the kernels once more at small shapes under each tool.
void run_sanitizer(Report& report, const Clock& clock, const Options& options)
{
    report.section("compute-sanitizer, every kernel at small shapes", {"tool", "result"});
    if (options.sanitizer.empty())
        return report.remark("Not run: compute-sanitizer was not found on this machine.");
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    for (const char* tool : {"memcheck", "racecheck"}) {
        const int seconds = static_cast<int>(std::min(120.0, clock.seconds_left()));
        if (seconds < 20) {
            report.remark(fmt::format("{} was not run: the time is up.", tool));
            continue;
        }
        const std::string command =
            fmt::format("timeout {} '{}' --tool {} --error-exitcode 9 '{}' --only kernels --shapes tiny "
                        "--device {} >/dev/null",
                        seconds, options.sanitizer.string(), tool, self.string(), options.device);
        const int status = std::system(command.c_str());
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (code == 124)
            report.row({tool, fmt::format("not finished within {} s", seconds)});
        else
            report.verdict({tool}, code == 0);
    }
}

// "NVIDIA H100 80GB HBM3" of revision 1a2b3c on 2026-11-24: nvidia-h100-80gb-hbm3-2026-11-24-1a2b3c.md
std::filesystem::path report_file(const Options& options, const std::string& device)
{
    if (options.results.empty())
        return {};
    std::string name;
    for (const char c : device + "-" + options.date + "-" + options.revision)
        if (std::isalnum(static_cast<unsigned char>(c)))
            name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (!name.empty() && name.back() != '-')
            name += '-';
    return options.results / (name + ".md");
}

void describe(Report& report, const Options& options, const kernels::cuda::DeviceInfo& info)
{
    report.fact("device",
                fmt::format("{}, compute capability {}.{}, {:.1f} GB", info.name, info.capability_major,
                            info.capability_minor, static_cast<double>(info.memory_bytes) / gigabyte));
    report.fact("driver", options.driver);
    report.fact("date", options.date);
    report.fact("revision", options.revision);
    if (!options.has_true_shapes)
        report.fact("shapes", "small ones, whose speed says nothing");
}

int run(const Options& options)
{
    const Clock clock(options.minutes);
    const kernels::cuda::DeviceList list = kernels::cuda::list_devices();
    if (options.device >= static_cast<int>(list.devices.size())) {
        fmt::print(stderr, "error: {}\n",
                   list.devices.empty() ? list.why_none : fmt::format("There is no GPU {}.", options.device));
        return 1;
    }
    const kernels::cuda::DeviceInfo& info = list.devices[static_cast<std::size_t>(options.device)];
    Report report(report_file(options, info.name), "CUDA kernels on a GPU");
    describe(report, options, info);
    const auto wants = [&](Part part) { return options.parts.contains(part); };
    try {
        const Device device(options.device);
        Library library(device);
        Ceilings ceilings;
        if (wants(Part::ceilings) || wants(Part::speed))
            ceilings = measure_ceilings(device, report, options.has_true_shapes, library);
        Checks checks(device, report, clock, options.has_true_shapes);
        if (wants(Part::kernels))
            check_kernels(checks, report, library.blas.get(), library.why_not);
        if (wants(Part::golden))
            check_golden(report, clock, options);
        if (wants(Part::speed)) {
            check_layers(checks, report, library.blas.get());
            measure_speed(device, report, clock, options.has_true_shapes, ceilings, library.blas.get());
        }
        if (wants(Part::sanitizer))
            run_sanitizer(report, clock, options);
    } catch (const Failure& failure) {
        report.section("The run ended early", {"why", "result"});
        report.verdict({failure.what()}, false);
        return 1;
    }
    report.finish();
    return report.failures() == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments)
{
    try {
        const Options options = parse_options({arguments + 1, arguments + count});
        if (options.wants_help) {
            fmt::print("{}", usage);
            return 0;
        }
        return run(options);
    } catch (const UsageError& error) {
        fmt::print(stderr, "error: {}\n\n{}", error.what(), usage);
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        return 1;
    }
}
