// SPDX-License-Identifier: MIT
// The formats that look their numbers up in code books: 256 numbers from one block to dst.
#pragma once

#include "kernels/quant/blocks.h"

namespace kernels {

void dequantise_block(const IQ1_SBlock& block, float* dst);
void dequantise_block(const IQ1_MBlock& block, float* dst);
void dequantise_block(const IQ2_XXSBlock& block, float* dst);
void dequantise_block(const IQ2_XSBlock& block, float* dst);
void dequantise_block(const IQ2_SBlock& block, float* dst);
void dequantise_block(const IQ3_XXSBlock& block, float* dst);
void dequantise_block(const IQ3_SBlock& block, float* dst);

} // namespace kernels
