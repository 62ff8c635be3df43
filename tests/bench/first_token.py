#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Loads a model of V2-Lite's shape from a warm page cache and measures the time from the start of the process to its
first token, the speed behind it, and the memory that it takes against the plan. Writes results/first_token.md.

Usage: first_token.py [--cli PATH] [--model FILE.gguf] [--type q4_k_m] [--runs 5] [--note TEXT]
FILE.gguf (default: v2-lite-TYPE.gguf in the temporary folder, about 10 GB) is made with `fathom-cli synth` where it
is missing, and stays.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROMPTS = {"a": "one word", "Hello there, this is a short prompt.": "a short sentence"}
CONTEXT = 4096
GENERATED = 24


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def first_byte(command):
    """Seconds from the start of the process to the first byte that it prints."""
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.read(1)
        seconds = time.monotonic() - begin
        process.stdout.read()
    if process.returncode != 0:
        raise SystemExit(f"{command}: ended with {process.returncode}")
    return seconds


def json_of(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default=HERE.parent.parent / "build/release/bin/fathom-cli")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--type", default="q4_k_m")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--note", default="", help="what else a reader of the figures must know")
    options = parser.parse_args()
    model = options.model or pathlib.Path(tempfile.gettempdir()) / f"v2-lite-{options.type}.gguf"
    made = ""
    if not model.exists():
        begin = time.monotonic()
        subprocess.run([options.cli, "synth", model, "--shape", "v2-lite", "--type", options.type], check=True)
        made = f", written in {time.monotonic() - begin:.0f} s"
    with open(model, "rb") as file:  # into the page cache
        while file.read(1 << 24):
            pass

    lines = [f"# A model of V2-Lite's shape, {options.type}, from a warm page cache", ""]
    inspected = json_of([options.cli, "inspect", model, "--ctx", str(CONTEXT), "--json"])
    plan = inspected["plan"]
    lines += [f"{inspected['file_bytes'] / 1e9:.2f} GB{made}; {processor()}, {os.cpu_count()} cores, load "
              f"{os.getloadavg()[0]:.1f} before the runs; {options.runs} runs, median (least to most).",
              *([options.note] if options.note else []), "",
              "| prompt | tokens | start to first token, s | prompt tokens/s | generated tokens/s | peak memory, GB |",
              "|---|---|---|---|---|---|"]
    for prompt, name in PROMPTS.items():
        command = [options.cli, "generate", model, "--prompt", prompt, "--temperature", "0", "--ctx", str(CONTEXT),
                   "--max-tokens"]
        seconds = sorted(first_byte([*command, "1"]) for _ in range(options.runs))
        answers = [json_of([*command, str(GENERATED), "--json"]) for _ in range(options.runs)]

        def median(key, answers=answers):
            return statistics.median(answer[key] for answer in answers)

        lines.append(f"| {name} | {answers[0]['prompt_tokens']} | {statistics.median(seconds):.2f} ({seconds[0]:.2f} "
                     f"to {seconds[-1]:.2f}) | {median('prompt_tps'):.1f} | {median('generate_tps'):.1f} | "
                     f"{max(answer['peak_rss_bytes'] for answer in answers) / 1e9:.3f} |")
    lines += ["", f"Plan for {plan['context']} tokens: weights {plan['weights'] / 1e9:.3f} GB, cache "
                  f"{plan['cache'] / 1e9:.3f}, scratch {plan['scratch'] / 1e9:.3f}, total {plan['total'] / 1e9:.3f}. "
                  "The cache's pages become resident as tokens fill it.",
              f"Load {os.getloadavg()[0]:.1f} after the runs.", "", "Made by `tests/bench/first_token.py`."]
    text = "\n".join(lines) + "\n"
    (HERE / "results" / "first_token.md").write_text(text)
    print(text, end="")


main()
