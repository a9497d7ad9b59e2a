#!/usr/bin/env python3
"""Writes jobs/ml/unicode_tables.h from Python's unicodedata: letters (categories L*) and simple lower case.

    scripts/unicode_tables.py > jobs/ml/unicode_tables.h
"""
import sys
import unicodedata


def ranges(points):
    start = last = None
    for point in points:
        if last is not None and point == last + 1:
            last = point
            continue
        if start is not None:
            yield start, last
        start = last = point
    yield start, last


def lower_runs():
    """(first, last, stride, delta): code points first, first + stride, ... last become code + delta."""
    runs = []
    for point in range(0x80, sys.maxunicode + 1):
        low = chr(point).lower()
        if len(low) != 1 or ord(low) == point:
            continue
        delta = ord(low) - point
        if runs and runs[-1][3] == delta:
            first, last, stride, _ = runs[-1]
            if first == last and point - last in (1, 2):
                runs[-1] = (first, point, point - last, delta)
                continue
            if first != last and point - last == stride:
                runs[-1] = (first, point, stride, delta)
                continue
        runs.append((point, point, 1, delta))
    return runs


def rows(items, per_line):
    for i in range(0, len(items), per_line):
        print("    " + " ".join(items[i:i + per_line]))


letters = list(ranges(p for p in range(sys.maxunicode + 1) if unicodedata.category(chr(p)).startswith("L")))
print(f"""// clang-format off
// Letters and lower case of Unicode {unicodedata.unidata_version}. Written by scripts/unicode_tables.py from Python's unicodedata;
// the data are those of the Unicode Character Database (Unicode License). Do not edit.
#pragma once

#include <cstdint>

namespace millrace::ml {{

struct LetterRange {{
  uint32_t first, last;
}};
// first, first + stride, ... last have the lower case code + delta.
struct LowerRange {{
  uint32_t first, last, stride;
  int32_t delta;
}};

inline constexpr LetterRange kLetters[] = {{""")
rows([f"{{0x{a:x}, 0x{b:x}}}," for a, b in letters], 5)
print("};\n\ninline constexpr LowerRange kLower[] = {")
rows([f"{{0x{a:x}, 0x{b:x}, {s}, {d}}}," for a, b, s, d in lower_runs()], 4)
print("};\n\n}  // namespace millrace::ml")
