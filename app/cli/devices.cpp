// SPDX-License-Identifier: MIT
#include "app/cli/commands.h"
#include "engine/engine.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>

namespace app {

void devices(const Arguments& arguments, const std::stop_token&)
{
    const engine::Devices found = engine::list_devices();
    if (arguments.has("--json")) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const engine::Device& device : found.devices)
            list.push_back({{"id", device.id},
                            {"name", device.name},
                            {"memory", device.memory_bytes},
                            {"free", device.free_bytes},
                            {"detail", device.detail},
                            {"why_not", device.why_not}});
        fmt::print("{}\n",
                   nlohmann::ordered_json{{"devices", list}, {"why_no_gpu", found.why_no_gpu}}.dump());
        return;
    }
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    for (const engine::Device& device : found.devices) {
        fmt::print("{:<8} {}, {:.1f} GiB, {:.1f} free, {}\n", device.id, device.name,
                   static_cast<double>(device.memory_bytes) / gib,
                   static_cast<double>(device.free_bytes) / gib, device.detail);
        if (!device.why_not.empty())
            fmt::print("{:<8} {}\n", "", device.why_not);
    }
    if (!found.why_no_gpu.empty())
        fmt::print("{}\n", found.why_no_gpu);
}

} // namespace app
