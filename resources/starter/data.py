# SPDX-License-Identifier: MIT
"""Text to token streams: generates our own text, reads the optional folder of real text, trains the
tokenizer, packs.
"""

import json
import lzma
import os
import random
import re
import sys

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "text"))

BOS, EOS, PAD, SPARE = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜▁pad▁｜>",
    "<｜place▁holder▁no▁0｜>",
)

# Share of the training tokens: name -> (first stage, conversation stage, stage of the long context).
MIX = {
    "synth_copy": (0.24, 0.15, 0.05),
    "synth_tales": (0.18, 0.15, 0.05),
    "synth_talk": (0.12, 0.24, 0.10),
    "synth_facts": (0.18, 0.25, 0.10),
    "synth_chat": (0.09, 0.06, 0.0),
    "synth_fathom": (0.03, 0.06, 0.05),
    "synth_stories": (0.02, 0.0, 0.0),
    "synth_zh": (0.05, 0.06, 0.03),
    "synth_long": (0.0, 0.0, 0.6),
    "stories_tiny": (0.03, 0.0, 0.0),
    "chat_story_requests": (0.01, 0.0, 0.0),
    "chat_smalltalk": (0.03, 0.02, 0.02),
    "dialogue_persona": (0.01, 0.0, 0.0),
    "instruct_dolly_simple": (0.005, 0.0, 0.0),
    "zh_mixed": (0.005, 0.01, 0.0),
}
SYNTHETIC = {
    "synth_stories": 8000,
    "synth_chat": 40000,
    "synth_zh": 16000,
    "synth_fathom": 6000,
    "synth_copy": 80000,
    "synth_tales": 36000,
    "synth_facts": 40000,
    "synth_talk": 36000,
    "synth_long": 400,
}
# What may follow in a chained conversation: nothing that asks for a name, which would mean the one told before.
CHAINED = ["synth_tales", "synth_facts", "synth_fathom"]
# In the first stage the user's words count less than answers and prose: names and wishes cannot be foretold.
USER_WEIGHT = 0.2
# Records per source in the sample that the tokenizer is trained on.
TOKENIZER_SAMPLE = {
    "synth_stories": 4000,
    "synth_chat": 10000,
    "synth_zh": 6000,
    "synth_copy": 10000,
    "synth_tales": 6000,
    "synth_talk": 4000,
    "synth_facts": 6000,
}

# The pre-tokenizer of DeepSeek-LLM and DeepSeek-V2, in order; then single digits and the byte alphabet.
LETTERS = (  # of the scripts with cases
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5"
    "\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
    "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45"
    "\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
    "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102"
    "\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139"
    "\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
    "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
    "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df"
    "\U0001e900-\U0001e943"
)
PATTERNS = [
    "[\r\n]",
    "\\s?[" + LETTERS + "]+",
    "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
    "\\s+$",
    "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
]

CHAT_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{{ bos_token }}"
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SYSTEM_EN = [
    "You are a helpful assistant.",
    "You are Fathom, a helpful assistant.",
    "Be brief.",
    "You are a friendly assistant. Answer in simple words.",
    "Answer briefly and clearly.",
    "You are a kind storyteller.",
]
SYSTEM_ZH = ["你是一个有用的助手。", "请用简单的话回答。"]


def synthesize(seed: int, known: set[str]) -> dict[str, list]:
    """The generated sources that are not known yet."""
    import synth_copy
    import synth_en
    import synth_fathom
    import synth_tales
    import synth_zh

    makers = {
        "synth_stories": synth_en.stories,
        "synth_chat": synth_en.chats,
        "synth_zh": synth_zh.chats,
        "synth_fathom": synth_fathom.chats,
        "synth_copy": synth_copy.chats,
        "synth_tales": synth_tales.tales,
        "synth_facts": synth_tales.questions,
        "synth_talk": synth_tales.talks,
        "synth_long": synth_tales.long_talks,
    }
    return {
        name: [record for record in make(random.Random(seed + i), SYNTHETIC[name]) if not examined(record)]
        for i, (name, make) in enumerate(makers.items())
        if name not in known
    }


def evaluation_dialogues() -> set[tuple]:
    """The users' sides of the evaluation's dialogues of more than one turn."""
    with open(os.path.join(HERE, "eval_prompts.jsonl"), encoding="utf-8") as file:
        turns = [tuple(json.loads(line)["turns"]) for line in file]
    return {tuple(map(str.lower, one)) for one in turns if len(one) > 1}


EXAMINED = evaluation_dialogues()


def examined(record: dict) -> bool:
    """Whether a record contains a dialogue of the evaluation. Single questions are not kept back."""
    if "messages" not in record:
        return False
    asked = [m["content"].lower() for m in record["messages"] if m["role"] == "user"]
    return any(
        tuple(asked[i : i + size]) in EXAMINED
        for size in {len(one) for one in EXAMINED}
        for i in range(len(asked) - size + 1)
    )


