#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every golden model with transformers and with `fathom-cli logits`, in each instruction set, at once and
token by token, and compares the logits. Folders, GGUF files (read by the package gguf), FP8, V2 and V3. Writes
what it found to results/transformers.txt, and ends with status 1 where something differs by more than 1e-4 of a
position's largest logit.

Needs: pip install torch "transformers>=4.55,<4.58" safetensors gguf.
Usage: check_transformers.py [path of fathom-cli, default ../../build/release/bin/fathom-cli]
The models of the specification join in where FATHOM_SHARED (default: ../shared beside the repository) has them.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers

import make_golden

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLI = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/bin/fathom-cli")
SPECIFICATION = pathlib.Path(os.environ.get("FATHOM_SHARED", ROOT.parent / "shared")) / "spec" / "golden"
LIMIT = 1e-4
WAYS = [("scalar", []), ("scalar, one by one", ["--chunk", "1"]), ("avx2", []), ("avx2, one by one", ["--chunk", "1"]),
        ("avx512", []), ("avx512, one by one", ["--chunk", "1"])]


def models():
    """(name, folder with config.json and run.json, GGUF file or None)"""
    for name in sorted(make_golden.MODELS):
        folder = make_golden.OUT / name
        file = folder / "model.gguf"
        yield name, folder, file if file.exists() else None
    if SPECIFICATION.exists():
        for folder in sorted(path.parent for path in SPECIFICATION.glob("*/run.json")):
            yield f"specification {folder.name}", folder, None
            for file in sorted(folder.glob("*.gguf")):
                yield f"specification {file.name}", folder, file


def reference_logits(folder, file):
    config, weights = make_golden.read_folder(folder)
    if file:
        weights = make_golden.read_gguf(file)
        if "legacy" in file.name:  # written before there were keys for groups: plain choice
            config.update(topk_method="greedy", n_group=1, topk_group=1)
    run = json.loads((folder / "run.json").read_text())
    return run["prompt_ids"], make_golden.Golden(config, weights).logits(run["prompt_ids"])


def our_logits(model, ids, isa, options):
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary) / "logits.npy"
        subprocess.run([CLI, "logits", model, "--ids", ",".join(map(str, ids)), "--out", out, "--isa", isa,
                        *options], check=True)
        return torch.from_numpy(numpy.load(out))


def main():
    torch.set_num_threads(1)
    lines = [f"check_transformers.py, transformers {transformers.__version__}, torch {torch.__version__}",
             "largest difference of a logit, in parts of the largest logit of its position"]
    failures = 0
    for name, folder, file in models():
        ids, expected = reference_logits(folder, file)
        cells = []
        for way, options in WAYS:
            found = our_logits(file or folder, ids, way.split(",")[0], options)
            difference = make_golden.difference(found, expected)
            failures += not difference <= LIMIT  # what is not a number fails
            cells.append(f"{way} {difference:.1e}")
        lines.append(f"{name:34} {len(ids):4} tokens: {'; '.join(cells)}")
        print(lines[-1], flush=True)
    lines.append(f"{failures} differences above {LIMIT:.0e}")
    (HERE / "results" / "transformers.txt").write_text("\n".join(lines) + "\n")
    print(lines[-1])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
