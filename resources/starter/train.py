# SPDX-License-Identifier: MIT
"""Trains the starter model on two cores or on one GPU. README.md tells how; `--out` receives everything and is
never committed.

The schedule is warm-up, stable, decay (arXiv 2404.06395). The first stage trains at a constant rate and can go
on for any number of sittings: raise `--tokens` and start again. Whenever a version is wanted, `--branch` copies
the checkpoint of such a run into another folder and trains the conversation stage from there, with loss on the
answers alone and the rate falling to zero over `--tokens`; the long run is not touched. `--yarn` branches once more,
from the conversation stage: the context is extended by YaRN and tuned briefly on long talks.

A run depends on the seed and the budgets alone, however often it is stopped. Each worker is a process with one
thread that takes its rows of every step; the gradients are summed once per step. On a busy machine that is about
twice as fast as threads inside each operation, which wait for each other all the time. A GPU takes all rows itself,
with products in BF16.
"""

import argparse
import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
import torch.multiprocessing

import data
from model import Config, Model

# Tokens in a row. First stage: short rows, then by turns; the others: by turns.
SHORT_ROWS_UNTIL, SHORT_ROW = 3_000_000, 256
ROWS = ([512, 1024, 256, 2048], [1024, 512, 1024, 2048], [8192, 2048, 4096, 8192])
LONG_CONTEXT_RATE = 0.1  # of the full rate, at the beginning of the last stage
MICRO_TOKENS = {"cpu": 2048, "cuda": 65536}  # that go through the model at once


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised (Jordan et al. 2024), scaled to AdamW's size (arXiv 2502.16982).

    Takes matrices and stacks of matrices. The iteration is Newton's with a quintic polynomial whose
    coefficients drive all singular values into about 0.7 to 1.2 within five steps. The workers share the
    matrices among them.
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
            for index, parameter in enumerate(group["params"]):
                if index % dist.get_world_size() != dist.get_rank():
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = self.orthogonal(parameter.grad + group["momentum"] * state["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(parameter.shape[-2:])))
            self.share(group["params"])

    @staticmethod
    def share(tensors: list[torch.Tensor]) -> None:
        """Brings each from the worker whose turn it is to all."""
        workers = dist.get_world_size()
        for index, tensor in enumerate(tensors if workers > 1 else []):
            dist.broadcast(tensor, src=index % workers)

    @torch.no_grad()
    def share_state(self):
        """Brings the momenta of all workers to all, before a checkpoint is written."""
        for group in self.param_groups:
            self.share([self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in group["params"]])


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


def rate(stage: int, share: float, step: int, warmup: int) -> float:
    """Warm-up, then constant; in the later stages straight down to zero."""
    if stage == 0:
        return min(1.0, (step + 1) / warmup)
    return (1 - share) * (LONG_CONTEXT_RATE if stage == 2 else 1.0)


def row_length(stage: int, step: int, tokens: int) -> int:
    if stage == 0 and tokens < SHORT_ROWS_UNTIL:
        return SHORT_ROW
    return ROWS[stage][step % len(ROWS[stage])]


@torch.no_grad()
def validate(model: Model, packer: data.Packer, tokens: int) -> dict[str, float]:
    """Nats per token on held-out records, per source."""
    out = {}
    for name in packer.names:
        total, count = 0.0, 0
        for ids in packer.held_out(name, tokens):
            row = torch.from_numpy(ids).unsqueeze(0).to(model.cos.device)
            loss, _ = model.loss(row[:, :-1], row[:, 1:], torch.ones_like(row[:, 1:], dtype=torch.float32))
            total += loss.item()
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
    for name in ("stories_tiny", "synth_copy", "synth_talk", "synth_tales"):
        points = [(e["tokens"] / 1e6, e["validation"][name]) for e in checks if name in e["validation"]]
        if points:
            left.plot(*zip(*points), ".-", lw=0.8, ms=3, label=name)
    left.set(xlabel="million tokens", ylabel="nats per token", title="loss", ylim=(0, 6))
    left.legend(fontsize=7, loc="upper right")
    for index in range(len(steps[-1]["busiest"])):
        right.plot(
            [e["tokens"] / 1e6 for e in steps],
            [e["busiest"][index] for e in steps],
            lw=0.8,
            label=f"MoE layer {index + 1}: busiest",
        )
        right.plot([e["tokens"] / 1e6 for e in steps], [e["idlest"][index] for e in steps], lw=0.5, ls=":")
    right.axhline(1.0, color="grey", lw=0.5)
    right.set(
        xlabel="million tokens", ylabel="times the mean", title="load of the busiest and the idlest expert"
    )
    if steps[-1]["busiest"]:
        right.legend(fontsize=6, loc="upper right")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="work folder: data cache, checkpoint, log, plot")
    parser.add_argument(
        "--data", help="folder with the *.jsonl.xz of real text; without it, generated text alone"
    )
    parser.add_argument(
        "--tokens", type=float, required=True, help="tokens to train on; with --branch, of that stage"
    )
    parser.add_argument("--branch", metavar="FOLDER", help="train the conversation stage from this run")
    parser.add_argument(
        "--yarn", type=float, help="with --branch: the stage of the long context, extended by this factor"
    )
    parser.add_argument("--config", help="config.json, to train another size; dense.json for compare.py")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=4096, help="tokens per step")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--warmup", type=int, default=80, help="steps")
    parser.add_argument("--workers", type=int, default=2, help="processes, one per core")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="auto: a GPU if there is one"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="stop then, to go on in another sitting"
    )
    parser.add_argument("--checkpoint-minutes", type=float, default=4)
    args = parser.parse_args()
    if args.device == "auto":
        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.device == "cuda":
        args.workers = 1
    return args


