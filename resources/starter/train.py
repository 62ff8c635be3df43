# SPDX-License-Identifier: MIT
"""Trains the starter model on a CPU. README.md tells how; `--out` receives everything and is never committed.

The schedule follows the share of the budget that is used up, of `--minutes` of wall time or of `--tokens`: short rows
first, then longer ones, at last the conversation stage with loss on the answers alone while the rate falls to zero.
With `--tokens` a run depends on the seed alone; with `--minutes` also on the speed of the machine.
"""
import argparse
import json
import math
import os
import signal
import time

import torch

import data
from model import Config, Model

# Up to this share of the budget: (share, stage, tokens in a row).
PHASES = [(0.40, 0, 256), (0.70, 0, 512), (0.92, 1, 1024), (1.00, 1, 2048)]
DECAY_FROM = 0.65
MICRO_TOKENS = 2048


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised (Jordan et al. 2024), scaled to AdamW's size (arXiv 2502.16982).

    Takes matrices and stacks of matrices. The iteration is Newton's with a quintic polynomial whose coefficients
    drive all singular values into about 0.7 to 1.2 within five steps.
    """

    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.1):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @staticmethod
    def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
        wide = matrix.shape[-2] <= matrix.shape[-1]
        x = matrix if wide else matrix.mT
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.mT
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
        return x if wide else x.mT

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = self.orthogonal(parameter.grad + group["momentum"] * state["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(parameter.shape[-2:])))


def make_optimizers(model: Model, muon: bool, lr: float) -> list[torch.optim.Optimizer]:
    hidden, tables, vectors = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            vectors.append(parameter)
        elif name in ("embed_tokens.weight", "lm_head.weight") or name.endswith("mlp.gate"):
            tables.append(parameter)
        else:
            hidden.append(parameter)
    groups = [{"params": tables, "weight_decay": 0.0}, {"params": vectors, "weight_decay": 0.0}]
    if not muon:
        groups.append({"params": hidden, "weight_decay": 0.1})
    optimizers = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), eps=1e-8)]
    if muon:
        optimizers.append(Muon(hidden, lr=lr))
    return optimizers


def rate(share: float, step: int, warmup: int) -> float:
    """Warm-up, constant, then 1 - sqrt down to zero (arXiv 2404.06395)."""
    decay = 1.0 if share < DECAY_FROM else 1 - math.sqrt(min(1.0, (share - DECAY_FROM) / (1 - DECAY_FROM)))
    return min(1.0, (step + 1) / warmup) * decay


@torch.no_grad()
def validate(model: Model, packer: data.Packer, tokens: int) -> dict[str, float]:
    """Nats per token on held-out records, per source."""
    out = {}
    for name in packer.names:
        total, count = 0.0, 0
        for ids in packer.held_out(name, tokens):
            row = torch.from_numpy(ids).unsqueeze(0)
            loss, _ = model.loss(row[:, :-1], row[:, 1:])
            total += loss.item() * (len(ids) - 1)
            count += len(ids) - 1
        out[name] = round(total / count, 4)
    return out


def plot(log: list[dict], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), dpi=80)
    steps = [entry for entry in log if "loss" in entry]
    left.plot([e["tokens"] / 1e6 for e in steps], [e["loss"] for e in steps], lw=0.8, label="training")
    checks = [entry for entry in log if "validation" in entry]
    for name in ("stories_tiny", "synth_chat", "synth_stories"):
        points = [(e["tokens"] / 1e6, e["validation"][name]) for e in checks if name in e["validation"]]
        if points:
            left.plot(*zip(*points), ".-", lw=0.8, ms=3, label=name)
    left.set(xlabel="million tokens", ylabel="nats per token", title="loss", ylim=(0, 6))
    left.legend(fontsize=7)
    for index in range(len(steps[-1]["busiest"])):
        right.plot([e["tokens"] / 1e6 for e in steps], [e["busiest"][index] for e in steps], lw=0.8, label=f"MoE layer {index + 1}: busiest")
        right.plot([e["tokens"] / 1e6 for e in steps], [e["idlest"][index] for e in steps], lw=0.5, ls=":")
    right.axhline(1.0, color="grey", lw=0.5)
    right.set(xlabel="million tokens", ylabel="times the mean", title="load of the busiest and the idlest expert")
    right.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="work folder: data cache, checkpoint, log, plot")
    parser.add_argument("--data", help="folder with the *.jsonl.xz of real text; without it, generated text alone")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="wall time to train, over all resumed runs")
    budget.add_argument("--tokens", type=float, help="tokens to train on")
    parser.add_argument("--until", type=float, help="with --minutes: end at this Unix time, however late the run began")
    parser.add_argument("--config", help="config.json, to train another size")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=8192, help="tokens per step")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--warmup", type=int, default=60, help="steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint-minutes", type=float, default=4)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    os.makedirs(args.out, exist_ok=True)
    config = Config.load(args.config) if args.config else Config()
    tokenizer, sources = data.prepare(args.data, args.out, args.seed, config.vocab_size)
    packer = data.Packer(tokenizer, sources, args.seed)
    model = Model(config)
    optimizers = make_optimizers(model, args.optimizer == "muon", args.lr)
    total = sum(parameter.numel() for parameter in model.parameters())
    print(f"{total / 1e6:.2f} M parameters, {args.optimizer}", flush=True)

    step, tokens, spent, log = 0, 0, 0.0, []
    path = os.path.join(args.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path, weights_only=False)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        packer.restore(saved["packer"])
        step, tokens, spent, log = saved["step"], saved["tokens"], saved["spent"], saved["log"]
        print(f"resumed at step {step}, {tokens / 1e6:.2f} M tokens, {spent / 60:.1f} min", flush=True)

    def save() -> None:
        state = {
            "config": vars(config),
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "packer": packer.state(),
            "step": step,
            "tokens": tokens,
            "spent": spent,
            "log": log,
        }
        torch.save(state, path + ".part")
        os.replace(path + ".part", path)
        with open(os.path.join(args.out, "log.json"), "w", encoding="utf-8") as file:
            json.dump(log, file)
        if log:
            plot(log, os.path.join(args.out, "training.png"))

    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    signal.signal(signal.SIGINT, lambda *_: stopping.append(True))
    last_save = last_check = time.monotonic()
    step_seconds = 0.0
    while not stopping:
        begin = time.monotonic()
        if args.tokens:
            share = tokens / args.tokens
        elif args.until:
            share = spent / max(1.0, spent + args.until - time.time() - step_seconds)
        else:
            share = (spent + step_seconds) / (60 * args.minutes)
        if share >= 1 or (args.until and time.time() >= args.until):
            break
        _, stage, length = next(phase for phase in PHASES if share < phase[0])
        scale = rate(share, step, args.warmup)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = args.lr * scale
        ids, targets = packer.batch(stage, args.batch // length, length)
        counted = int((targets >= 0).sum())
        loss_sum = 0.0
        rows = max(1, MICRO_TOKENS // length)
        load = []
        for first in range(0, len(ids), rows):
            wanted = torch.from_numpy(targets[first : first + rows])
            loss, extra = model.loss(torch.from_numpy(ids[first : first + rows]), wanted)
            weight = (wanted >= 0).sum() / counted  # each target of the step counts alike
            (loss * weight + extra * rows / len(ids)).backward()
            loss_sum += loss.item() * weight.item()
            load.append(torch.stack([layer.mlp.load for layer in model.layers[config.first_k_dense_replace :]]))
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        tokens += ids.size
        step_seconds = time.monotonic() - begin
        spent += step_seconds
        relative = torch.stack(load).mean(0) * config.n_routed_experts
        log.append(
            {
                "step": step,
                "tokens": tokens,
                "seconds": round(spent, 1),
                "loss": round(loss_sum, 4),
                "lr": args.lr * scale,
                "norm": round(norm, 3),
                "busiest": [round(x, 2) for x in relative.amax(-1).tolist()],
                "idlest": [round(x, 2) for x in relative.amin(-1).tolist()],
            }
        )
        if step % 10 == 0:
            recent = log[-10:]
            mean = sum(entry["loss"] for entry in recent) / len(recent)
            speed = (tokens - recent[0]["tokens"]) / max(1e-9, spent - recent[0]["seconds"])
            print(
                f"{100 * share:5.1f} %  step {step}  {tokens / 1e6:.2f} M tokens  loss {mean:.3f}  norm {norm:.2f}  "
                f"lr {args.lr * scale:.1e}  {speed:.0f} tokens/s  row {length}  busiest {max(log[-1]['busiest']):.2f}",
                flush=True,
            )
        if time.monotonic() - last_check > 15 * 60:
            log.append({"step": step, "tokens": tokens, "validation": validate(model, packer, 4000)})
            print("validation", log[-1]["validation"], flush=True)
            last_check = time.monotonic()
        if time.monotonic() - last_save > 60 * args.checkpoint_minutes:
            save()
            last_save = time.monotonic()
    if not stopping:
        log.append({"step": step, "tokens": tokens, "validation": validate(model, packer, 8000)})
        print("validation", log[-1]["validation"], flush=True)
    save()
    print(f"{'stopped' if stopping else 'finished'} at step {step}, {tokens / 1e6:.2f} M tokens, {spent / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
