# SPDX-License-Identifier: MIT
"""Template engine for the generated part of the corpus.

    [a|b|c]     one of the alternatives (may nest; an empty alternative is allowed)
    {name}      a value of the context;  {Name} the same with a capital letter
    {a:name}    the value with "a" or "an"
    <bank>      one line of a phrase bank, expanded in turn;  <Bank> capitalised
"""
import re

_INNER = re.compile(r"\[([^\[\]]*)\]")
_BANK = re.compile(r"<([A-Za-z_]+)>")
_VAR = re.compile(r"\{(a:|A:)?([A-Za-z_]\w*)\}")


def cap(s):
    for i, c in enumerate(s):
        if c.isalpha():
            return s[:i] + c.upper() + s[i + 1:]
        if c not in "\"'":
            return s
    return s


def an(s):
    w = s.split()[0].lower() if s.split() else s
    if w in ("hour", "honest", "honor"):
        return "an " + s
    if w in ("unicorn", "uniform", "one", "ukulele", "useful", "european"):
        return "a " + s
    return ("an " if w[:1] in "aeiou" else "a ") + s


class Grammar:
    def __init__(self, banks=None):
        self.banks = banks or {}

    def expand(self, t, ctx, rng):
        for _ in range(60):
            m = _BANK.search(t)
            if m:
                k = m.group(1)
                low = k[0].lower() + k[1:]
                opts = self.banks.get(low)
                if opts is None:
                    raise KeyError("bank " + low)
                s = rng.choice(opts)
                if k[0].isupper():
                    s = "\x01" + s
                t = t[:m.start()] + s + t[m.end():]
                continue
            m = _INNER.search(t)
            if m:
                t = t[:m.start()] + rng.choice(m.group(1).split("|")) + t[m.end():]
                continue
            break

        def sub(m):
            art, k = m.group(1), m.group(2)
            low = k[0].lower() + k[1:]
            if k in ctx:
                v = ctx[k]
            elif low in ctx:
                v = cap(ctx[low])
            else:
                raise KeyError(k + " in " + t)
            if art == "a:":
                v = an(v)
            elif art == "A:":
                v = cap(an(v))
            return v
        t = _VAR.sub(sub, t)
        t = re.sub("\x01(.?)", lambda m: m.group(1).upper(), t)
        t = re.sub(r"\b([Aa]) (?=[aeiou](?!ne\b|ni[cqtvf]|se[fd]|uro))", r"\1n ", t)
        t = re.sub(r"\.\" (?=(?:it|he|she|they|[A-Z][a-z]+|the [a-z]+) (?:said|cried|called|answered|shouted|whispered)\b)", ",\" ", t)
        t = re.sub(r" {2,}", " ", t)
        t = re.sub(r" +([,.!?;:])", r"\1", t)
        return t.strip()

    def text(self, lines, ctx, rng):
        """Lines -> paragraphs.  '?' line: half the time.  '/' starts a new paragraph."""
        paras, cur = [], []
        for ln in lines:
            if ln == "/":
                if cur:
                    paras.append(" ".join(cur))
                    cur = []
                continue
            if ln.startswith("?"):
                if rng.random() < 0.5:
                    continue
                ln = ln[1:]
            s = self.expand(ln, ctx, rng)
            if s:
                s = re.sub(r"(^|[.!?]['\"]? )([a-z])", lambda m: m.group(1) + m.group(2).upper(), s) if False else cap(s)
                cur.append(s)
        if cur:
            paras.append(" ".join(cur))
        return "\n\n".join(paras)
