#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens what `fathom-cli quantize` and `fathom-cli synth` write with the Python package gguf and compares it with
the source: names, shapes, types, metadata, vocabulary and the dequantised numbers. Writes what it found to
results/gguf.txt, and ends with status 1 where something differs.

Needs: pip install gguf numpy safetensors.
Usage: check_gguf.py [path of fathom-cli, default ../../build/release/bin/fathom-cli]
"""
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_CLI = HERE.parent.parent / "build/release/bin/fathom-cli"
CLI = pathlib.Path(sys.argv[-1] if sys.argv[-1].endswith("fathom-cli") else DEFAULT_CLI)
LITE = HERE.parent / "data" / "golden" / "lite"
TYPES = ["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"]
FILE_TYPE = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7, "q4_k_m": 15, "q5_k_m": 17, "q6_k": 18, "bf16": 32}

# Root mean square of what a type may lose, against that of the numbers (normally distributed ones). Plain
# rounding of Q4_0 loses 0.089, of Q8_0 0.0057; the K-quants' figures are those of the usual writers, and a tenth.
LOSS = {"F32": 0, "F16": 3e-4, "BF16": 2.5e-3, "Q8_0": 0.0062, "Q6_K": 0.021, "Q5_K": 0.042, "Q5_0": 0.047,
        "Q5_1": 0.044, "Q4_K": 0.085, "Q4_0": 0.095}

CONFIG = {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "vocab_size": 300, "hidden_size": 512,
    "num_hidden_layers": 9, "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": 256,
    "kv_lora_rank": 256, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32, "v_head_dim": 64,
    "intermediate_size": 736, "moe_intermediate_size": 128, "n_routed_experts": 4, "n_shared_experts": 2,
    "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "group_limited_greedy",
    "routed_scaling_factor": 16.0, "scoring_func": "softmax", "norm_topk_prob": False, "first_k_dense_replace": 1,
    "moe_layer_freq": 1, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000,
    "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
                     "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707},
    "max_position_embeddings": 163840, "attention_bias": False, "tie_word_embeddings": False, "bos_token_id": 256,
    "eos_token_id": 257,
}

faults = []
report = []


def check(condition, message):
    if not condition:
        faults.append(message)


def write_folder(folder, c=CONFIG):
    """A random model in Hugging Face layout, F32, with the vocabulary of the golden model `lite`."""
    random = np.random.default_rng(1)
    tensors = {}

    def matrix(name, rows, columns):
        tensors[name + ".weight"] = random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    def norm(name, width):
        tensors[name + ".weight"] = random.uniform(0.7, 1.3, width).astype(np.float32)

    def mlp(prefix, width):
        matrix(prefix + "gate_proj", width, c["hidden_size"])
        matrix(prefix + "up_proj", width, c["hidden_size"])
        matrix(prefix + "down_proj", c["hidden_size"], width)

    d, heads, nope, value = c["hidden_size"], c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"]
    rope, latent, q_rank, width = (c["qk_rope_head_dim"], c["kv_lora_rank"], c["q_lora_rank"],
                                   c["moe_intermediate_size"])
    matrix("model.embed_tokens", c["vocab_size"], d)
    matrix("lm_head", c["vocab_size"], d)
    norm("model.norm", d)
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        norm(p + "input_layernorm", d)
        norm(p + "post_attention_layernorm", d)
        matrix(p + "self_attn.q_a_proj", q_rank, d)
        norm(p + "self_attn.q_a_layernorm", q_rank)
        matrix(p + "self_attn.q_b_proj", heads * (nope + rope), q_rank)
        matrix(p + "self_attn.kv_a_proj_with_mqa", latent + rope, d)
        norm(p + "self_attn.kv_a_layernorm", latent)
        matrix(p + "self_attn.kv_b_proj", heads * (nope + value), latent)
        matrix(p + "self_attn.o_proj", d, heads * value)
        if layer < c["first_k_dense_replace"]:
            mlp(p + "mlp.", c["intermediate_size"])
            continue
        matrix(p + "mlp.gate", c["n_routed_experts"], d)
        for expert in range(c["n_routed_experts"]):
            mlp(f"{p}mlp.experts.{expert}.", width)
        mlp(p + "mlp.shared_experts.", width * c["n_shared_experts"])
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(c))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((LITE / name).read_bytes())
    return tensors


def expected_tensors(tensors):
    """The same tensors under GGUF's names, as its own mapping gives them, kv_b and experts rearranged."""
    c = CONFIG
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.DEEPSEEK2, c["num_hidden_layers"])
    heads, nope, value = c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"]
    result = {}
    stacks = {}
    for name, array in tensors.items():
        if ".kv_b_proj." in name:
            prefix = "blk." + name.split(".")[2] + "."
            parts = array.reshape(heads, nope + value, -1)
            result[prefix + "attn_k_b.weight"] = parts[:, :nope].transpose(0, 2, 1)
            result[prefix + "attn_v_b.weight"] = parts[:, nope:]
        elif ".experts." in name:
            words = name.split(".")
            stacks.setdefault((words[2], words[6]), {})[int(words[5])] = array
        else:
            result[names.get_name(name, try_suffixes=(".weight",))] = array
    for (layer, part), experts in stacks.items():
        short = part.removesuffix("_proj")
        result[f"blk.{layer}.ffn_{short}_exps.weight"] = np.stack([experts[e] for e in sorted(experts)])
    return result


