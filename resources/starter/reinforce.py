# SPDX-License-Identifier: MIT
"""The last stage: reinforcement by fixed rules, after the supervised one, as the family has an SFT and an RL chat model.

Group-relative policy optimisation (GRPO, arXiv 2402.03300, which DeepSeek-V2 uses too, section 4.2): several answers
to one prompt are drawn, each is scored by rules, and those above the group's mean become likelier. No value model, one
update for each draw, a penalty for leaving the supervised model.

The prompts come from our generators with fresh seeds, never from the evaluation. An answer is scored by the rules of
evaluate.py (ends, no loop, language, own name) and by how much it says of what it should: the hero of a tale, or the
words of the generator's own answer.
"""

import argparse
import dataclasses
import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
from evaluate import RULES, Session, broken, render
from export import load
from model import Model
from train import launch, make_optimizers

ANSWER_TOKENS = {"tale": 320, "other": 72}


@dataclasses.dataclass
class Task:
    messages: list[dict]  # the last one is the user's
    kind: str  # "tale" or "other"
    wanted: list[str]  # words of the answer that the generator gave, or of a tale's hero


def words(text: str) -> list[str]:
    """Lower-case words and numbers; Chinese characters one by one."""
    return re.findall(r"[a-z0-9']+|[\u4e00-\u9fff]", text.lower())


def tasks(seed: int) -> Iterator[Task]:
    import synth_copy
    import synth_fathom
    import synth_tales
    import synth_zh

    rng = random.Random(seed)
    makers = [
        (0.15, lambda: synth_tales.tale_talk(rng)),
        (0.30, lambda: synth_tales.facts(rng)),
        (0.25, lambda: synth_copy.conversation(rng)),
        (0.12, lambda: synth_tales.talk(rng)),
        (0.10, lambda: synth_fathom.conversation(rng)[1]),
        (0.08, lambda: synth_zh.conversation(rng)),
    ]
    while True:
        turns = rng.choices([make for _, make in makers], [share for share, _ in makers])[0]()
        asked = rng.randrange(min(len(turns), 6))
        messages = []
        for user, answer in turns[:asked]:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        question, answer = turns[asked]
        messages.append({"role": "user", "content": question})
        if data.examined({"messages": messages}):
            continue
        tale = len(answer) > 240
        subject = re.search(r"(?:about|but about) (.+?)[.?!]?$", question) if tale else None
        if tale and not subject:
            continue
        wanted = words(subject[1] if subject else answer)
        if wanted:
            yield Task(messages, "tale" if tale else "other", wanted)


def mixed_up(text: str) -> bool:
    """A list that names a thing twice, or a tale whose hero shares the name with another."""
    items = [item.lower() for item in re.findall(r"^(?:\d+\.|-) (.+)$", text, re.M)]
    hero = re.search(r"(\w+),? (?:named|called) (\w+)", text)
    others = hero and [kind for kind in re.findall(rf"\b{hero[2]} the (\w+)", text) if kind != hero[1]]
    return len(set(items)) < len(items) or bool(others)


def score(task: Task, text: str, eos: bool) -> float:
    """At most 1; each broken rule takes 1, a mix-up a half."""
    said, wanted = words(text), task.wanted
    if task.kind == "tale":
        wanted = [word for word in wanted if word not in ("a", "an", "the", "named", "called", "and")]
        meets = sum(word in said for word in wanted) / max(1, len(wanted)) - (len(said) < 40)
    else:
        common = sum((Counter(said) & Counter(wanted)).values())
        meets = 2 * common / max(1, len(said) + len(wanted))
    return meets - len(broken(task.messages[-1]["content"], text, eos)) - 0.5 * mixed_up(text)


def draw(
    model: Model, tokenizer: Tokenizer, task: Task, group: int
) -> tuple[list[int], list[list[int]], list[bool]]:
    """The prompt, `group` answers at temperature 1 (with their EOS) and whether each ended."""
    prompt = tokenizer.encode(render(task.messages), add_special_tokens=False).ids
    eos = tokenizer.token_to_id(data.EOS)
    session = Session(model)
    logits = session.forward([prompt])
    session.repeat(group)
    logits = logits.expand(group, -1)
    answers, ended = [[] for _ in range(group)], [False] * group
    for _ in range(ANSWER_TOKENS[task.kind]):
        chosen = torch.multinomial(logits.softmax(-1), 1)
        for index, token in enumerate(chosen.flatten().tolist()):
            if not ended[index]:
                answers[index].append(token)
                ended[index] = token == eos
        if all(ended):
            break
        logits = session.forward(chosen.tolist())
    return prompt, answers, ended


