// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace emulation {

// The name of the function at this address, without its parameters; its place in the program where the
// program has no symbols.
std::string symbol_name(const void* function);

} // namespace emulation