def expected_type(name, shape, kind):
    """The mix of a file type, written down anew from its public description."""
    if len(shape) == 1 or "ffn_gate_inp" in name:
        return "F32"
    layers = CONFIG["num_hidden_layers"]
    base = {"q5_k_m": "Q5_K", "q4_k_m": "Q4_K"}.get(kind, kind.upper())
    if name == "output.weight" and kind in ("q4_0", "q4_k_m", "q5_k_m"):
        base = "Q6_K"
    if "ffn_down" in name and kind.endswith("_m"):
        layer = int(name.split(".")[1])
        if layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2:
            base = "Q6_K"
    if ("attn_k_b" in name or "attn_v_b" in name) and base.startswith("Q"):
        base = "Q8_0"
    if base.endswith("_K") and shape[-1] % 256:
        base = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}[base]
    return base


def field(reader, key):
    found = reader.get_field(key)
    return None if found is None else found.contents()


def run(*arguments):
    subprocess.run([CLI, *map(str, arguments)], check=True)


def check_metadata(reader, kind):
    c = CONFIG
    expected = {
        "general.architecture": "deepseek2", "general.file_type": FILE_TYPE[kind],
        "general.quantization_version": 2, "deepseek2.block_count": c["num_hidden_layers"],
        "deepseek2.vocab_size": c["vocab_size"], "deepseek2.context_length": c["max_position_embeddings"],
        "deepseek2.embedding_length": c["hidden_size"], "deepseek2.feed_forward_length": c["intermediate_size"],
        "deepseek2.leading_dense_block_count": 1, "deepseek2.attention.head_count": c["num_attention_heads"],
        "deepseek2.attention.head_count_kv": 1,
        "deepseek2.attention.key_length": c["kv_lora_rank"] + c["qk_rope_head_dim"],
        "deepseek2.attention.value_length": c["kv_lora_rank"],
        "deepseek2.attention.key_length_mla": c["qk_nope_head_dim"] + c["qk_rope_head_dim"],
        "deepseek2.attention.value_length_mla": c["v_head_dim"],
        "deepseek2.attention.q_lora_rank": c["q_lora_rank"], "deepseek2.attention.kv_lora_rank": c["kv_lora_rank"],
        "deepseek2.rope.dimension_count": c["qk_rope_head_dim"], "deepseek2.rope.scaling.type": "yarn",
        "deepseek2.rope.scaling.factor": 40.0, "deepseek2.rope.scaling.original_context_length": 4096,
        "deepseek2.rope.scaling.yarn_log_multiplier": np.float32(0.0707),
        "deepseek2.attention.layer_norm_rms_epsilon": np.float32(1e-6), "deepseek2.rope.freq_base": 10000.0,
        "deepseek2.expert_count": 4, "deepseek2.expert_used_count": 2, "deepseek2.expert_shared_count": 2,
        "deepseek2.expert_feed_forward_length": 128, "deepseek2.expert_group_count": 2,
        "deepseek2.expert_group_used_count": 1, "deepseek2.expert_gating_func": 1,
        "deepseek2.expert_weights_scale": 16.0, "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "deepseek-llm", "tokenizer.ggml.add_bos_token": True,
    }
    for key, value in expected.items():
        check(field(reader, key) == value, f"{kind}: {key}: expected {value}, found {field(reader, key)}")
    tokenizer = json.loads((LITE / "tokenizer.json").read_text())
    tokens = [f"[PAD{i}]" for i in range(c["vocab_size"])]
    types = [5] * c["vocab_size"]
    for text, token in tokenizer["model"]["vocab"].items():
        tokens[token], types[token] = text, 1
    for added in tokenizer["added_tokens"]:
        text = added["content"]
        # Converters take marks such as <｜User｜> for control tokens whatever the file calls them.
        is_control = added["special"] or (text.startswith("<\uff5c") and text.endswith("\uff5c>"))
        tokens[added["id"]], types[added["id"]] = text, 3 if is_control else 4
    check(field(reader, "tokenizer.ggml.tokens") == tokens, f"{kind}: other tokens")
    check(field(reader, "tokenizer.ggml.token_type") == types, f"{kind}: other types of tokens")
    check(len(field(reader, "tokenizer.ggml.merges")) == len(tokenizer["model"]["merges"]), f"{kind}: other merges")
    template = json.loads((LITE / "tokenizer_config.json").read_text())["chat_template"]
    check(field(reader, "tokenizer.chat_template") == template, f"{kind}: another chat template")