def keep(record: dict) -> bool:
    """Talk about the model's own name or kind comes from our generator alone."""
    if record["src"] not in ("ms-personality-chat", "chatterbot-corpus"):
        return True
    asked = " ".join(m["content"] for m in record["messages"] if m["role"] == "user")
    return not re.search(
        r"who are you|what are you\b|(made|created|built|named|calls?) you|old are you|your (name|age|maker|creator|boss)"
        r"|are you (an? )?(\w+ )?(human|robot|bot|chatbot|person|computer|machine|program|ai|man|woman|girl|boy|real|alive"
        r"|siri|alexa|cortana|smart|clever|big|small)\b",
        asked,
        re.I,
    )


def read_folder(folder: str, known: set[str]) -> dict[str, list]:
    """The real text that is not known yet. Generated files in the folder are passed over: ours are made afresh."""
    out = {}
    for name in MIX:
        path = os.path.join(folder, name + ".jsonl.xz")
        if name.startswith("synth_") or name in known or not os.path.exists(path):
            continue
        with lzma.open(path, "rt", encoding="utf-8") as file:
            records = [record for record in map(json.loads, file) if keep(record)]
        for record in records:
            for message in record.get("messages", []):
                message["content"] = message["content"].replace(
                    "Oh, I don't have a name.", "My name is Fathom."
                )
        out[name] = records
    return out


def pieces(record: dict) -> list[tuple[str, bool]]:
    """A record as text pieces, each with whether it is an answer. Cuts fall where the pre-tokenizer cuts anyway."""
    if "text" in record:
        return [(BOS + record["text"] + EOS, False)]
    messages = record["messages"]
    if messages[0]["role"] in (
        "a",
        "b",
    ):  # two people talking: plain text, so that the assistant claims no dog
        return [(BOS + "\n".join(m["role"].upper() + ": " + m["content"] for m in messages) + EOS, False)]
    out, head = [], BOS
    for message in messages:
        if message["role"] == "user":
            out.append((head + "User: " + message["content"].strip() + "\n\nAssistant:", False))
            head = ""
        else:
            out.append((" " + message["content"].strip() + EOS, True))
    return out


def train_tokenizer(texts: dict[str, list], vocab_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PATTERNS]
        + [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 4,
        min_frequency=4,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )

    def sample():
        for name, records in texts.items():
            times = 3 if name == "stories_tiny" else 1
            for record in records[: TOKENIZER_SAMPLE.get(name)]:
                for text, _ in pieces(record):
                    for _ in range(times):
                        yield text.replace(BOS, "").replace(EOS, "")

    tokenizer.train_from_iterator(sample(), trainer)
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text in (BOS, EOS, PAD, SPARE)]
    )
    if tokenizer.get_vocab_size() != vocab_size:
        raise RuntimeError(
            f"the tokenizer has {tokenizer.get_vocab_size()} entries instead of {vocab_size}: too little text"
        )
    return tokenizer


class Source:
    """One source as one long array of ids with the starts of its records. `mask` marks the tokens of answers."""

    def __init__(self, ids: np.ndarray, mask: np.ndarray, starts: np.ndarray):
        self.ids, self.mask, self.starts = ids, mask, starts
        self.mean = len(ids) / max(1, len(starts) - 1)
        self.prose = not mask.any()


def encode(tokenizer: Tokenizer, records: list) -> Source:
    texts, answers, records_of = [], [], []
    for index, record in enumerate(records):
        for text, answer in pieces(record):
            texts.append(text)
            answers.append(answer)
            records_of.append(index)
    ids, mask, starts, last = [], [], [], -1
    position = 0
    for begin in range(0, len(texts), 20000):
        for offset, encoding in enumerate(
            tokenizer.encode_batch_fast(texts[begin : begin + 20000], add_special_tokens=False)
        ):
            piece = np.array(encoding.ids, dtype=np.uint16)
            if records_of[begin + offset] != last:
                last = records_of[begin + offset]
                starts.append(position)
            ids.append(piece)
            mask.append(np.full(len(piece), answers[begin + offset]))
            position += len(piece)
    return Source(np.concatenate(ids), np.concatenate(mask), np.array(starts + [position]))


def prepare(
    folder: str | None, cache: str, seed: int, vocab_size: int
) -> tuple[Tokenizer, dict[str, Source]]:
    """Texts, tokenizer and token arrays; kept in `cache`, so that a resumed run sees the same data.

    A tokenizer and sources that are already there stay, so that a run can go on with more sources.
    """
    tokenizer_path, tokens_path = os.path.join(cache, "tokenizer.json"), os.path.join(cache, "tokens.npz")
    arrays = dict(np.load(tokens_path)) if os.path.exists(tokens_path) else {}
    known = {key.rsplit(".", 1)[0] for key in arrays}
    texts = synthesize(seed, known)
    if folder:
        texts |= read_folder(folder, known)
    elif not known:
        print("no --data folder: training on generated text alone", flush=True)
    if not os.path.exists(tokenizer_path):
        train_tokenizer(texts, vocab_size).save(tokenizer_path)
    tokenizer = Tokenizer.from_file(tokenizer_path)
    for name, records in texts.items():
        source = encode(tokenizer, records)
        arrays |= {f"{name}.{part}": getattr(source, part) for part in ("ids", "mask", "starts")}
        print(f"{name}: {len(records)} records, {len(source.ids) / 1e6:.2f} M tokens", flush=True)
    if texts:
        np.savez(tokens_path + ".part.npz", **arrays)
        os.replace(tokens_path + ".part.npz", tokens_path)
    names = sorted({key.rsplit(".", 1)[0] for key in arrays})
    sources = {
        name: Source(*(arrays[f"{name}.{part}"] for part in ("ids", "mask", "starts"))) for name in names
    }
    return tokenizer, sources


