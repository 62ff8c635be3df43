#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares fathom-cli with the `tokenizers` library on random strings: the vocabularies of deepseek-llm and
deepseek-coder, and the former cut as deepseek-v3. All strings go through one process, parted by the token that
ends a sentence. The last result stands in compare_tokenizers.txt.

Needs: pip install tokenizers, and the vocabularies in $FATHOM_SHARED (by default ../shared beside the
repository). Usage: compare_tokenizers.py FATHOM-CLI [STRINGS, 100000 [SEED, 1]]
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

import tokenizers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = pathlib.Path(os.environ.get("FATHOM_SHARED", ROOT.parent / "shared")) / "data" / "tokenizer"
END = "<\uff5cend\u2581of\u2581sentence\uff5c>"

POOLS = [
    (0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x30, 0x39), (0x00, 0x20), (0x80, 0x24F), (0x300, 0x36F),
    (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x10A0, 0x10FF), (0x13A0, 0x13FF), (0x1E00, 0x1FFF),
    (0x2000, 0x206F), (0x2100, 0x2BFF), (0x2C00, 0x2DFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0x4E00, 0x9FFF),
    (0xA640, 0xABFF), (0xAC00, 0xD7FF), (0xFB00, 0xFFEF), (0x10000, 0x10FFF), (0x118A0, 0x118DF), (0x1E900, 0x1E95F),
    (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF),
]
PIECES = [
    " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u3000", "\u00a0", "\u2028", "the", "Hello", " world", "'s", "12",
    "1234567", "3.14", "\u4f60\u597d", "\uff0c", "\u3002", "def f(x):\n    return x", "https://", "!!", "...", "e\u0301",
    "\U0001f44d\U0001f3fd", "\u200d", "<\uff5c", "\uff5c>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<|EOT|>", "|",
    "caf\u00e9", "\uff21\uff22", "na\u00efve", "\u2019s", "\u2026", "\u2167", "\u00bd", "\u0663",
]


def random_text(source):
    text = ""
    for _ in range(source.randint(1, 12)):
        if source.random() < 0.4:
            text += source.choice(PIECES) * source.choice([1, 1, 1, 2, 5])
            continue
        first, last = source.choice(POOLS)
        for _ in range(source.randint(1, 8)):
            # Unassigned code points change their class from one version of Unicode to the next.
            c = chr(source.randint(first, last))
            if unicodedata.category(c) not in ("Cn", "Cs"):
                text += c
    return text


def vocabularies():
    for kind in ("deepseek-llm", "deepseek-coder"):
        yield kind, json.loads((DATA / f"reconstructed-{kind}.tokenizer.json").read_text())
    llm = json.loads((DATA / "reconstructed-deepseek-llm.tokenizer.json").read_text())
    v3 = json.loads((ROOT / "tests" / "data" / "tokenizer" / "deepseek-v3.json").read_text())
    llm["pre_tokenizer"] = v3["pre_tokenizer"]
    yield "deepseek-v3", llm


def fathom_ids(cli, folder, texts):
    run = subprocess.run(
        [cli, "tokenize", folder, "--special"], input=END.join(texts).encode(), stdout=subprocess.PIPE, check=True
    )
    return json.loads(run.stdout)


def compare(cli, kind, document, texts):
    end = next(token["id"] for token in document["added_tokens"] if token["content"] == END)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False))
        (path / "config.json").write_text("{}")
        ids = fathom_ids(cli, folder, texts)
        reference = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
    ours = [[]]
    for token in ids:
        ours.append([]) if token == end else ours[-1].append(token)
    theirs = reference.encode_batch(texts, add_special_tokens=False)
    different = [i for i, encoding in enumerate(theirs) if i >= len(ours) or ours[i] != encoding.ids]
    print(
        f"{kind}: {len(texts)} strings, {sum(len(text.encode()) for text in texts)} bytes, {len(ids)} tokens, "
        f"{len(different)} differences"
    )
    for i in different[:10]:
        print("  ", ascii(texts[i]), ours[i] if i < len(ours) else None, theirs[i].ids)
    return not different and len(ours) == len(texts)


def main():
    cli = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    source = random.Random(seed)
    texts = [random_text(source) for _ in range(count)]
    print(f"tokenizers {tokenizers.__version__}, seed {seed}")
    results = [compare(cli, kind, document, texts) for kind, document in vocabularies()]
    sys.exit(0 if all(results) else 1)


main()
