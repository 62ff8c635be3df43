#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes unicode.cpp: the general categories that pre-tokenisers ask for, as sorted ranges of code points.

Source of the data: Python's unicodedata, that is the Unicode Character Database.
Usage: make_unicode.py > unicode.cpp
"""
import sys
import unicodedata

CLASSES = {"L": "letter", "M": "mark", "N": "number", "P": "punctuation", "S": "symbol"}


def ranges():
    """(first, last, class) with the longest possible runs; code points of other categories are left out."""
    found = []
    for code_point in range(sys.maxunicode + 1):
        name = CLASSES.get(unicodedata.category(chr(code_point))[0])
        if name is None:
            continue
        if found and found[-1][1] == code_point - 1 and found[-1][2] == name:
            found[-1][1] = code_point
        else:
            found.append([code_point, code_point, name])
    return found


def main():
    letters = {"letter": "L", "mark": "M", "number": "N", "punctuation": "P", "symbol": "S"}
    entries = ["{0x%X, 0x%X, %s}," % (first, last, letters[name]) for first, last, name in ranges()]
    lines = []
    line = "   "
    for entry in entries:
        if len(line) + 1 + len(entry) > 110:
            lines.append(line)
            line = "   "
        line += " " + entry
    lines.append(line)
    print("// SPDX-License-Identifier: MIT")
    print("// Written by make_unicode.py from Unicode %s. Do not edit." % unicodedata.unidata_version)
    print('#include "engine/text/unicode.h"')
    print()
    print("namespace engine::text {")
    print()
    print("namespace {")
    print()
    for name, letter in letters.items():
        print("constexpr Category %s = Category::%s;" % (letter, name))
    print()
    print("// clang-format off")
    print("constexpr CategoryRange ranges[] = {")
    print("\n".join(lines))
    print("};")
    print("// clang-format on")
    print()
    print("} // namespace")
    print()
    print("std::span<const CategoryRange> category_ranges()")
    print("{")
    print("    return ranges;")
    print("}")
    print()
    print("} // namespace engine::text")


main()
