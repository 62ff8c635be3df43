# SPDX-License-Identifier: MIT
"""Runs eval_prompts.jsonl greedily on a checkpoint, or chats with it."""

import argparse
import json
import os
import re

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
from export import as_the_engine_sees, load
from model import MLP, Model, rotate


class Session:
    """One sequence with a cache of latents and rotary keys; the absorbed form of attention (paper, section 2.1.2)."""

    def __init__(self, model: Model):
        self.model = model
        self.caches = [None] * model.c.num_hidden_layers
        self.tokens = 0

    def attention(self, index: int, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """x: (tokens, hidden)."""
        c, w = self.model.c, self.model.layers[index].self_attn
        heads, nope, rope = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim
        q_nope, q_pe = w.q_proj(x).view(-1, heads, nope + rope).split([nope, rope], -1)
        latent, k_pe = w.kv_a_proj_with_mqa(x).split([c.kv_lora_rank, rope], -1)
        row = torch.cat((w.kv_a_layernorm(latent), rotate(k_pe.unsqueeze(1), cos, sin).squeeze(1)), -1)
        old = self.caches[index]
        cache = self.caches[index] = row if old is None else torch.cat((old, row))
        up = w.kv_b_proj.weight.view(heads, nope + c.v_head_dim, c.kv_lora_rank)
        q = torch.cat((torch.einsum("thp,hpc->thc", q_nope, up[:, :nope]), rotate(q_pe, cos, sin)), -1)
        scores = torch.einsum("thc,sc->hts", q, cache) * (nope + rope) ** -0.5
        positions = torch.arange(len(cache))
        scores = scores.masked_fill(positions > positions[-len(x) :, None], float("-inf"))
        mixed = torch.einsum("hts,sc->thc", scores.softmax(-1), cache[:, : c.kv_lora_rank])
        return w.o_proj(torch.einsum("thc,hvc->thv", mixed, up[:, nope:]).flatten(1))

    @torch.no_grad()
    def forward(self, ids: list[int]) -> torch.Tensor:
        """Logits of the last token (vocabulary)."""
        model = self.model
        if self.tokens + len(ids) > model.c.max_position_embeddings:
            raise ValueError("the context is full")
        cos, sin = (table[self.tokens : self.tokens + len(ids)] for table in (model.cos, model.sin))
        h = model.embed_tokens(torch.tensor(ids))
        for index, layer in enumerate(model.layers):
            h = h + self.attention(index, layer.input_layernorm(h), cos, sin)
            x = layer.post_attention_layernorm(h).unsqueeze(0)
            h = h + (layer.mlp(x) if isinstance(layer.mlp, MLP) else layer.mlp(x)[0]).squeeze(0)
        self.tokens += len(ids)
        return model.lm_head(model.norm(h[-1]))


def render(messages: list[dict]) -> str:
    text = data.BOS
    for message in messages:
        if message["role"] == "user":
            text += "User: " + message["content"] + "\n\n"
        elif message["role"] == "assistant":
            text += "Assistant: " + message["content"] + data.EOS
        else:
            text += message["content"] + "\n\n"
    return text + "Assistant:"


def answer(
    model: Model, tokenizer: Tokenizer, messages: list[dict], limit: int, temperature: float = 0.0
) -> tuple[str, bool]:
    """The answer without its leading blank, and whether it ended with EOS."""
    ids = tokenizer.encode(render(messages), add_special_tokens=False).ids
    session, out, eos = Session(model), [], tokenizer.token_to_id(data.EOS)
    logits = session.forward(ids)
    while len(out) < limit:
        if temperature > 0:
            chance, order = F.softmax(logits / temperature, -1).sort(descending=True)
            chance[chance.cumsum(-1) - chance > 0.9] = 0
            token = order[torch.multinomial(chance, 1)].item()
        else:
            token = logits.argmax().item()
        if token == eos:
            return tokenizer.decode(out).removeprefix(" "), True
        out.append(token)
        logits = session.forward([token])
    return tokenizer.decode(out).removeprefix(" "), False


def story_faults(text: str) -> list[str]:
    words = text.split()
    grams = [" ".join(words[i : i + 8]) for i in range(len(words) - 7)]
    faults = []
    if any(grams.count(gram) > 2 for gram in set(grams)):
        faults.append("repeats")
    if text.count('"') % 2:
        faults.append("open quotation")
    return faults


def run_prompts(model: Model, tokenizer: Tokenizer, path: str, show: bool) -> None:
    groups, ended, answers = {}, 0, 0
    with open(path, encoding="utf-8") as file:
        for item in map(json.loads, file):
            messages, passed, faults = [], True, []
            for turn, pattern in zip(item["turns"], item["expect"]):
                messages.append({"role": "user", "content": turn})
                text, eos = answer(model, tokenizer, messages, item["max_tokens"])
                messages.append({"role": "assistant", "content": text})
                answers += 1
                ended += eos
                passed &= bool(text) and (pattern is None or re.search(pattern, text) is not None)
                if item.get("kind") == "story":
                    faults += story_faults(text)
            good, total = groups.get(item["id"][0], (0, 0))
            groups[item["id"][0]] = (good + passed, total + 1)
            if show:
                print(f"--- {item['id']} {'pass' if passed else 'FAIL'} {' '.join(faults)}")
                for message in messages:
                    print(f"{message['role']}: {message['content']}")
    print("by group:", ", ".join(f"{name} {good}/{total}" for name, (good, total) in groups.items()))
    good, total = (sum(column) for column in zip(*groups.values()))
    print(f"passed {good}/{total} = {good / total:.0%}; ended with EOS {ended}/{answers}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="work folder of train.py")
    parser.add_argument("--prompts", default=os.path.join(data.HERE, "eval_prompts.jsonl"))
    parser.add_argument("--show", action="store_true", help="print every dialogue")
    parser.add_argument(
        "--chat", nargs="+", metavar="TEXT", help="instead: one dialogue with these user turns"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="for --chat; 0 is greedy")
    args = parser.parse_args()
    torch.manual_seed(1)
    config, model, _ = load(os.path.join(args.out, "checkpoint.pt"))
    model = as_the_engine_sees(config, model)
    tokenizer = Tokenizer.from_file(os.path.join(args.out, "tokenizer.json"))
    if not args.chat:
        run_prompts(model, tokenizer, args.prompts, args.show)
        return
    messages = []
    for turn in args.chat:
        messages.append({"role": "user", "content": turn})
        text, eos = answer(model, tokenizer, messages, 400, args.temperature)
        messages.append({"role": "assistant", "content": text})
        print(f"User: {turn}\nAssistant: {text}{'' if eos else ' [cut]'}\n")


if __name__ == "__main__":
    main()
