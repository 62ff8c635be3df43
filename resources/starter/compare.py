# SPDX-License-Identifier: MIT
"""Sets trained models side by side, as a table in Markdown: what a token costs in training and in the cache, how fast
it comes, and the loss reached.

Give it work folders of train.py that used the same data, seed and tokens, one with the usual configuration and some
with dense.json in several widths (`intermediate_size`); the dense one whose loss is the same is the one to compare.
"""

import argparse
import os
import statistics
import time

import torch

import data
from evaluate import Session
from export import load
from model import Model
from train import validate


def active(model: Model) -> int:
    """Parameters of the matrices that work on a token; the embedding is looked up."""
    c, count = model.c, 0
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and name != "embed_tokens.weight":
            chosen = name.endswith(("mlp.gate_up", "mlp.down"))
            count += (
                parameter.numel()
                * (c.num_experts_per_tok if chosen else 1)
                // (c.n_routed_experts if chosen else 1)
            )
    return count


def training_operations(model: Model, context: int) -> float:
    """Per token: two for each weight forwards, four backwards, and the products of attention over half the context."""
    c = model.c
    widths = c.qk_nope_head_dim + c.qk_rope_head_dim + c.v_head_dim
    return 6 * (active(model) + c.num_hidden_layers * c.num_attention_heads * widths * context / 2)


def cache_bytes(model: Model) -> int:
    """Per token, in 16 bits."""
    c = model.c
    heads = c.num_attention_heads * (c.qk_nope_head_dim + c.qk_rope_head_dim + c.v_head_dim)
    return 2 * c.num_hidden_layers * (c.kv_lora_rank + c.qk_rope_head_dim if c.kv_lora_rank else heads)


def seconds_per_token(model: Model, depth: int) -> float:
    """Median over 100 tokens behind `depth` others, one thread."""
    session, times = Session(model), []
    session.forward([[0] * depth])
    for _ in range(100):
        begin = time.perf_counter()
        session.forward([[1]])
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="work folders of train.py")
    parser.add_argument(
        "--depth", type=int, default=1024, help="tokens in the cache when the speed is measured"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| model | parameters, M | active, M | tokens trained, M | held-out loss | training, MFLOP per token at 512 | "
        f"cache, bytes per token | tokens/s at {args.depth}, PyTorch, one thread |\n|---|---|---|---|---|---|---|---|"
    )
    for folder in args.folders:
        config, model, saved = load(os.path.join(folder, "checkpoint.pt"))
        tokenizer, sources = data.prepare(None, folder, 0, config.vocab_size)
        losses = validate(model, data.Packer(tokenizer, sources, 0), 8000)
        loss = statistics.mean(losses[name] for name in losses if data.MIX[name][0] > 0)
        print(
            f"| {os.path.basename(os.path.normpath(folder))} | {sum(p.numel() for p in model.parameters()) / 1e6:.2f} | "
            f"{active(model) / 1e6:.2f} | {saved['tokens'] / 1e6:.2f} | {loss:.3f} | "
            f"{training_operations(model, 512) / 1e6:.1f} | {cache_bytes(model)} | "
            f"{1 / seconds_per_token(model, args.depth):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
