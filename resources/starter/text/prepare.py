#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build the starter-model corpus.

    prepare.py --src SRC --out OUT [--synth-scale 1.0] [--seed 7]

SRC holds plain checkouts of the source repositories listed in README.md, one
folder per repository:  SRC/<owner>/<name>/...   (only the files named in
README.md are read).  OUT receives *.jsonl.xz and stats.json.

Needs Python 3.9+ and nothing else.  Everything is deterministic for a seed.
"""
import argparse, collections, csv, glob, hashlib, html, io, json, lzma, os, random, re, sys
import unicodedata, zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
csv.field_size_limit(1 << 27)

# --------------------------------------------------------------------------
# text hygiene
# --------------------------------------------------------------------------
_TR = {0x2018: "'", 0x2019: "'", 0x201A: "'", 0x201B: "'", 0x2032: "'", 0x00B4: "'", 0x0060: "'",
       0x201C: '"', 0x201D: '"', 0x201E: '"', 0x2033: '"', 0x00AB: '"', 0x00BB: '"',
       0x2013: "-", 0x2014: " - ", 0x2015: " - ", 0x2212: "-", 0x2010: "-", 0x2011: "-",
       0x2026: "...", 0x00A0: " ", 0x2009: " ", 0x202F: " ", 0x3000: " ", 0x2002: " ", 0x2003: " ",
       0x200B: None, 0x200C: None, 0x200D: None, 0xFEFF: None, 0x00AD: None, 0xFFFD: None,
       0x2028: "\n", 0x2029: "\n", 0x0085: "\n", 0x000C: "\n", 0x000B: "\n"}


def norm_en(s):
    """English text: straight quotes, plain dashes, no control or exotic characters."""
    for bad, good in (("â€™", "'"), ("â€œ", '"'), ("â€\x9d", '"'), ("â€“", "-"), ("â€”", " - "), ("â€¦", "...")):
        s = s.replace(bad, good)
    s = unicodedata.normalize("NFC", s).translate(_TR)
    s = s.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    s = re.sub(r"\s*--+\s*", " - ", s)
    s = "".join(c for c in s if c == "\n" or (c.isprintable() and ord(c) < 0x250))
    s = re.sub(r"[ ]{2,}", " ", s)
    s = re.sub(r" +([,.;:!?])(?=\s|$|[\"'])", r"\1", s)
    s = re.sub(r" *\n *", "\n", s)
    s = re.sub(r"\n{3,}", "\n\n", s)
    return s.strip()


def norm_zh(s):
    s = unicodedata.normalize("NFC", s).replace("\r", "")
    s = s.replace("\u00a0", " ").replace("\u3000", "").replace("\u200b", "").replace("\ufeff", "")
    s = s.replace("“", "“").replace("”", "”")
    s = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", s)
    return s.strip()


BAD = re.compile(
    r"\b(fuck\w*|shit\w*|bitch\w*|asshole\w*|bastard\w*|cunt\w*|dick(?:head|s)?|pussy|whore\w*|slut\w*|porn\w*|"
    r"sexy?|sexual\w*|nude|naked|boobs?|penis|vagina|rape\w*|raping|orgasm\w*|erotic\w*|"
    r"nigg\w*|negro\w*|darky|darkies|darkey\w*|pickaninn\w*|mammy|coloured|colored (?:man|men|woman|boy|girl|people|folks?|cook|person)|"
    r"injuns?|redskins?|squaw\w*|savages?|gyps\w+|chinam[ae]n|heathens?|jap|japs|eskimo\w*|"
    r"suicid\w*|kill (?:my|your|him|her)self|cocaine|heroin|marijuana|weed|drugs?|drunk\w*|whisk(?:e)?y|rum|beer|vodka|tobacco|cigar\w*|"
    r"terroris\w*|nazi\w*|hitler|isis|genocide|murder\w*|corpse\w*|massacre\w*|lynch\w*|slave\w*|"
    r"trump|obama|clinton|democrat\w*|republican\w*|abortion\w*|kneel\w*|anthem|"
    r"ass|damn\w*|hell|crap|god ?damn\w*|wtf|stfu|retard\w*|faggot\w*|fag|gay|lesbian\w*|queer\w*|tranny|hooker\w*|stripper\w*|"
    r"aids|hiv|coon hunt\w*|gun|guns|shotgun|rifle|pistol)\b", re.I)
ARCHAIC = re.compile(r"\b(thee|thou|thy|thine|hath|doth|hast|dost|shalt|wilt|ye|'twas|'tis|methinks|ere|whilst|forsooth|quoth)\b", re.I)
URL = re.compile(r"https?://|www\.|@\w+\.\w+|\.com\b|\.org\b", re.I)
WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def words(s):
    return [w.lower() for w in WORD.findall(s)]


def clean_ok(s):
    return not BAD.search(s) and not URL.search(s)


class Dedupe:
    """Exact (normalised) and near-duplicate filter: 8-word shingle overlap."""

    def __init__(self, thr=0.5):
        self.exact, self.sh, self.thr = set(), set(), thr

    def add(self, text):
        w = words(text) or list(text)
        k = hashlib.md5(" ".join(w).encode()).digest()
        if k in self.exact:
            return False
        self.exact.add(k)
        sh = {hash(tuple(w[i:i + 8])) for i in range(0, max(1, len(w) - 7), 3)} if len(w) >= 16 else set()
        if sh:
            if len(sh & self.sh) / len(sh) > self.thr:
                return False
            full = {hash(tuple(w[i:i + 8])) for i in range(0, len(w) - 7)}
            self.sh |= full
        return True


class Vocab:
    """Frequency list of simple English; oov() is the share of words outside its head."""

    def __init__(self):
        self.c = collections.Counter()

    def feed(self, text, weight=1):
        for w in words(text):
            self.c[w] += weight

    def freeze(self, n):
        self.top = {w for w, _ in self.c.most_common(n)}

    def oov(self, text):
        ws = [w for w in WORD.findall(text)]
        if not ws:
            return 1.0
        bad = 0
        for i, w in enumerate(ws):
            lw = w.lower()
            base = lw[:-2] if lw.endswith("'s") else lw
            if lw in self.top or base in self.top:
                continue
            if w[0].isupper():          # a name: half a miss
                bad += 0.5
            else:
                bad += 1
        return bad / len(ws)


def doc(text, src, lang="en"):
    return {"text": text, "src": src, "lang": lang}


def conv(msgs, src, lang="en", **kw):
    d = {"messages": [{"role": r, "content": c} for r, c in msgs], "src": src, "lang": lang}
    d.update(kw)
    return d


def read(p, enc="utf-8"):
    b = open(p, "rb").read()
    for e in (enc, "utf-8", "cp1252", "latin-1"):
        try:
            return b.decode(e)
        except UnicodeDecodeError:
            pass


# --------------------------------------------------------------------------
# sources
# --------------------------------------------------------------------------
def tinystories(src):
    files = [("mines-opt-ml/decoding-gpt/data/tinystories_10k.txt", "blank"),
             ("s-ajaykumar/smallGPT/data/tiny_stories.txt", "blank"),
             ("yuninxia/moe-routing-bench/data/tinystories_val.txt", "blank"),
             ("Niklas6/Mini_GPT/tinystories.txt", "blank"),
             ("leozoroaster/CS336HW1/TinyStories.txt", "blank"),
             ("Ahmedessaa/My-AI_Tasks/TinyStories-valid.txt", "blank")]
    start = re.compile(r"^(once upon|once there|one day|one morning|one evening|one night|one afternoon|one sunny|one time|long ago|"
                       r"there (was|were|once)|in a |on a |it was |at the |every |[A-Z][a-z]+ (was|were|and [A-Z][a-z]+ (was|were|are|like|love)|is|had|loved|liked|likes|loves|wanted|lived|went|saw) )", re.I)
    for rel, _ in files:
        p = os.path.join(src, rel)
        if not os.path.exists(p):
            print("missing", p, file=sys.stderr)
            continue
        raw = norm_en(read(p))
        if "<|endoftext|>" in raw:
            parts = raw.split("<|endoftext|>")
        else:
            # no separator kept: paragraphs; a new story begins at an opening phrase
            # after a paragraph that closes one
            paras, parts, cur = raw.split("\n\n"), [], []
            hard = re.compile(r"^(once upon a time|once there was|one day, (a|an|the|there|[A-Z][a-z]+ (and|was|wanted|went|found|saw))|long ago|"
                              r"there (was once|once was|was a)|one (morning|sunny day|cold day|hot day|rainy day), (a|an|the) |"
                              r"[A-Z][a-z]+ and [A-Z][a-z]+ (were|are) |[A-Z][a-z]+ (was|is) a |[A-Z][a-z]+ (loved|likes|liked) to )", re.I)
            for q in paras:
                q = q.strip()
                if not q:
                    continue
                if cur and hard.match(q) and (len(" ".join(cur)) > 350):
                    parts.append("\n\n".join(cur))
                    cur = []
                cur.append(q)
            if cur:
                parts.append("\n\n".join(cur))
        for t in parts:
            t = re.sub(r"(?<![\n])\n(?![\n])", "\n\n", t.strip())
            t = re.sub(r"^[^A-Za-z\"]+", "", t)
            if not start.match(t):
                continue
            if not (150 <= len(t) <= 2600) or t[-1] not in ".!?\"'":
                continue
            yield t


LIC = re.compile(r"^\*\s*License:\s*\[?([^\]\n]+)", re.I | re.M)


def picture_books(src, rel, lang):
    for p in sorted(glob.glob(os.path.join(src, rel, "*.md"))):
        if os.path.basename(p).lower().startswith("readme"):
            continue
        raw = read(p)
        m = LIC.search(raw)
        lic = m.group(1).strip().upper().replace(" ", "-") if m else ""
        if lic not in ("CC-BY", "PUBLIC-DOMAIN", "CC-0", "CC0"):
            continue
        body = re.split(r"^\*\s*License:", raw, maxsplit=1, flags=re.M | re.I)[0]
        lines = body.split("\n")
        title = lines[0].lstrip("# ").strip()
        pages = []
        for pg in re.split(r"^##\s*$", "\n".join(lines[1:]), flags=re.M):
            pg = re.sub(r"^[#*>\s]+", "", pg.strip(), flags=re.M)
            pg = " ".join(x.strip() for x in pg.split("\n") if x.strip())
            if pg:
                pages.append(pg)
        yield title, pages, os.path.basename(p)


def pg_body(raw):
    raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    m = re.search(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG.*?\n", raw, re.I)
    if m:
        raw = raw[m.end():]
    else:
        m = re.search(r"\*END[* ]*THE SMALL PRINT.*?\n", raw, re.I)
        if m:
            raw = raw[m.end():]
    m = re.search(r"\n[^\n]*(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the |this )?Project Gutenberg)", raw, re.I)
    if m:
        raw = raw[:m.start()]
    return raw


def gutenberg(src):
    """(book, [chunks]) - prose paragraphs only, unwrapped, chapter by chapter."""
    for d in sorted(glob.glob(os.path.join(src, "GITenberg", "*"))):
        name = os.path.basename(d)
        num = name.rsplit("_", 1)[1]
        p = next((os.path.join(d, f) for f in (num + "-0.txt", num + ".txt", num + "-8.txt")
                  if os.path.exists(os.path.join(d, f))), None)
        if not p:
            continue
        raw = pg_body(read(p, "cp1252" if p.endswith("-8.txt") else "utf-8"))
        raw = re.sub(r"\[(?:Illustration|Script|Frontispiece|Transcriber|Footnote|Music)[^\]]*\]", "\n\n", raw, flags=re.I)
        blocks = re.split(r"\n\s*\n", raw)
        chunks, cur = [], []

        def flush():
            if cur:
                chunks.append(list(cur))
                cur.clear()
        for b in blocks:
            ls = [x.rstrip() for x in b.split("\n") if x.strip()]
            if not ls:
                continue
            one = " ".join(x.strip() for x in ls)
            one = re.sub(r"[_=|]", "", one)
            one = norm_en(one).replace("\n", " ")
            letters = [c for c in one if c.isalpha()]
            if not letters:
                continue
            up = sum(c.isupper() for c in letters) / len(letters)
            heading = (up > 0.6 or re.match(r"^(chapter|story|lesson|part|book|[ivxlc]+\.?)\b", one, re.I) and len(one) < 90) and one[-1] not in '."!?'
            if heading or re.match(r"^(chapter|lesson|story) [ivxlc\d]+", one, re.I) and len(one) < 90:
                flush()
                continue
            indent = sum(1 for x in ls if re.match(r"^ {3,}\S", x)) / len(ls)
            short = sum(1 for x in ls if len(x.strip()) < 48) / len(ls)
            if len(ls) >= 3 and short > 0.75 and all(x.strip()[0].isupper() or x.strip()[0] in "\"'" for x in ls):
                continue                                    # verse
            if indent > 0.8 and len(ls) >= 2:
                continue                                    # verse, tables
            if re.search(r"copyright|gutenberg|transcriber|proofread|printed in|illustrat|publisher|produced by|e-?text|typograph", one, re.I):
                continue
            if not re.match(r"^[\"'A-Z]", one) or one[-1] not in ".!?\"'" or len(one) < 12 or up > 0.35:
                continue
            if re.search(r"\d{2,}|[\[\]{}<>*/\\#~^]", one):
                continue
            cur.append(one)
        flush()
        yield name, chunks


def pack(paras, lo=350, hi=1700):
    """Paragraphs -> documents of lo..hi characters, cut at paragraph ends."""
    out, cur, n = [], [], 0
    for q in paras:
        if n + len(q) > hi and n >= lo:
            out.append(cur)
            cur, n = [], 0
        cur.append(q)
        n += len(q) + 1
    if n >= lo:
        out.append(cur)
    elif out and n:
        out[-1].extend(cur)
    return out


def persona_chat(src):
    for f in ("Synthetic-Persona-Chat_valid.csv", "Synthetic-Persona-Chat_test.csv"):
        p = os.path.join(src, "google-research-datasets/Synthetic-Persona-Chat/data", f)
        for row in csv.reader(io.StringIO(read(p))):
            if len(row) < 3 or not row[2].startswith("User"):
                continue
            turns = []
            for ln in row[2].split("\n"):
                m = re.match(r"^User ?([12]): ?(.*)$", ln.strip())
                if m:
                    turns.append(["a" if m.group(1) == "1" else "b", norm_en(m.group(2))])
                elif turns and ln.strip():
                    turns[-1][1] += " " + norm_en(ln)
            if any(re.search(r"[\[\](){}<>]|User [12]", t) for _, t in turns):
                continue
            yield merge(turns)


def merge(turns):
    out = []
    for r, t in turns:
        t = t.strip()
        if not t:
            continue
        if out and out[-1][0] == r:
            out[-1][1] += " " + t
        else:
            out.append([r, t])
    return [(r, t) for r, t in out]


def self_dialogues(src):
    base = os.path.join(src, "jfainberg/self_dialogue_corpus")
    blocked = set()
    for p in glob.glob(os.path.join(base, "blocked*")):
        blocked |= set(read(p).split())
    skip = {"nfl_football", "rap_hiphop", "horror", "thriller"}
    for p in sorted(glob.glob(os.path.join(base, "corpus/*/*.csv"))):
        topic = os.path.basename(os.path.dirname(p))
        if topic in skip:
            continue
        rd = csv.DictReader(io.StringIO(read(p)))
        for row in rd:
            if row.get("WorkerId") in blocked or row.get("Reject") == "x":
                continue
            t = []
            for i in range(1, 40):
                s = (row.get("Answer.sentence%d" % i) or "").strip()
                if s and s not in ("{}", "n/a"):
                    s = norm_en(s)
                    s = s[:1].upper() + s[1:]
                    s = re.sub(r"\bi\b", "I", s)
                    s = re.sub(r"\b(i)('(m|ve|ll|d))\b", r"I\2", s)
                    if s and s[-1] not in ".!?\"'":
                        s += "."
                    t.append(s)
            if len(t) >= 6:
                yield topic, [("a" if i % 2 == 0 else "b", s) for i, s in enumerate(t)]


def topical_chat(src):
    for f in ("valid_freq", "valid_rare", "test_freq", "test_rare"):
        p = os.path.join(src, "alexa/Topical-Chat/conversations", f + ".json")
        for k, v in json.loads(read(p)).items():
            turns = []
            for m in v["content"]:
                s = norm_en(m["message"])
                s = s[:1].upper() + s[1:]
                turns.append(["a" if m["agent"] == "agent_1" else "b", s])
            yield merge(turns)


def ms_chitchat(src):
    """question -> {personality: answer} (Microsoft personality chat, English)."""
    q = collections.OrderedDict()
    for pers in ("professional", "friendly", "witty"):
        p = os.path.join(src, "mimi-tg/ChitChat/qna_chitchat_%s.tsv" % pers)
        for ln in read(p).split("\n")[1:]:
            c = ln.rstrip("\r").split("\t")
            if len(c) >= 2 and c[0].strip() and c[1].strip():
                q.setdefault(norm_en(c[0]), {})[pers] = norm_en(c[1])
    return q


def chatterbot(src, lang):
    base = os.path.join(src, "gunthercox/chatterbot-corpus/chatterbot_corpus/data", lang)
    keep = {"conversations", "greetings", "emotion", "botprofile", "food", "humor", "health", "psychology"}
    for p in sorted(glob.glob(base + "/*.yml")):
        cat = os.path.basename(p)[:-4]
        if cat not in keep:
            continue
        cur = []
        for ln in read(p).split("\n"):
            m = re.match(r"^\s*- - (.*)$", ln)
            if m:
                if len(cur) >= 2:
                    yield cat, cur
                cur = [m.group(1)]
                continue
            m = re.match(r"^\s+- (.*)$", ln)
            if m and cur:
                cur.append(m.group(1))
        if len(cur) >= 2:
            yield cat, cur


def docx_paras(b):
    x = zipfile.ZipFile(io.BytesIO(b)).read("word/document.xml").decode("utf8")
    for m in re.finditer(r"<w:p[ >].*?</w:p>", x, re.S):
        out = []
        for t in re.finditer(r"<w:t(?: [^>]*)?>(.*?)</w:t>|<w:(br|cr)\b[^>]*/>|<w:(tab)/>", m.group(0), re.S):
            out.append(html.unescape(t.group(1)) if t.group(1) is not None else ("\n" if t.group(2) else " "))
        yield "".join(out)


def dolly(src):
    for p in sorted(glob.glob(os.path.join(src, "TurkuNLP/dolly-fi/dolly-doc-in/*.docx"))):
        rec, key = {}, None
        for t in docx_paras(open(p, "rb").read()):
            if re.fullmatch(r"Document \d+", t.strip()):
                if rec.get("Instruction") and rec.get("Response") and not rec.get("Context"):
                    yield rec["Instruction"].strip(), rec["Response"].strip()
                rec, key = {}, None
            elif t.strip() in ("Instruction", "Context", "Response"):
                key = t.strip()
                rec[key] = ""
            elif key:
                rec[key] += ("\n" if rec[key] else "") + t
        if rec.get("Instruction") and rec.get("Response") and not rec.get("Context"):
            yield rec["Instruction"].strip(), rec["Response"].strip()


def tatoeba(src):
    p = os.path.join(src, "DaoChaShao/py-st-dl-translater-2.0/data/cmn.txt")
    for ln in read(p).split("\n"):
        c = ln.split("\t")
        if len(c) >= 2:
            yield norm_en(c[0]), norm_zh(c[1])


# --------------------------------------------------------------------------
# story -> request
# --------------------------------------------------------------------------
ANIMALS = ("dog puppy cat kitten bird bear rabbit bunny mouse frog duck fish fox owl lion tiger elephant monkey turtle squirrel bee butterfly "
           "ant pig cow horse pony sheep lamb goat chicken hen rooster dragon dinosaur whale dolphin penguin snail spider wolf deer giraffe zebra "
           "hippo crocodile parrot swan goose worm caterpillar ladybug hedgehog kangaroo koala panda seal octopus crab shark unicorn robot princess "
           "prince king queen fairy witch giant wizard knight pirate farmer boy girl").split()
THINGS = ("ball kite doll car truck train boat bike bicycle balloon cake cookie book hat tree flower garden park beach forest castle star moon rain "
          "snow rainbow toy box key treasure map magic birthday picnic river lake mountain farm zoo school house apple banana candy soup sandwich "
          "drum piano guitar music song swing slide sandcastle umbrella bridge rocket plane bus camera mirror ring crown blanket pillow lamp clock").split()


def story_request(rng, text):
    """A plausible request for a given story, from its hero, animals and things."""
    toks = words(text)
    cnt = collections.Counter(toks)
    head = " ".join(toks[:60])
    who = [a for a in ANIMALS if re.search(r"\b%s\b" % a, head)]
    who.sort(key=lambda a: -cnt[a])
    what = [t for t in THINGS if cnt[t] >= 2]
    what.sort(key=lambda t: -cnt[t])
    names = collections.Counter(m.group(1) for m in re.finditer(r"(?<=[a-z,] )([A-Z][a-z]{2,9})\b", text))
    for n in ("Mom", "Mum", "Dad", "Mommy", "Daddy", "Mama", "Papa", "The", "They", "She", "But", "And", "One", "Then", "Suddenly", "Yes", "What", "His", "Her", "You"):
        names.pop(n, None)
    nm = [n for n, c in names.most_common(3) if c >= 2]
    an = lambda w: ("an " if w[0] in "aeiou" else "a ") + w
    subj = []
    if who and nm:
        subj += ["%s named %s" % (an(who[0]), nm[0])] * 2
    if who:
        subj += [an(who[0])] * 2
    if who and what:
        subj += ["%s and %s" % (an(who[0]), an(what[0]))]
    if nm:
        subj += [nm[0]]
    if len(nm) > 1:
        subj += ["%s and %s" % (nm[0], nm[1])]
    if what:
        subj += [an(what[0])]
    if not subj:
        return rng.choice(["Tell me a story.", "Can you tell me a story?", "Please tell me a story.", "Write a short story."])
    s = rng.choice(subj)
    return rng.choice(["Tell me a story about %s.", "Can you tell me a story about %s?", "Please tell me a story about %s.", "Write a short story about %s.",
                       "I want a story about %s.", "tell me a story about %s", "Tell me a bedtime story about %s.", "Could you write a little story about %s?",
                       "a story about %s please", "Make up a story about %s."]) % s


# --------------------------------------------------------------------------
# output
# --------------------------------------------------------------------------
class Out:
    def __init__(self, outdir):
        self.dir, self.stats = outdir, collections.OrderedDict()
        self.order = random.Random(1)
        os.makedirs(outdir, exist_ok=True)

    def write(self, name, items, **info):
        items = list(items)
        self.order.shuffle(items)
        raw = "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in items).encode("utf-8")
        path = os.path.join(self.dir, name + ".jsonl.xz")
        with open(path, "wb") as f:
            f.write(lzma.compress(raw, preset=6))
        ch = sum(len(x["text"]) if "text" in x else sum(len(m["content"]) for m in x["messages"]) for x in items)
        st = collections.Counter(x["src"] for x in items)
        self.stats[name] = dict(records=len(items), characters=ch, raw_bytes=len(raw), xz_bytes=os.path.getsize(path), by_source=dict(st), **info)
        print("%-28s %8d records %8.2f M chars %8.2f MB raw %7.2f MB xz" % (name, len(items), ch / 1e6, len(raw) / 1e6, os.path.getsize(path) / 1e6), flush=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--src", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--synth-scale", type=float, default=1.0)
    ap.add_argument("--only", default="")
    a = ap.parse_args()
    out = Out(a.out)
    only = set(a.only.split(",")) if a.only else None
    want = lambda n: only is None or n in only

    # ---- stories -------------------------------------------------------
    dd = Dedupe(0.3)
    ts = [t for t in tinystories(a.src) if clean_ok(t) and dd.add(t)]
    voc = Vocab()
    for t in ts:
        voc.feed(t, 4)
    pb = []
    for rel, tag in (("global-asp/asp-source/en", "african-storybook"), ("global-asp/pb-source/en", "pratham-books"), ):
        for title, pages, fn in picture_books(a.src, rel, "en"):
            title = norm_en(title)
            pages = [norm_en(x).replace("\n", " ") for x in pages]
            t = "\n\n".join(pages)
            if len(t) < 120 or not clean_ok(title + " " + t):
                continue
            for i, ps in enumerate(pack(pages, 120, 1900)):
                body = "\n\n".join(ps)
                if i == 0:
                    body = title + "\n\n" + body
                if dd.add(body):
                    pb.append(dict(doc(body, tag), ref=fn[:-3]))
                    voc.feed(body, 4)
    books = []
    for name, chunks in gutenberg(a.src):
        for ch in chunks:
            for ps in pack(ch, 150):
                books.append((name, "\n\n".join(ps)))
    pc = [t for t in persona_chat(a.src)]
    for t in pc:
        for _, s in t:
            voc.feed(s, 2)
    for _, b in books:
        voc.feed(b, 1)
    voc.freeze(9000)
    print("vocabulary head: 9000 of", len(voc.c), "; tinystories", len(ts))

    if want("stories_tiny"):
        out.write("stories_tiny", [doc(t, "tinystories") for t in ts], licence="CDLA-Sharing-1.0")
    if want("stories_picture_books"):
        out.write("stories_picture_books", [x for x in pb if voc.oov(x["text"]) < 0.12], licence="CC-BY-4.0 / CC-BY-3.0")
    if want("books_children"):
        res, per = [], collections.Counter()
        for name, b in books:
            if not clean_ok(b) or len(ARCHAIC.findall(b)) > 0 or voc.oov(b) > 0.045:
                continue
            if len(re.findall(r"[a-z]'[a-z]*[^stmdlvr\s]|\b(?:yer|yo'|dat|dis|de|dem|gwine|honah|massa|wuz|feller|ain't)\b", b)) > 1:
                continue                                     # dialect spelling
            if dd.add(b):
                res.append(dict(doc(b, "gutenberg"), ref="PG" + name.rsplit("_", 1)[1]))
                per[name] += 1
        out.write("books_children", res, licence="public domain", books={k: v for k, v in sorted(per.items())})
    # ---- dialogue ------------------------------------------------------
    if want("dialogue_persona"):
        d2, res = Dedupe(0.4), []
        for t in pc:
            s = " ".join(x for _, x in t)
            if clean_ok(s) and len(t) >= 6 and d2.add(s) and voc.oov(s) < 0.06:
                res.append(conv(t, "synthetic-persona-chat"))
        out.write("dialogue_persona", res, licence="CC-BY-4.0")
    if want("dialogue_self"):
        d2, res = Dedupe(0.4), []
        for topic, t in self_dialogues(a.src):
            s = " ".join(x for _, x in t)
            if clean_ok(s) and 150 < len(s) < 2600 and d2.add(s) and voc.oov(s) < 0.07 and not re.search(r"[<>{}\[\]|]|\d{4,}\$|\$\d", s):
                res.append(conv(t, "self-dialogue", topic=topic))
        out.write("dialogue_self", res, licence="BSD-3-Clause")
    if want("dialogue_topical"):
        d2, res = Dedupe(0.4), []
        for t in topical_chat(a.src):
            # long talks: split into runs of about ten turns
            for i in range(0, len(t), 10):
                c = t[i:i + 10]
                s = " ".join(x for _, x in c)
                if len(c) >= 6 and clean_ok(s) and d2.add(s) and voc.oov(s) < 0.085:
                    res.append(conv(c, "topical-chat"))
        out.write("dialogue_topical", res, licence="CDLA-Sharing-1.0")
    # ---- instructions --------------------------------------------------
    if want("instruct_dolly_simple"):
        res, d2 = [], Dedupe(0.5)
        for q, r in dolly(a.src):
            q, r = norm_en(q), norm_en(r)
            if not (8 <= len(q) <= 160 and 2 <= len(r) <= 420) or not clean_ok(q + " " + r):
                continue
            if voc.oov(q) > 0.13 or voc.oov(r) > 0.13 or re.search(r"[{}<>|\\=_#*]|\d{3,}", q + r):
                continue
            if r.startswith(q[:30]) or len(r) < 12 or q.count("?") > 2:
                continue
            if d2.add(q + " " + r):
                res.append(conv([("user", q), ("assistant", r)], "dolly-15k"))
        out.write("instruct_dolly_simple", res, licence="CC-BY-SA-3.0")
    if want("chat_smalltalk"):
        res = []
        drop = re.compile(r"suicid|virtual hug|BFF|I heart|bixby|cortana|siri|alexa|google|microsoft|kill|hate|die\b|death|dead|stupid|ugly|racist|drug|drunk|hell|fat\b|idiot|dumb|sucks?\b|boyfriend|girlfriend|marry|love me|kiss|date\b|hot\b|sexist|shut up", re.I)
        odd = re.compile(r"Suicide|business|aim for efficiency|professional relationship|Swing and a miss|one answer for each|got lost there|Sorry, I don't understand", re.I)
        for q, ans in ms_chitchat(a.src).items():
            if q.startswith("/") or drop.search(q) or not clean_ok(q) or not (2 <= len(q) <= 90):
                continue
            for pers in ("friendly", "professional"):
                r = ans.get(pers)
                if r and not odd.search(r) and not drop.search(r) and len(r) > 3:
                    res.append(conv([("user", q), ("assistant", r)], "ms-personality-chat"))
                    break
        for cat, c in chatterbot(a.src, "english"):
            c = [norm_en(x.strip().strip("'\"")) for x in c]
            if cat in ("conversations",):
                t = [("user" if i % 2 == 0 else "assistant", s) for i, s in enumerate(c[:len(c) // 2 * 2])]
                pairs = [t]
            else:
                pairs = [[("user", c[0]), ("assistant", s)] for s in c[1:]]
            for t in pairs:
                s = " ".join(x for _, x in t)
                if len(t) >= 2 and clean_ok(s) and not drop.search(s) and all(x for _, x in t) and voc.oov(s) < 0.2:
                    res.append(conv(t, "chatterbot-corpus"))
        seen, uniq = set(), []
        for x in res:
            k = json.dumps(x["messages"])
            if k not in seen:
                seen.add(k)
                uniq.append(x)
        out.write("chat_smalltalk", uniq, licence="MIT / BSD-3-Clause")
    # ---- Chinese -------------------------------------------------------
    if want("zh_mixed"):
        import synth_zh
        rng = random.Random(a.seed + 10)
        conv_s = synth_zh.t2s
        res, seen = [], set()
        zc = collections.Counter()
        pairs = []
        for e, z in tatoeba(a.src):
            z = conv_s(z)
            if not all(synth_zh.simple_char(c) for c in z if "\u4e00" <= c <= "\u9fff"):
                continue
            if len(z) > 14 or len(z) < 2 or len(e) > 48 or not clean_ok(e) or re.search(r"[A-Za-z]", z):
                continue
            pairs.append((e, z))
            zc.update(c for c in z if "\u4e00" <= c <= "\u9fff")
        top = {c for c, _ in zc.most_common(1400)}
        ok = [(e, z) for e, z in pairs if all(c in top for c in z if "\u4e00" <= c <= "\u9fff") and voc.oov(e) < 0.12]
        rng.shuffle(ok)
        e2z = [("How do you say \"%s\" in Chinese?", "%s"), ("Translate to Chinese: %s", "%s"), ("\"%s\" 用中文怎么说？", "%s"), ("请把这句话翻译成中文：%s", "%s")]
        z2e = [("Translate to English: %s", "%s"), ("What does \"%s\" mean?", "It means: %s"), ("“%s”用英语怎么说？", "%s"), ("请把这句话翻译成英文：%s", "%s")]
        for i, (e, z) in enumerate(ok):
            if (e, z) in seen:
                continue
            seen.add((e, z))
            q, r = rng.choice(e2z if i % 2 else z2e)
            u, v = (e, z) if i % 2 else (z, e)
            res.append(conv([("user", q % u), ("assistant", r % v)], "tatoeba", "en-zh"))
        for title, pages, fn in picture_books(a.src, "global-asp/global-asp/zh", "zh"):
            t = conv_s(norm_zh(title)) + "\n\n" + "\n".join(conv_s(norm_zh(x)) for x in pages)
            if 30 <= len(t) <= 1500:
                res.append(dict(doc(t, "global-asp", "zh"), ref=fn[:-3]))
        for cat, c in chatterbot(a.src, "chinese"):
            if cat not in ("conversations", "greetings", "food"):
                continue
            c = [conv_s(norm_zh(x)) for x in c]
            c = [x.replace("?", "？").replace(",", "，") for x in c]
            c = [x if x and x[-1] in "。？！~" else x.rstrip(".") + "。" for x in c]
            res.append(conv([("user" if i % 2 == 0 else "assistant", s) for i, s in enumerate(c[:len(c) // 2 * 2])], "chatterbot-corpus", "zh"))
        out.write("zh_mixed", res, licence="CC-BY-2.0-FR / CC-BY-4.0 / BSD-3-Clause")
    # ---- requests for real stories ------------------------------------
    if want("chat_story_requests"):
        rng = random.Random(a.seed + 11)
        res = []
        for t in ts:
            if len(t) <= 1500:
                res.append(conv([("user", story_request(rng, t)), ("assistant", t)], "tinystories"))
        for x in pb:
            t = x["text"]
            if len(t) <= 1300 and voc.oov(t) < 0.09 and "\n\n" in t:
                ti, body = t.split("\n\n", 1)
                if len(ti) < 50 and len(body) > 150 and ti[0].isupper():
                    res.append(conv([("user", rng.choice(["Tell me the story \"%s\".", "Tell me a story called \"%s\".", "Write a story with the title \"%s\"."]) % ti), ("assistant", body)], x["src"], ref=x["ref"]))
        out.write("chat_story_requests", res, licence="CDLA-Sharing-1.0 / CC-BY-4.0")
    # ---- our own generated text ----------------------------------------
    k = a.synth_scale
    if want("synth_stories") or want("synth_chat") or want("synth_zh"):
        import synth_en, synth_zh
        if want("synth_stories"):
            out.write("synth_stories", synth_en.stories(random.Random(a.seed + 1), int(60000 * k)), licence="CC0-1.0 (this project)")
        if want("synth_chat"):
            out.write("synth_chat", synth_en.chats(random.Random(a.seed + 2), int(70000 * k)), licence="CC0-1.0 (this project)")
        if want("synth_zh"):
            out.write("synth_zh", synth_zh.chats(random.Random(a.seed + 3), int(20000 * k)), licence="CC0-1.0 (this project)")
    sp = os.path.join(a.out, "stats.json")
    old = json.load(open(sp)) if only is not None and os.path.exists(sp) else {}
    old.update(out.stats)
    json.dump(old, open(sp, "w"), indent=1, ensure_ascii=False)
    if only is None:
        print("total xz %.1f MB" % (sum(s["xz_bytes"] for s in out.stats.values()) / 1e6))


if __name__ == "__main__":
    main()
