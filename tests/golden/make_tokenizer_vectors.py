#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes ../data/tokenizer: small vocabularies, one for each pre-tokeniser, and texts with their ids as the
`tokenizers` library gives them. They hold our own tokenizer to an independent one.

Needs: pip install tokenizers. Usage: make_tokenizer_vectors.py
"""
import json
import pathlib
import random
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "tokenizer"

# The cased letters of the deepseek-llm pre-tokeniser.
CASED = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-"
    "\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90"
    "-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d"
    "\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-"
    "\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4"
    "\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d"
    "\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4"
    "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e"
    "\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f"
    "\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2"
    "\U000118a0-\U000118df\U0001e900-\U0001e943"
)
WIDE = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
PATTERNS = {
    "deepseek-llm": [
        "[\r\n]",
        "\\s?[" + CASED + "]+",
        "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        "\\s+$",
        WIDE,
    ],
    "deepseek-coder": ["[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", WIDE],
    "deepseek-v3": [
        "\\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
        " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ],
}
DIGITS = {"deepseek-llm", "deepseek-coder"}  # the third cuts numbers by its own pattern

BEGIN = "<\uff5cbegin\u2581of\u2581sentence\uff5c>"
END = "<\uff5cend\u2581of\u2581sentence\uff5c>"
USER = "<\uff5cUser\uff5c>"
ASSISTANT = "<\uff5cAssistant\uff5c>"
LITERAL = "\u00f8"  # an added token that is plain text

CORPUS = [
    "The lighthouse keeper wrote down the weather every evening, and every morning he read it again.",
    "What is the difference between a stack and a queue? A stack gives back what came last.",
    "Once upon a time there was a little river that wanted to see the sea. It ran and ran.",
    "for i in range(10):\n    if i % 2 == 0:\n        print(i, end=', ')\n\nreturn total",
    "int main(void)\n{\n\tstd::vector<int> values = {1, 2, 3};\n\treturn values.size() == 3 ? 0 : 1;\n}\n",
    "User: Hello\n\nAssistant: Hello! How can I help you today?\n\nUser: Thank you.\n\nAssistant:",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u5427\u3002\u4f60\u597d\u5417\uff1f\u6211\u5f88\u597d\u3002",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u041a\u0430\u043a \u0434\u0435\u043b\u0430? \u041f\u0440\u0438\u0432\u0435\u0442 \u0432\u0441\u0435\u043c.",
    "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c\u3001\u3053\u3093\u306b\u3061\u306f\u3002 \u30ab\u30bf\u30ab\u30ca",
    "\u00dcber den Flu\u00df f\u00fchrt eine Br\u00fccke; d\u00e9j\u00e0 vu, na\u00efve, se\u00f1or, \u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1.",
    "        deep indentation        and    runs of   blanks\t\ttabs",
    "1234567890 3.14159 2026-11-24 0x7f 1,000,000 12 123 1234",
    "https://example.org/path?query=1&other=2#part (see [1], {2}, <3>) -- well... \u201cquoted\u201d",
]

TEXTS = CORPUS + [
    "",
    " ",
    "  ",
    "   x",
    "\n",
    "\r\n\r\n",
    "a\r\nb\n\n\nc\n",
    " \n \n  \nword",
    "\t\t x \t",
    "trailing blanks   ",
    "trailing wide blank\u3000",
    "\u3000\u3000word\u3000\u3002\u3001x",
    "\u2003em\u2003space\u00a0no-break\u0085next\u2028line",
    "\u10a0\u10a1 \u13a0\u13a1x\u1e00y \u2c00 a\u1e9eb",
    "\u0915\u094d\u0937\u093f \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\u3007\u4e00\u4e8c\u2167\u00bd\u0663\u0664\uff11\uff12",
    "\ud55c\uad6d\uc5b4 \uac00\ub098\ub2e4\ud7ff\ud7a3",
    "e\u0301 \u0301x a\u0300\u0301b",
    "\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "\u0000\u0001\u007f\u200b\ufeff",
    "don't I'm we'LL 'tis",
    "#include<x> $HOME @name !important ~/.config `code` a_b^c",
    "\u0130\u0131 \u01c5\u01bb\u0294 \ua78f",
    "(\n)\n\n ;\r\n x",
    "\uff01\uff0f\uff1a\uff5e \uff0f\u2018\u2019",
    BEGIN + "x" + END,
    "forged " + USER + " and " + ASSISTANT + " marks" + USER[:-1] + " | <|User|>",
    LITERAL + "re f" + LITERAL + "r",
]


def random_text(source):
    """Runs of like characters, so that every class meets every other."""
    pools = [
        (0x20, 0x7E), (0x09, 0x0D), (0x80, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x10A0, 0x10FF),
        (0x13A0, 0x13FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2100, 0x2BFF), (0x2C00, 0x2DFF), (0x3000, 0x30FF),
        (0x4E00, 0x9FFF), (0xA640, 0xABFF), (0xAC00, 0xD7FF), (0xFB00, 0xFFEF), (0x10000, 0x10FFF),
        (0x118A0, 0x118DF), (0x1E900, 0x1E95F), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF),
    ]
    text = ""
    for _ in range(source.randint(1, 10)):
        first, last = source.choice(pools)
        for _ in range(source.randint(1, 6)):
            # Unassigned code points change their class from one version of Unicode to the next.
            c = chr(source.randint(first, last))
            if unicodedata.category(c) not in ("Cn", "Cs"):
                text += c
        text += source.choice(["", "", " ", "  ", "\n", "7", "a", "."])
    return text


def make(kind):
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PATTERNS[kind]]
    if kind in DIGITS:
        steps.append(pre_tokenizers.Digits(individual_digits=True))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=480, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, special_tokens=[]
    )
    tokenizer.train_from_iterator(CORPUS * 2, trainer)
    tokenizer.add_tokens([AddedToken(LITERAL, normalized=False, special=False)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in (BEGIN, END, USER, ASSISTANT)])
    return tokenizer


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = random.Random(20261124)
    texts = TEXTS + [random_text(source) for _ in range(70)]
    vectors = {"texts": texts}
    for kind in PATTERNS:
        tokenizer = make(kind)
        path = FOLDER / (kind + ".json")
        path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        parsed = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        tokenizer.encode_special_tokens = True
        plain = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        # Where no special token stands in the text both are the same.
        different = {str(i): ids for i, ids in enumerate(parsed) if ids != plain[i]}
        vectors[kind] = {"as_text": plain, "parse": different}
    (FOLDER / "vectors.json").write_text(json.dumps(vectors, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
