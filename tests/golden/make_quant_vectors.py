#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/data/quant: what the Python package gguf makes of random blocks, and how it writes random rows.

  TYPE.bin    blocks of random bytes with sane scales, for every block type that the package reads
  TYPE.f32    the numbers in them
  rows.f32    numbers to be written: normal ones, one outlier, constants, zeros, very small ones
  TYPE.rows   rows.f32 in the types that the package writes

Usage: pip install gguf numpy; make_quant_vectors.py
"""
import pathlib

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

FOLDER = pathlib.Path(__file__).parent.parent / "data" / "quant"
VALUES = 512
READ = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS",
        "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]
WRITTEN = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16", "F16"]
# Where the f16 fields of a block lie; IQ1_M has its one in the top nibbles of its last four words.
HALVES = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def random_blocks(name, random):
    values, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    count = VALUES // values
    blocks = random.integers(0, 256, (count, size), np.uint8)

    def halves():  # one of them subnormal
        numbers = (random.standard_normal(count) * 0.05).astype(np.float16)
        numbers[random.integers(count)] = np.float16(3e-6)
        return numbers

    if name == "IQ1_M":
        words = blocks[:, 48:56].copy().view(np.uint16)
        bits = halves().view(np.uint16)
        for k in range(4):
            words[:, k] = (words[:, k] & 0x0FFF) | (((bits >> (4 * k)) & 15) << 12)
        blocks[:, 48:56] = words.view(np.uint8)
    else:
        for offset in HALVES.get(name, [0]):
            blocks[:, offset:offset + 2] = halves().reshape(-1, 1).view(np.uint8)
    return blocks


def rows(random):
    numbers = (random.standard_normal(VALUES) * 0.02).astype(np.float32)
    numbers[40] = 3.0                                     # an outlier
    numbers[64:96] = 0.75                                 # constants
    numbers[96:128] = -0.75
    numbers[128:160] = 0.0
    numbers[160:192] = np.abs(numbers[160:192])           # of one sign
    numbers[192:224] = -np.abs(numbers[192:224])
    numbers[224:256] *= 1e-3
    numbers[256:288] = np.arange(32, dtype=np.float32) - 16  # ties
    return numbers


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(6)
    for name in READ:
        blocks = random_blocks(name, random)
        numbers = dequantize(blocks, gguf.GGMLQuantizationType[name]).astype("<f4").reshape(-1)
        assert numbers.size == VALUES and np.isfinite(numbers).all()
        blocks.tofile(FOLDER / (name + ".bin"))
        numbers.tofile(FOLDER / (name + ".f32"))
    numbers = rows(random)
    numbers.astype("<f4").tofile(FOLDER / "rows.f32")
    for name in WRITTEN:
        quantize(numbers, gguf.GGMLQuantizationType[name]).tofile(FOLDER / (name + ".rows"))


if __name__ == "__main__":
    main()
