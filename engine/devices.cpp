// SPDX-License-Identifier: MIT
#include "engine/devices.h"

#include "engine/error.h"
#include "kernels/cpu/isa.h"

#include <fmt/format.h>

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace engine {

namespace {

std::optional<std::int64_t> number(std::string_view text)
{
    const std::size_t start = text.find_first_of("0123456789");
    if (start == std::string_view::npos)
        return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), value);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

// The value of a line "KEY: 1234 kB" of /proc/meminfo, in bytes.
std::int64_t memory_info(std::string_view key)
{
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key))
            return number(line).value_or(0) * 1024;
    return 0;
}

// The number that a file of the control group holds; "max" is none.
std::optional<std::int64_t> group_number(const char* name)
{
    std::ifstream file(std::string("/sys/fs/cgroup/") + name);
    std::string line;
    return std::getline(file, line) ? number(line) : std::nullopt;
}

// Page cache of the group, which the kernel gives back when the group needs the memory.
std::int64_t group_file_bytes()
{
    std::ifstream file("/sys/fs/cgroup/memory.stat");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("file "))
            return number(line).value_or(0);
    return 0;
}

std::string processor_name()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos)
            return line.substr(colon + 2);
    }
    return "CPU";
}

// GPUs that were lost since the program started, and why.
struct LostGpus
{
    std::mutex mutex;
    std::map<std::string, std::string> why;
};
LostGpus& lost_gpus()
{
    static LostGpus lost;
    return lost;
}

} // namespace

std::int64_t available_memory()
{
    std::int64_t available = memory_info("MemAvailable");
    const auto limit = group_number("memory.max");
    const auto used = group_number("memory.current");
    if (limit && used)
        available = std::min(available, std::max<std::int64_t>(0, *limit - *used + group_file_bytes()));
    return available;
}

std::int64_t total_memory()
{
    const std::int64_t total = memory_info("MemTotal");
    const auto limit = group_number("memory.max");
    return limit ? std::min(total, *limit) : total;
}

int physical_cores()
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    // Threads of one core name the same list of siblings.
    std::set<std::string> cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
        std::string siblings;
        if (!std::getline(file, siblings))
            siblings = std::to_string(cpu);
        cores.insert(siblings);
    }
    return std::max(1, static_cast<int>(cores.size()));
}

Devices list_devices()
{
    Devices result;
    result.devices.push_back(
        {.id = "cpu",
         .name = processor_name(),
         .memory_bytes = total_memory(),
         .free_bytes = available_memory(),
         .detail =
             fmt::format("{}, {} cores", kernels::cpu::name(kernels::cpu::best_isa()), physical_cores())});
    const LoadedModule& cuda = cuda_module();
    result.why_no_gpu = cuda.module ? cuda.module->list_devices(result.devices) : cuda.why_not;
    LostGpus& lost = lost_gpus();
    const std::lock_guard lock(lost.mutex);
    for (Device& device : result.devices)
        if (const auto found = lost.why.find(device.id); found != lost.why.end())
            device.why_not = found->second;
    return result;
}

FoundGpu find_gpu(std::string_view id)
{
    FoundGpu found;
    const LoadedModule& cuda = cuda_module();
    if (!cuda.module) {
        found.why_not = cuda.why_not;
        return found;
    }
    const Devices all = list_devices();
    const auto device = std::find_if(all.devices.begin() + 1, all.devices.end(),
                                     [&](const Device& candidate) { return candidate.id == id; });
    if (device == all.devices.end()) {
        found.why_not =
            !all.why_no_gpu.empty()
                ? all.why_no_gpu
                : fmt::format("Expected cpu or a GPU of this machine, found '{}'.", printable(id));
        return found;
    }
    found.module = cuda.module;
    found.index = static_cast<int>(device - all.devices.begin()) - 1; // behind the CPU
    found.device = *device;
    found.why_not = device->why_not;
    if (!found.why_not.empty())
        return found;
    try {
        found.limits = cuda.module->device_limits(found.index);
    } catch (const DeviceError& error) {
        found.why_not = error.what();
    }
    return found;
}

void mark_lost(const std::string& id, const std::string& why)
{
    LostGpus& lost = lost_gpus();
    const std::lock_guard lock(lost.mutex);
    lost.why.try_emplace(id, why);
}

} // namespace engine
