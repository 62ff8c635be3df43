#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the texts of tokenizer_bench into a folder: english.txt, chinese.txt, code.txt and mixed.txt, which
is a third of each by turns of 4,000 characters. English and Chinese come from the data of the starter model
($FATHOM_SHARED, by default ../shared beside the repository), code from this repository's own sources.

Usage: make_mixed_text.py FOLDER [MILLIONS OF BYTES PER LANGUAGE, 2]
"""
import json
import lzma
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STARTER = pathlib.Path(os.environ.get("FATHOM_SHARED", ROOT.parent / "shared")) / "data" / "starter"
SOURCES = {".cpp", ".h", ".cu", ".py", ".qml", ".cmake", ".md"}


def starter_texts(name):
    with lzma.open(STARTER / (name + ".jsonl.xz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["text"] if "text" in entry else "\n\n".join(m["content"] for m in entry["messages"])


def source_texts():
    for path in sorted(ROOT.glob("*/**/*")):
        if path.suffix in SOURCES and "build" not in path.parts and path.is_file():
            yield path.read_text(encoding="utf-8")


def taken(texts, size):
    text = ""
    for part in texts:
        text += part + "\n\n"
        if len(text.encode()) >= size:
            break
    return text


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    size = int(float(sys.argv[2] if len(sys.argv) > 2 else 2) * 1e6)
    chinese = (text for name in ("zh_mixed", "synth_zh") for text in starter_texts(name))
    texts = {
        "english": taken(starter_texts("books_children"), size),
        "chinese": taken(chinese, size),
        "code": taken(source_texts(), size),
    }
    turns = []
    for begin in range(0, max(map(len, texts.values())), 4000):
        turns += [text[begin : begin + 4000] for text in texts.values()]
    texts["mixed"] = "".join(turns)
    for name, text in texts.items():
        (folder / (name + ".txt")).write_bytes(text.encode())


main()
