// SPDX-License-Identifier: MIT
// Stands before CUDA's own header of this name where .cu files are compiled for the emulation.
#pragma once

#include "tests/cuda/emulation/device_functions.h"
#include "tests/cuda/emulation/runtime_api.h"
#include "tests/cuda/emulation/tensor_core.h"
#include "tests/cuda/emulation/types.h"