def stage_of(args: argparse.Namespace) -> int:
    """0 first stage, 1 conversation, 2 long context."""
    return 0 if not args.branch else 2 if args.yarn else 1


def configuration(args: argparse.Namespace) -> Config:
    path = os.path.join(args.out, "checkpoint.pt")
    if os.path.exists(path):
        config = Config(**torch.load(path, weights_only=False)["config"])
    else:
        config = Config.load(args.config) if args.config else Config()
    return config.extended(args.yarn) if args.yarn and config.yarn_factor == 1 else config


def work(rank: int, args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    meeting = os.path.join(os.path.abspath(args.out), "workers")
    dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=args.workers)
    config = configuration(args)
    tokenizer, sources = data.prepare(args.data, args.out, args.seed, config.vocab_size)
    packer = data.Packer(tokenizer, sources, args.seed)
    model = Model(config).to(args.device)
    parameters = list(model.parameters())
    optimizers = make_optimizers(model, args.optimizer == "muon", args.lr)
    lead = rank == 0

    def say(text: str) -> None:
        if lead:
            print(text, flush=True)

    say(
        f"{sum(p.numel() for p in parameters) / 1e6:.2f} M parameters, {args.optimizer}, {args.workers} workers, {args.device}"
    )
    step, tokens, spent, log = 0, 0, 0.0, []
    path = os.path.join(args.out, "checkpoint.pt")
    begun = 0  # tokens before this stage
    stage = stage_of(args)
    if os.path.exists(path):
        saved = torch.load(path, weights_only=False, map_location="cpu")
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        packer.restore(saved["packer"])
        step, tokens, spent, log = saved["step"], saved["tokens"], saved["spent"], saved["log"]
        begun = saved.get("begun", 0) if saved.get("stage", 0) == stage else tokens
        say(f"resumed at step {step}, {tokens / 1e6:.2f} M tokens, {spent / 60:.1f} min")

    def save() -> None:
        if args.optimizer == "muon":
            optimizers[1].share_state()
        if not lead:
            return
        state = {
            "config": vars(config),
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "packer": packer.state(),
            "step": step,
            "tokens": tokens,
            "spent": spent,
            "log": log,
            "stage": stage,
            "begun": begun,
        }
        torch.save(state, path + ".part")
        os.replace(path + ".part", path)
        with open(os.path.join(args.out, "log.json"), "w", encoding="utf-8") as file:
            json.dump(log, file)
        if log:
            plot(log, os.path.join(args.out, "training.png"))

    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True) if lead else None)
    last_save = last_check = started = time.monotonic()
    while True:
        # The first worker decides for all whether to stop, check or save.
        begin = time.monotonic()
        if begin - started > 60 * args.minutes:
            stopping.append(True)
        check = begin - last_check > 15 * 60
        keep = begin - last_save > 60 * args.checkpoint_minutes
        orders = torch.tensor([bool(stopping), check, keep], dtype=torch.uint8)
        dist.broadcast(orders, src=0)
        stopped, check, keep = orders.tolist()
        share = (tokens - begun) / args.tokens
        finished = share >= 1
        if lead and (check or (finished and not stopped)):
            log.append({"step": step, "tokens": tokens, "validation": validate(model, packer, 1500)})
            say(f"validation {log[-1]['validation']}")
        if check:
            last_check = time.monotonic()
        if keep or stopped or finished:
            save()
            last_save = time.monotonic()
        if stopped or finished:
            say(
                f"{'stopped' if stopped else 'finished'} at step {step}, {tokens / 1e6:.2f} M tokens, {spent / 60:.1f} min"
            )
            break

        begin = time.monotonic()
        length = row_length(stage, step, tokens)
        scale = rate(stage, share, step, args.warmup)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = args.lr * scale
        ids, targets, weights = packer.batch(stage, args.batch // length, length)
        weights /= weights.sum()
        own_ids, own_targets, own_weights = (
            torch.from_numpy(array[rank :: args.workers]).to(args.device) for array in (ids, targets, weights)
        )
        rows = max(1, MICRO_TOKENS[args.device] // length)
        moe = [layer.mlp for layer in model.layers[config.first_k_dense_replace :]]
        # The loss, then the load of each expert.
        results = torch.zeros(1 + len(moe) * config.n_routed_experts, device=args.device)
        for first in range(0, len(own_ids), rows):
            some = slice(first, first + rows)
            with torch.autocast(args.device, torch.bfloat16, enabled=args.device == "cuda"):
                loss, extra = model.loss(own_ids[some], own_targets[some], own_weights[some])
            part = len(own_ids[some]) / len(ids)
            (loss + extra * part).backward()
            results[0] += loss.detach()
            if moe:
                results[1:] += torch.cat([layer.load for layer in moe]) * part
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters] + [results])
        if args.workers > 1:
            dist.all_reduce(flat)
        *gradients, results = flat.split([parameter.numel() for parameter in parameters] + [len(results)])
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad.copy_(gradient.view_as(parameter))
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0).item()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        tokens += ids.size
        spent += time.monotonic() - begin
        relative = results[1:].view(len(moe), config.n_routed_experts) * config.n_routed_experts
        log.append(
            {
                "step": step,
                "tokens": tokens,
                "seconds": round(spent, 1),
                "loss": round(results[0].item(), 4),
                "lr": args.lr * scale,
                "norm": round(norm, 3),
                "busiest": [round(x, 2) for x in relative.amax(-1).tolist()],
                "idlest": [round(x, 2) for x in relative.amin(-1).tolist()],
            }
        )
        if step % 10 == 0:
            recent = [entry for entry in log[-11:] if "loss" in entry]
            mean = sum(entry["loss"] for entry in recent) / len(recent)
            speed = (tokens - recent[0]["tokens"]) / max(1e-9, spent - recent[0]["seconds"])
            say(
                f"{100 * share:5.1f} %  step {step}  {tokens / 1e6:.2f} M tokens  loss {mean:.3f}  "
                f"norm {norm:.2f}  lr {args.lr * scale:.1e}  {speed:.0f} tokens/s  row {length}  "
                f"busiest {max(log[-1]['busiest'], default=0):.2f}"
            )
    dist.destroy_process_group()


def launch(work: Callable[[int, argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Runs `work` as args.workers processes, this one among them, which meet in args.out."""
    meeting = os.path.join(args.out, "workers")
    if os.path.exists(meeting):
        os.remove(meeting)
    context = torch.multiprocessing.get_context("spawn")
    others = [context.Process(target=work, args=(rank, args), daemon=True) for rank in range(1, args.workers)]
    for other in others:
        other.start()
    work(0, args)
    for other in others:
        other.join()


def main() -> None:
    args = parse()
    longest = max(ROWS[stage_of(args)])
    if args.batch % (args.workers * longest):
        raise SystemExit(
            f"--batch must be a multiple of {args.workers * longest}: each worker takes whole rows"
        )
    os.makedirs(args.out, exist_ok=True)
    if args.branch and not os.path.exists(os.path.join(args.out, "checkpoint.pt")):
        for name in ("tokenizer.json", "tokens.npz", "checkpoint.pt"):
            shutil.copy(os.path.join(args.branch, name), args.out)
    config = configuration(args)
    data.prepare(args.data, args.out, args.seed, config.vocab_size)  # once, before the workers read it
    launch(work, args)


if __name__ == "__main__":
    main()