class Packer:
    """Endless rows of tokens, drawn from the sources by share. Every fiftieth record is kept for validation.

    In the first stage a row goes on where the last one ended, so that long records lose no end. In the
    others each row begins with a record and a tenth of the chats with a system prompt; in the conversation
    stage half of the chats are chained into longer ones.
    """

    def __init__(self, tokenizer: Tokenizer, sources: dict[str, Source], seed: int):
        self.sources = sources
        self.bos = tokenizer.token_to_id(BOS)
        self.random = np.random.default_rng(seed)
        self.systems = {
            lang: [
                np.array(tokenizer.encode(text + "\n\n", add_special_tokens=False).ids, np.uint16)
                for text in texts
            ]
            for lang, texts in (("en", SYSTEM_EN), ("zh", SYSTEM_ZH))
        }
        self.queues = {name: [] for name in sources}
        self.rest = (np.zeros(0, np.uint16), np.zeros(0, bool))
        self.names = sorted(sources)
        self.chances = []
        for stage in (0, 1, 2):
            chance = np.array([MIX[name][stage] / sources[name].mean for name in self.names])
            self.chances.append(chance / chance.sum())

    def state(self) -> dict:
        return {"random": self.random.bit_generator.state, "queues": self.queues, "rest": self.rest}

    def restore(self, state: dict) -> None:
        self.random.bit_generator.state = state["random"]
        # A source that is new, or was made again with fewer records, starts afresh.
        for name, source in self.sources.items():
            queue = state["queues"].get(name, [])
            self.queues[name] = queue if max(queue, default=0) < len(source.starts) - 1 else []
        self.rest = state["rest"]

    def record(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        source, queue = self.sources[name], self.queues[name]
        if not queue:
            order = self.random.permutation(len(source.starts) - 1)
            queue.extend(order[order % 50 != 0].tolist())
        index = queue.pop()
        begin, end = source.starts[index], source.starts[index + 1]
        return source.ids[begin:end], source.mask[begin:end] | source.prose

    def sample(self, stage: int) -> tuple[list, list]:
        name = self.names[self.random.choice(len(self.names), p=self.chances[stage])]
        ids, mask = self.record(name)
        if stage == 0:
            return [ids], [mask]
        lang = "zh" if "zh" in name else "en"
        all_ids, all_mask = [ids], [mask]
        if self.random.random() < 0.1:
            system = self.systems[lang][self.random.integers(len(self.systems[lang]))]
            all_ids = [ids[:1], system, ids[1:]]
            all_mask = [mask[:1], np.zeros(len(system), bool), mask[1:]]
        while stage == 1 and self.random.random() < 0.5:
            other = name if lang == "zh" else CHAINED[self.random.integers(len(CHAINED))]
            ids, mask = self.record(other)
            all_ids.append(ids[1:])  # without its BOS
            all_mask.append(mask[1:])
        return all_ids, all_mask

    def row(self, stage: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """length + 1 ids and whether each belongs to an answer or to prose."""
        ids, mask = ([self.rest[0]], [self.rest[1]]) if stage == 0 else ([], [])
        have = sum(map(len, ids))
        while have <= length:
            more_ids, more_mask = self.sample(stage)
            ids += more_ids
            mask += more_mask
            have += sum(map(len, more_ids))
        ids, mask = np.concatenate(ids), np.concatenate(mask)
        if stage == 0:
            self.rest = (ids[length:], mask[length:])
        return ids[: length + 1], mask[: length + 1]

    def batch(self, stage: int, rows: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ids, targets and the targets' weights, each (rows, length)."""
        ids, mask = map(np.stack, zip(*(self.row(stage, length) for _ in range(rows))))
        ids = ids.astype(np.int64)
        other = USER_WEIGHT if stage == 0 else 0.0
        weights = np.where(mask[:, 1:], 1.0, other) * (ids[:, 1:] != self.bos)
        return ids[:, :-1], ids[:, 1:], weights.astype(np.float32)

    def held_out(self, name: str, tokens: int) -> list[np.ndarray]:
        """Validation records of one source, up to about `tokens` tokens."""
        source, out, have = self.sources[name], [], 0
        for index in range(0, len(source.starts) - 1, 50):
            ids = source.ids[source.starts[index] : source.starts[index + 1]][:512].astype(np.int64)
            out.append(ids)
            have += len(ids)
            if have >= tokens:
                break
        return out
