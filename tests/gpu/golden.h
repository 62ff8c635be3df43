// SPDX-License-Identifier: MIT
// The golden models of tests/data/golden through the module, as the program loads it.
#pragma once

#include "tests/gpu/options.h"
#include "tests/gpu/report.h"

namespace gpu {

void check_golden(Report& report, const Clock& clock, const Options& options);

} // namespace gpu
