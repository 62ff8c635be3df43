#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes iq_tables.cpp: the code books of the IQ1, IQ2 and IQ3 types, two or three bits a number.

Source of the data: the Python package gguf (pip install gguf), which carries those of ggml-common.h.
Usage: make_iq_tables.py > iq_tables.cpp
"""
import gguf.quants as quants

# our name, the package's class, bits for the number of a level
TABLES = [("iq2_xxs_codes", quants.IQ2_XXS, 2), ("iq2_xs_codes", quants.IQ2_XS, 2),
          ("iq2_s_codes", quants.IQ2_S, 2), ("iq1_codes", quants.IQ1_S, 2),
          ("iq3_xxs_codes", quants.IQ3_XXS, 3), ("iq3_s_codes", quants.IQ3_S, 3)]

HEAD = """\
// SPDX-License-Identifier: MIT
// Written by make_iq_tables.py from ggml's ggml-common.h, as the Python package gguf carries it. Do not edit.
// These numbers are part of the file format: Copyright (c) 2023-2024 The ggml authors, MIT licence.
#include "kernels/quant/iq_tables.h"

namespace kernels {
"""


def codes(table, bits):
    table.init_grid()
    levels = list(table.grid_map)
    for row in table.grid.reshape(table.grid_shape):
        yield sum(levels.index(int(value)) << (bits * k) for k, value in enumerate(row))


def main():
    print(HEAD)
    for name, table, bits in TABLES:
        digits = 4 if bits == 2 else 3
        entries = ["0x%0*x," % (digits, code) for code in codes(table, bits)]
        each = 104 // (len(entries[0]) + 1)
        print("const std::uint16_t %s[%d] = {" % (name, len(entries)))
        for first in range(0, len(entries), each):
            print("    " + " ".join(entries[first:first + each]))
        print("};\n")
    print("} // namespace kernels")


if __name__ == "__main__":
    main()
