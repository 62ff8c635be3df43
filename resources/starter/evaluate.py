# SPDX-License-Identifier: MIT
"""Runs eval_prompts.jsonl on a checkpoint and scores the answers by fixed rules, or chats with it.

A dialogue passes if each answer fits its expression in eval_prompts.jsonl (which holds the subject word, the name
to remember or the fact) and breaks none of these rules: it ends by itself, does not loop, is in the language of
the question, and gives no other name than Fathom as its own.
"""

import argparse
import json
import os
import random
import re
from collections import Counter

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
from export import as_the_engine_sees, load
from model import MLP, Model, MultiHead, rotate
from train import validate


PIECE = 256  # tokens


class Session:
    """Sequences of one length with a cache of latents and rotary keys; the absorbed form of attention (paper, section
    2.1.2).
    """

    def __init__(self, model: Model):
        self.model = model
        self.caches = [None] * model.c.num_hidden_layers
        self.tokens = 0

    def repeat(self, times: int) -> None:
        """From here on the one sequence is `times` of them."""
        self.caches = [cache.expand(times, *cache.shape[1:]) for cache in self.caches]

    def kept(self, index: int, rows: torch.Tensor) -> torch.Tensor:
        """Appends (batch, tokens, ...) to a layer's cache and returns the whole."""
        old = self.caches[index]
        self.caches[index] = rows if old is None else torch.cat((old, rows), 1)
        return self.caches[index]

    def multi_head(self, index: int, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        c, w = self.model.c, self.model.layers[index].self_attn
        q, k = w.turned(w.q_proj(x), cos, sin), w.turned(w.k_proj(x), cos, sin)
        v = w.v_proj(x).unflatten(-1, (c.num_attention_heads, -1))
        keys, values = self.kept(index, torch.cat((k, v), -1)).split([k.shape[-1], v.shape[-1]], -1)
        scores = torch.einsum("bthp,bshp->bhts", q, keys) * c.softmax_scale()
        chances = self.causal(scores).softmax(-1)
        return w.o_proj(torch.einsum("bhts,bshv->bthv", chances, values).flatten(2))

    @staticmethod
    def causal(scores: torch.Tensor) -> torch.Tensor:
        """(..., tokens, all): the last tokens of all, none of which sees what follows it."""
        tokens, all_tokens = scores.shape[-2:]
        positions = torch.arange(all_tokens)
        return scores.masked_fill(positions > positions[-tokens:, None], float("-inf"))

    def attention(self, index: int, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """x: (batch, tokens, hidden)."""
        c, w = self.model.c, self.model.layers[index].self_attn
        if isinstance(w, MultiHead):
            return self.multi_head(index, x, cos, sin)
        heads, nope, rope = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim
        q_nope, q_pe = w.q_proj(x).unflatten(-1, (heads, nope + rope)).split([nope, rope], -1)
        latent, k_pe = w.kv_a_proj_with_mqa(x).split([c.kv_lora_rank, rope], -1)
        row = torch.cat((w.kv_a_layernorm(latent), rotate(k_pe.unsqueeze(2), cos, sin).squeeze(2)), -1)
        cache = self.kept(index, row)
        up = w.kv_b_proj.weight.view(heads, nope + c.v_head_dim, c.kv_lora_rank)
        q = torch.cat((torch.einsum("bthp,hpc->bthc", q_nope, up[:, :nope]), rotate(q_pe, cos, sin)), -1)
        scores = torch.einsum("bthc,bsc->bhts", q, cache) * c.softmax_scale()
        chances = self.causal(scores).softmax(-1)
        mixed = torch.einsum("bhts,bsc->bthc", chances, cache[..., : c.kv_lora_rank])
        return w.o_proj(torch.einsum("bthc,hvc->bthv", mixed, up[:, nope:]).flatten(2))

    def forward(self, ids: list[list[int]]) -> torch.Tensor:
        """ids: (batch, tokens). Logits of the last tokens (batch, vocabulary). A long prompt goes in pieces, so that its
        scores fit the processor's cache.
        """
        for begin in range(0, len(ids[0]), PIECE):
            logits = self.piece([row[begin : begin + PIECE] for row in ids])
        return logits

    @torch.no_grad()
    def piece(self, ids: list[list[int]]) -> torch.Tensor:
        model, tokens = self.model, len(ids[0])
        if self.tokens + tokens > model.c.max_position_embeddings:
            raise ValueError("the context is full")
        cos, sin = (table[self.tokens : self.tokens + tokens] for table in (model.cos, model.sin))
        h = model.embed_tokens(torch.tensor(ids))
        for index, layer in enumerate(model.layers):
            h = h + self.attention(index, layer.input_layernorm(h), cos, sin)
            x = layer.post_attention_layernorm(h)
            h = h + (layer.mlp(x) if isinstance(layer.mlp, MLP) else layer.mlp(x)[0])
        self.tokens += tokens
        return model.lm_head(model.norm(h[:, -1]))


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
    logits = session.forward([ids])[0]
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
        logits = session.forward([[token]])[0]
    return tokenizer.decode(out).removeprefix(" "), False


RULES = ("ends", "no loop", "language", "own name")


def loops(text: str) -> bool:
    """Eight words three times anywhere, or up to three words five times in a row."""
    words = text.split()
    grams = Counter(tuple(words[i : i + 8]) for i in range(len(words) - 7))
    return max(grams.values(), default=0) > 2 or re.search(r"(\S+(?: \S+){0,2})(?: \1){4}", text) is not None


def in_language(question: str, text: str) -> bool:
    chinese = re.compile("[\u4e00-\u9fff]")
    if not chinese.search(question) and "Chinese" not in question:
        return not chinese.search(text)
    if "Chinese" in question:
        return True
    return chinese.search(text) is not None and not re.search("[a-z]{3}", text.replace("Fathom", ""))


def own_name(text: str) -> bool:
    """Where it says its name, it says Fathom."""
    said = re.findall(r"\b(?:[Mm]y name is|I am called|[Yy]ou can call me) (\w+)|我叫\s*(\w+)", text)
    return all((english or chinese).startswith("Fathom") for english, chinese in said)


def broken(question: str, text: str, eos: bool) -> list[str]:
    kept = (eos, not loops(text), in_language(question, text), own_name(text))
    return [rule for rule, keeps in zip(RULES, kept) if not keeps]


def run_prompts(model: Model, tokenizer: Tokenizer, path: str, temperature: float, show: bool) -> dict:
    """Counts of passed dialogues per group and of broken rules."""
    groups, faults, answers, clean = {}, Counter(), 0, 0
    with open(path, encoding="utf-8") as file:
        for item in map(json.loads, file):
            messages, right, broken_rules = [], True, []
            for turn, pattern in zip(item["turns"], item["expect"]):
                messages.append({"role": "user", "content": turn})
                text, eos = answer(model, tokenizer, messages, item["max_tokens"], temperature)
                messages.append({"role": "assistant", "content": text})
                answers += 1
                broken_rules += broken(turn, text, eos)
                right &= bool(text) and (pattern is None or re.search(pattern, text) is not None)
            faults.update(broken_rules)
            clean += not {"ends", "no loop"} & set(broken_rules)
            passed = right and not broken_rules
            good, total = groups.get(item["id"][0], (0, 0))
            groups[item["id"][0]] = (good + passed, total + 1)
            if show:
                print(f"--- {item['id']} {'pass' if passed else 'FAIL'} {' '.join(broken_rules)}")
                for message in messages:
                    print(f"{message['role']}: {message['content']}", flush=True)
    good, total = (sum(column) for column in zip(*groups.values()))
    return {
        "passed": good,
        "dialogues": total,
        "ended without loop": clean,
        "answers": answers,
        "broken": {rule: faults[rule] for rule in RULES},
        "groups": {name: f"{good}/{total}" for name, (good, total) in groups.items()},
    }


@torch.no_grad()
def long_context(model: Model, tokenizer: Tokenizer, talks: int) -> dict:
    """Talks that fill the context: nats per token of the answers in each quarter of it, and how many of the things told
    at the beginning come back at the end.
    """
    import synth_tales

    context = model.c.max_position_embeddings
    sums, counts, right, asked = [0.0] * 4, [0] * 4, 0, 0
    for seed in range(talks):
        turns = synth_tales.long_talk(random.Random(100_000 + seed), round(3.3 * context))
        messages = []
        for user, reply in turns:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
        source = data.encode(tokenizer, [{"messages": messages}])
        ids = torch.from_numpy(source.ids[: context + 1].astype("int64")).unsqueeze(0)
        answers = torch.from_numpy(source.mask[1 : ids.shape[1]])
        each = F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:], reduction="none")
        for quarter in range(4):
            part = slice(quarter * context // 4, (quarter + 1) * context // 4)
            sums[quarter] += each[part][answers[part]].sum().item()
            counts[quarter] += answers[part].sum().item()
        # The last three questions ask for what was told first; the talk between is cut so that both fit.
        told, asks = messages[:6], messages[-6:]
        between = messages[6:-6]
        while len(tokenizer.encode(render(told + between + asks)).ids) > context - 40:
            between = between[:-2]
        for index in range(0, 6, 2):
            text, _ = answer(model, tokenizer, told + between + asks[: index + 1], 30)
            wanted = set(re.findall(r"\w+", asks[index + 1]["content"])) - set(
                re.findall(
                    r"\w+", "Your name is You are It You live in told me that home called The of favorite"
                )
            )
            right += wanted <= set(re.findall(r"\w+", text))
            asked += 1
    return {
        "context": context,
        "loss by quarter": [round(total / max(1, count), 3) for total, count in zip(sums, counts)],
        "recalled": f"{right}/{asked}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="work folder of train.py")
    parser.add_argument("--prompts", default=os.path.join(data.HERE, "eval_prompts.jsonl"))
    parser.add_argument("--show", action="store_true", help="print every dialogue")
    parser.add_argument(
        "--chat", nargs="+", metavar="TEXT", help="instead: one dialogue with these user turns"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy; the program uses 0.7")
    parser.add_argument("--held-out", action="store_true", help="also the loss on records kept from training")
    parser.add_argument(
        "--long", type=int, metavar="TALKS", help="instead: talks that fill the whole context"
    )
    parser.add_argument("--yarn", type=float, help="with --long: a context longer by this factor, not tuned")
    args = parser.parse_args()
    torch.manual_seed(1)
    config, model, _ = load(os.path.join(args.out, "checkpoint.pt"))
    model = as_the_engine_sees(config, model)
    tokenizer = Tokenizer.from_file(os.path.join(args.out, "tokenizer.json"))
    if args.long:
        if args.yarn:
            wider = Model(config.extended(args.yarn))
            wider.load_state_dict(model.state_dict())
            model = wider.eval()
        print(json.dumps(long_context(model, tokenizer, args.long)))
        return
    if not args.chat:
        print(json.dumps(run_prompts(model, tokenizer, args.prompts, args.temperature, args.show)))
        if args.held_out:
            packer = data.Packer(*data.prepare(None, args.out, 0, config.vocab_size), 0)
            print(json.dumps({name: round(loss, 3) for name, loss in validate(model, packer, 8000).items()}))
        return
    messages = []
    for turn in args.chat:
        messages.append({"role": "user", "content": turn})
        text, eos = answer(model, tokenizer, messages, 400, args.temperature)
        messages.append({"role": "assistant", "content": text})
        print(f"User: {turn}\nAssistant: {text}{'' if eos else ' [cut]'}\n")


if __name__ == "__main__":
    main()
