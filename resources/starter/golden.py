# SPDX-License-Identifier: MIT
"""Writes the expected values for the engine's tests from a checkpoint and the GGUF file made of it."""

import argparse
import hashlib
import json
import os

import jinja2
import torch
from tokenizers import Tokenizer

import data
from evaluate import Session
from export import as_the_engine_sees, load

FAR_TOKENS = 3000
PROMPT = [{"role": "user", "content": "Tell me a story about a brave mouse."}]
CHATS = {
    "one turn": [{"role": "user", "content": "Hello!"}],
    "with system": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is your name?"},
    ],
    "three turns": [
        {"role": "user", "content": "My name is Nora."},
        {"role": "assistant", "content": "Nice to meet you, Nora!"},
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "你好！"},
        {"role": "user", "content": "What is my name?\nAnd {{ yours }}?"},
    ],
}
TEXTS = [
    "",
    " ",
    "  ",
    "     ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "a",
    " a",
    "a ",
    "  a  b  ",
    "Hello!",
    "Hello, world.",
    "User: Hello\n\nAssistant:",
    "User: Hello\n\nAssistant: Hi! How are you?",
    "Once upon a time, there was a little mouse named Peanut.",
    '"Don\'t be afraid," said the rabbit. "I\'ll help you!"',
    "It's what we're told they'd've done.",
    "UPPER lower MiXeD camelCase snake_case kebab-case",
    "0",
    "7 + 8",
    "12345678901234567890",
    "3.14159",
    "1,000,000",
    "Version 2.0.1-rc3",
    "½ ² ٣ Ⅷ ①",
    "line one\nline two\n\nline four",
    "windows\r\nlines\r\n",
    "trailing blanks   ",
    "   leading blanks",
    "tab\tand\t\ttabs",
    "many          blanks",
    "a\n b\n  c\n   d",
    "nbsp\u00a0here\u2003em\u3000wide",
    "你好",
    "你好！",
    "从前有一只小猫，名字叫花花。",
    "我叫小林。你叫什么名字？",
    "中文 and English 混合 text",
    "「引号」《书名》、。",
    "日本語のテキスト",
    "한국어 문장",
    "Привет, мир!",
    "Γειά σου Κόσμε",
    "שלום עולם",
    "مرحبا بالعالم",
    "नमस्ते",
    "สวัสดี",
    "naïve café Ärger Füße Øre",
    "e\u0301 versus é",
    "😀",
    "👩‍👩‍👧‍👦 family 🇨🇳 flag 👍🏽",
    "🎉🎉🎉 party",
    "→ ∑ ∞ √ ≠ €",
    "int main() {\n    return 0;\n}\n",
    "def f(x):\n\treturn x ** 2  # square\n",
    '<div class="a">&amp;</div>',
    "{% if x %}{{ y }}{% endif %}",
    "https://example.org/path?q=1&r=%20#top",
    "!!!???...",
    "--- *** ___ ###",
    "\\n is not a newline",
    "a\u0000b",
    "\u200bzero\ufeffwidth",
    "\ufffd\ufffd",
    "<|begin_of_text|>",
    "<｜User｜>not special here",
    "<|EOT|>",
    "<｜begin of sentence｜>",
    "｜end▁of▁sentence｜",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "supercalifragilisticexpialidocious",
]
# Special tokens inside text: recognised in template text, ordinary characters in content.
SPECIAL_TEXTS = [
    "<｜begin▁of▁sentence｜>User: hi<｜end▁of▁sentence｜>",
    "a<｜▁pad▁｜>b",
    "x <｜end▁of▁sentence｜> y",
]


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="work folder of train.py")
    parser.add_argument("--gguf", required=True, help="the file that export.py made of the same checkpoint")
    parser.add_argument(
        "--golden", required=True, help="folder to write, in the repository tests/data/starter"
    )
    args = parser.parse_args()
    config, trained, _ = load(os.path.join(args.out, "checkpoint.pt"))
    model = as_the_engine_sees(config, trained)
    path = os.path.join(args.out, "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    with open(path, encoding="utf-8") as file:
        plain_json = json.load(file)
    plain_json["added_tokens"] = []
    plain = Tokenizer.from_str(json.dumps(plain_json))  # knows no special token
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(data.CHAT_TEMPLATE)

    def render(messages: list) -> str:
        return template.render(
            messages=messages, add_generation_prompt=True, bos_token=data.BOS, eos_token=data.EOS
        )

    ids = encode(tokenizer, render(PROMPT))
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0]
    session, greedy, margins = Session(model), [], []
    row = session.forward([ids])[0]
    difference = (row - logits[-1]).abs().max().item()
    if difference > 1e-3:
        raise SystemExit(f"the expanded and the absorbed form of attention differ by {difference}")
    for _ in range(24):
        best = row.topk(2)
        greedy.append(best.indices[0].item())
        margins.append(round((best.values[0] - best.values[1]).item(), 4))
        row = session.forward([[greedy[-1]]])[0]
    # 16 fixed columns spread over the vocabulary and the best 48 of the last position.
    columns = sorted(
        set(range(0, config.vocab_size, config.vocab_size // 16)) | set(logits[-1].topk(48).indices.tolist())
    )
    # Behind the original context, where YaRN matters: ids by a rule that the test repeats.
    far_ids = [ids[0]] + [(7919 * i * i + 104729 * i) % (config.vocab_size - 4) for i in range(1, FAR_TOKENS)]
    with torch.no_grad():
        far = model.lm_head(model.hidden(torch.tensor([far_ids]))[0][0, -1])
    with open(args.gguf, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    files = {
        "logits.json": {
            "gguf_sha256": digest,
            "text": render(PROMPT),
            "ids": ids,
            "columns": columns,
            "logits": [[round(x, 5) for x in row] for row in logits[:, columns].tolist()],
            "argmax": logits.argmax(-1).tolist(),
            "logsumexp": [round(x, 5) for x in logits.logsumexp(-1).tolist()],
            "far_tokens": FAR_TOKENS,
            "far_logits": [round(x, 5) for x in far[columns].tolist()],
            "far_logsumexp": round(far.logsumexp(-1).item(), 5),
            "greedy": greedy,
            "greedy_margins": margins,
            "greedy_text": tokenizer.decode(greedy),
        },
        "tokenizer.json": {
            "plain": [{"text": text, "ids": encode(plain, text)} for text in TEXTS + SPECIAL_TEXTS],
            "special": [{"text": text, "ids": encode(tokenizer, text)} for text in SPECIAL_TEXTS],
        },
        "chat.json": [
            {
                "name": name,
                "messages": messages,
                "text": render(messages),
                "ids": encode(tokenizer, render(messages)),
            }
            for name, messages in CHATS.items()
        ],
    }
    os.makedirs(args.golden, exist_ok=True)
    for name, content in files.items():
        with open(os.path.join(args.golden, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)
            file.write("\n")
    print(
        f"{len(ids)} positions, {len(columns)} columns, smallest greedy margin {min(margins)}: {tokenizer.decode(greedy)!r}"
    )


if __name__ == "__main__":
    main()