def log_chances(model: Model, ids: torch.Tensor, begin: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log probability of each token from `begin` on (batch, tokens - begin), and the router losses."""
    h, extra = model.hidden(ids[:, :-1])
    logits = model.lm_head(h[:, begin - 1 :]).float()
    return -F.cross_entropy(logits.transpose(1, 2), ids[:, begin:], reduction="none"), extra


def work(rank: int, args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed + rank)
    meeting = os.path.join(os.path.abspath(args.out), "workers")
    dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=args.workers)
    path = os.path.join(args.out, "checkpoint.pt")
    _, model, saved = load(path)
    _, reference, _ = load(os.path.join(args.branch, "checkpoint.pt"))
    tokenizer = Tokenizer.from_file(os.path.join(args.out, "tokenizer.json"))
    (optimizer,) = make_optimizers(model, False, args.lr)
    parameters = list(model.parameters())
    state = saved.get("reinforcement", {"step": 0, "log": []})
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    step, log = state["step"], state["log"]
    supply = tasks(args.seed * 1_000_003 + step * args.workers + rank)
    lead = rank == 0
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True) if lead else None)
    pad = tokenizer.token_to_id(data.PAD)
    while True:
        order = torch.tensor([bool(stopping)], dtype=torch.uint8)
        dist.broadcast(order, src=0)
        if order.item() or step >= args.steps:
            break
        begin = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 5) * (1 - step / args.steps)
        # Answers, their score, divergence times tokens, tokens; then the broken rules.
        totals = torch.zeros(4 + len(RULES))
        for _ in range(args.prompts // args.workers):
            task = next(supply)
            prompt, answers, ended = draw(model, tokenizer, task, args.group)
            eos = tokenizer.token_to_id(data.EOS)
            texts = [tokenizer.decode([t for t in one if t != eos]).removeprefix(" ") for one in answers]
            scores = torch.tensor([score(task, text, end) for text, end in zip(texts, ended)])
            lengths = torch.tensor([len(one) for one in answers])
            ids = torch.full((args.group, len(prompt) + int(lengths.max())), pad)
            for row, one in enumerate(answers):
                ids[row, : len(prompt) + len(one)] = torch.tensor(prompt + one)
            counted = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
            advantage = (scores - scores.mean()) / (scores.std() + 0.1)
            with torch.no_grad():
                anchor, _ = log_chances(reference, ids, len(prompt))
            chance, extra = log_chances(model, ids, len(prompt))
            ratio = anchor - chance
            divergence = ratio.exp() - ratio - 1  # an unbiased estimate that is never negative
            gain = advantage.unsqueeze(1) * (chance - chance.detach()).exp() - args.penalty * divergence
            # Each answer counts the same for each of its tokens; the longest possible answer is the measure.
            loss = -(gain * counted).sum() / (args.group * ANSWER_TOKENS[task.kind] / 4)
            ((loss + extra) / args.prompts).backward()
            totals[:4] += torch.tensor(
                [args.group, scores.sum(), (divergence.detach() * counted).sum(), lengths.sum()]
            )
            for text, end in zip(texts, ended):
                for rule in broken(task.messages[-1]["content"], text, end):
                    totals[4 + RULES.index(rule)] += 1
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters] + [totals])
        dist.all_reduce(flat)
        *gradients, totals = flat.split([parameter.numel() for parameter in parameters] + [len(totals)])
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad.copy_(gradient.view_as(parameter))
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        log.append(
            {
                "step": step,
                "score": round((totals[1] / totals[0]).item(), 4),
                "divergence": round((totals[2] / totals[3]).item(), 5),
                "broken": {
                    rule: round((totals[4 + i] / totals[0]).item(), 4) for i, rule in enumerate(RULES)
                },
                "seconds": round(time.monotonic() - begin, 1),
            }
        )
        if lead and step % 5 == 0:
            recent = log[-5:]
            print(
                f"{100 * step / args.steps:5.1f} %  step {step}  score {sum(e['score'] for e in recent) / len(recent):.3f}  "
                f"divergence {log[-1]['divergence']:.4f}  broken {log[-1]['broken']}  {log[-1]['seconds']} s",
                flush=True,
            )
        if lead and (step % 20 == 0 or step == args.steps):
            save(path, saved, model, optimizer, step, log)
    if lead:
        save(path, saved, model, optimizer, step, log)
    dist.destroy_process_group()


def save(
    path: str, saved: dict, model: Model, optimizer: torch.optim.Optimizer, step: int, log: list
) -> None:
    state = {"step": step, "log": log, "optimizer": optimizer.state_dict()}
    torch.save(saved | {"model": model.state_dict(), "reinforcement": state}, path + ".part")
    os.replace(path + ".part", path)
    with open(os.path.join(os.path.dirname(path), "reinforcement.json"), "w", encoding="utf-8") as file:
        json.dump(log, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="work folder; resumed where it has a checkpoint")
    parser.add_argument("--branch", required=True, help="work folder of the supervised model")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--prompts", type=int, default=16, help="per step")
    parser.add_argument("--group", type=int, default=8, help="answers per prompt")
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument(
        "--penalty", type=float, default=0.04, help="of the divergence from the supervised model"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    if not os.path.exists(os.path.join(args.out, "checkpoint.pt")):
        for name in ("tokenizer.json", "tokens.npz", "checkpoint.pt"):
            shutil.copy(os.path.join(args.branch, name), args.out)
    launch(work, args)


if __name__ == "__main__":
    main()
