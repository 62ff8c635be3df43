// SPDX-License-Identifier: MIT
// What libFuzzer calls. FATHOM_FUZZ_TARGET is a function of targets.h.
#include "tests/fuzz/targets.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::FATHOM_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
