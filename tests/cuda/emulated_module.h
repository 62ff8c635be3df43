// SPDX-License-Identifier: MIT
// The module with emulated kernels, which stands beside the test programs, and the machine that it emulates.
#pragma once

#include "engine/backend.h"
#include "engine/backend_module.h"
#include "tests/cuda/emulation/control.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace emulated {

// A control function of the module that the engine has loaded.
template <class F> F* control(const char* name)
{
    if (!engine::cuda_module().module)
        throw std::runtime_error(engine::cuda_module().why_not);
    const auto file =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / engine::cuda_module_file;
    void* const module = dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
    void* const function = module ? dlsym(module, name) : nullptr;
    if (!function)
        throw std::runtime_error(std::string(name) + " is not in " + file.string());
    return reinterpret_cast<F*>(function);
}

inline void reset()
{
    control<decltype(emulation_reset)>("emulation_reset")();
}
inline void set_devices(std::initializer_list<EmulatedDevice> devices)
{
    control<decltype(emulation_set_devices)>("emulation_set_devices")(devices.begin(),
                                                                      static_cast<int>(devices.size()));
}
inline void set_driver(int version)
{
    control<decltype(emulation_set_driver)>("emulation_set_driver")(version);
}
inline void fail(const char* function, int nth, int error)
{
    control<decltype(emulation_fail)>("emulation_fail")(function, nth, error);
}
inline std::int64_t allocated_bytes()
{
    return control<decltype(emulation_allocated_bytes)>("emulation_allocated_bytes")();
}
inline std::int64_t launches()
{
    return control<decltype(emulation_launches)>("emulation_launches")();
}

} // namespace emulated
