// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace engine {

// Bytes that this process can still take without swapping: the kernel's estimate (which counts the page cache
// that mapped weights lie in), or what the control group leaves where that is less.
std::int64_t available_memory();
std::int64_t total_memory();

// Physical cores that this process may run on, at least 1.
int physical_cores();

} // namespace engine
