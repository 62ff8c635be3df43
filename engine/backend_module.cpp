// SPDX-License-Identifier: MIT
#include "engine/backend_module.h"
#include "engine/error.h"

#include <dlfcn.h>

#include <fmt/format.h>

#include <system_error>

namespace engine {

namespace {

LoadedModule load_cuda_module()
{
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    if (folder.is_absolute()) {
        for (const auto& place : {folder, folder.parent_path() / "lib" / "fathom"}) {
            if (std::filesystem::exists(place / cuda_module_file, error))
                return load_module(place / cuda_module_file);
        }
    }
    return {.module = nullptr,
            .why_not = "Built for the CPU; ./installer/cuda adds what an NVIDIA GPU needs."};
}

} // namespace

LoadedModule load_module(const std::filesystem::path& file)
{
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        return {.module = nullptr, .why_not = fmt::format("{} is missing.", printable(file.string()))};
    }
    // An absolute path, or dlopen would search the library path for a bare name.
    void* library = dlopen(std::filesystem::absolute(file, error).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char* message = dlerror();
        return {.module = nullptr,
                .why_not = fmt::format("{} cannot be loaded: {}.", printable(file.string()),
                                       printable(message ? message : "unknown error"))};
    }
    // POSIX lets a data pointer of dlsym carry a function.
    const auto function = reinterpret_cast<BackendModuleFunction>(dlsym(library, backend_module_symbol));
    const BackendModule* module = function ? function() : nullptr;
    if (!module) {
        dlclose(library);
        return {.module = nullptr,
                .why_not = fmt::format("{} is not a module of this program.", printable(file.string()))};
    }
    if (module->version != backend_module_version) {
        const std::uint32_t found = module->version;
        dlclose(library);
        return {.module = nullptr,
                .why_not = fmt::format("{} has interface version {}, and this program needs {}.",
                                       printable(file.string()), found, backend_module_version)};
    }
    return {.module = module, .why_not = {}};
}

const LoadedModule& cuda_module()
{
    static const LoadedModule loaded = load_cuda_module();
    return loaded;
}

} // namespace engine