def check_quantize(folder, tensors):
    expected = expected_tensors(tensors)
    for kind in TYPES:
        path = folder / f"{kind}.gguf"
        run("quantize", folder, path, "--type", kind)
        reader = gguf.GGUFReader(path)
        found = {tensor.name: tensor for tensor in reader.tensors}
        check(found.keys() == expected.keys(), f"{kind}: other tensors: {found.keys() ^ expected.keys()}")
        check_metadata(reader, kind)
        worst = {}
        for name, array in expected.items():
            tensor = found[name]
            check(tuple(reversed(tensor.shape.tolist())) == array.shape, f"{kind}: {name}: {tensor.shape}")
            type_name = tensor.tensor_type.name
            wanted = expected_type(name, array.shape, kind)
            check(type_name == wanted, f"{kind}: {name}: expected {wanted}, found {type_name}")
            numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(array.shape)
            loss = np.sqrt(np.mean((numbers - array) ** 2) / np.mean(array**2))
            worst[type_name] = max(worst.get(type_name, 0), float(loss))
            check(loss <= LOSS[type_name], f"{kind}: {name}: {type_name} loses {loss:.5f}")
        losses = ", ".join(f"{name} {loss:.5f}" for name, loss in sorted(worst.items()))
        report.append(f"quantize {kind:7} {len(found)} tensors; worst relative loss: {losses}")


def check_synth(folder):
    for kind in TYPES:
        path = folder / f"synth-{kind}.gguf"
        run("synth", path, "--shape", "tiny", "--type", kind, "--outliers", "--router", "zipf")
        reader = gguf.GGUFReader(path)
        for tensor in reader.tensors:
            numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            check(np.isfinite(numbers).all() and numbers.std() > 0, f"synth {kind}: {tensor.name}")
        vocab = field(reader, "deepseek2.vocab_size")
        tokens = field(reader, "tokenizer.ggml.tokens")
        check(len(tokens) == len(set(tokens)) == vocab, f"synth {kind}: {len(tokens)} tokens")
        texts = set(tokens)
        for merge in field(reader, "tokenizer.ggml.merges"):
            left, right = merge.split(" ")
            check({left, right, left + right} <= texts, f"synth {kind}: merge {merge}")
        report.append(f"synth {kind:7} {len(reader.tensors)} tensors, {vocab} tokens: finite, complete")


def main():
    with tempfile.TemporaryDirectory() as name:
        workspace = pathlib.Path(name)
        check_quantize(workspace, write_folder(workspace))
        check_synth(workspace)
    report.append(f"{len(faults)} differences")
    text = f"check_gguf.py, gguf {importlib.metadata.version('gguf')}\n"
    text += "\n".join(report + faults) + "\n"
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "gguf.txt").write_text(text)
    print(text, end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
