#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden logits of tiny random DeepSeek-V2 and -V3 models, made with transformers' DeepseekV2ForCausalLM and
DeepseekV3ForCausalLM.

    pip install torch "transformers>=4.55,<4.58" safetensors gguf
    python3 make_golden.py                  writes ../data/golden
    python3 make_golden.py --only NAME...   writes these alone
    python3 make_golden.py --check DIR...   runs the models in DIR and compares with their expected.safetensors

Everything is random from fixed seeds. A seed whose choices hang by a thread is passed over: the gap between
the last expert (and group) taken and the first one left out, and between the best and the second-best
greedy token, is above MARGIN, so every fp32 engine must make the same choices.
"""
import argparse
import json
import math
import pathlib
import sys

import gguf
import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM, DeepseekV3Config, DeepseekV3ForCausalLM

transformers.logging.set_verbosity_error()  # it wants 40.0 where published files say 40

MARGIN = 1e-3
GREEDY_TOKENS = 12
OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "golden"


def yarn(factor, original, mscale, mscale_all_dim):
    return dict(type="yarn", factor=factor, original_max_position_embeddings=original, beta_fast=32,
                beta_slow=1, mscale=mscale, mscale_all_dim=mscale_all_dim)


BASE = dict(
    architectures=["DeepseekV2ForCausalLM"], model_type="deepseek_v2", attention_bias=False, bos_token_id=0,
    eos_token_id=1, hidden_act="silu", moe_layer_freq=1, norm_topk_prob=False, rms_norm_eps=1e-6,
    rope_theta=10000.0, scoring_func="softmax", tie_word_embeddings=False, topk_method="greedy", n_group=1,
    topk_group=1, routed_scaling_factor=1.0, q_lora_rank=None, max_position_embeddings=163840)

# What a V3 model says where V2 says something else; topk_method and scoring_func follow from it.
VERSION_3 = dict(architectures=["DeepseekV3ForCausalLM"], model_type="deepseek_v3", topk_method=None,
                 scoring_func=None)

MODELS = {
    # The shape of V2-Lite: no query latent, plain top-k, YaRN with 0.707. Has a byte-level vocabulary.
    "lite": dict(
        config=dict(vocab_size=260, hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
                    kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=16,
                    intermediate_size=96, first_k_dense_replace=1, n_routed_experts=8, n_shared_experts=2,
                    num_experts_per_tok=3, moe_intermediate_size=16, bos_token_id=256, eos_token_id=257,
                    rope_scaling=yarn(40, 4096, 0.707, 0.707)),
        dtype="BF16", prompt=24),
    # The shape of V2: query latent, four groups of which two are kept, scaling factor 16.
    "groups": dict(
        config=dict(vocab_size=160, hidden_size=48, num_hidden_layers=3, num_attention_heads=3,
                    q_lora_rank=24, kv_lora_rank=20, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12,
                    intermediate_size=64, first_k_dense_replace=1, n_routed_experts=8, n_shared_experts=2,
                    num_experts_per_tok=3, moe_intermediate_size=20, topk_method="group_limited_greedy",
                    n_group=4, topk_group=2, routed_scaling_factor=16.0,
                    rope_scaling=yarn(40, 4096, 0.707, 0.707)),
        dtype="BF16", prompt=24),
    # A prompt three times as long as the original context.
    "long": dict(
        config=dict(vocab_size=130, hidden_size=48, num_hidden_layers=2, num_attention_heads=4,
                    kv_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=16,
                    intermediate_size=64, first_k_dense_replace=1, n_routed_experts=6, n_shared_experts=1,
                    num_experts_per_tok=2, moe_intermediate_size=24, max_position_embeddings=128,
                    rope_scaling=yarn(4, 32, 1.0, 1.0)),
        dtype="BF16", prompt=100),
    # No layer with experts, no YaRN, weights in F32.
    "dense": dict(
        config=dict(vocab_size=120, hidden_size=40, num_hidden_layers=3, num_attention_heads=4,
                    kv_lora_rank=16, qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=12,
                    intermediate_size=72, first_k_dense_replace=3, n_routed_experts=4, n_shared_experts=1,
                    num_experts_per_tok=2, moe_intermediate_size=16, max_position_embeddings=512,
                    rope_scaling=None),
        dtype="F32", prompt=20),
    # All dimensions different, none a multiple of a vector's width; one expert for each token; an epsilon
    # that shows where the model's own belongs and where the 1e-6 of the latents.
    "odd": dict(
        config=dict(vocab_size=131, hidden_size=44, num_hidden_layers=4, num_attention_heads=3,
                    q_lora_rank=26, kv_lora_rank=18, qk_nope_head_dim=10, qk_rope_head_dim=6, v_head_dim=14,
                    intermediate_size=50, first_k_dense_replace=2, n_routed_experts=5, n_shared_experts=1,
                    num_experts_per_tok=1, moe_intermediate_size=22, max_position_embeddings=512,
                    rms_norm_eps=1e-2, rope_theta=50000.0, rope_scaling=None),
        dtype="BF16", prompt=23),
    # Two files and an index, weights in F16, every layer with experts, cos and sin not of length one.
    "sharded": dict(
        config=dict(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                    q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=16,
                    intermediate_size=48, first_k_dense_replace=0, n_routed_experts=6, n_shared_experts=2,
                    num_experts_per_tok=2, moe_intermediate_size=16, topk_method="group_limited_greedy",
                    n_group=2, topk_group=1, routed_scaling_factor=2.5,
                    rope_scaling=yarn(40, 4096, 1.0, 0.707)),
        dtype="F16", prompt=16, shards=2),
    # The shape of V3: sigmoid, a bias that chooses and does not weigh, groups by their two best, weights that
    # are normalised and scaled, one prediction layer behind the others. Its gate is named by model_type alone.
    "v3": dict(
        config=dict(vocab_size=120, hidden_size=48, num_hidden_layers=3, num_attention_heads=3, q_lora_rank=24,
                    kv_lora_rank=20, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12,
                    intermediate_size=64, first_k_dense_replace=1, n_routed_experts=12, n_shared_experts=1,
                    num_experts_per_tok=3, moe_intermediate_size=20, n_group=4, topk_group=2,
                    norm_topk_prob=True, routed_scaling_factor=2.5, num_nextn_predict_layers=1,
                    rope_scaling=yarn(40, 4096, 1.0, 1.0), **VERSION_3),
        dtype="BF16", prompt=24),
    # V3 as it is published: matrices in FP8 with a factor for each 128 x 128 numbers. No matrix ends where a
    # block does, and the blocks of kv_b_proj lie across heads and across their keys and values.
    "fp8": dict(
        config=dict(vocab_size=96, hidden_size=160, num_hidden_layers=2, num_attention_heads=3, q_lora_rank=136,
                    kv_lora_rank=144, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=40,
                    intermediate_size=144, first_k_dense_replace=1, n_routed_experts=4, n_shared_experts=1,
                    num_experts_per_tok=2, moe_intermediate_size=132, n_group=2, topk_group=1,
                    norm_topk_prob=True, routed_scaling_factor=2.5, num_nextn_predict_layers=1,
                    max_position_embeddings=4096, rope_scaling=None,
                    quantization_config=dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8",
                                             weight_block_size=[128, 128]), **VERSION_3),
        dtype="BF16", prompt=16),
    # A GGUF file in the types that quantised files of the family hold, kv_b in two tensors. Its numbers are
    # what the package gguf reads from random blocks.
    "quantised": dict(
        config=dict(vocab_size=72, hidden_size=256, num_hidden_layers=3, num_attention_heads=2,
                    kv_lora_rank=64, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32,
                    intermediate_size=64, first_k_dense_replace=1, n_routed_experts=4, n_shared_experts=2,
                    num_experts_per_tok=2, moe_intermediate_size=32, max_position_embeddings=4096,
                    rope_scaling=yarn(40, 4096, 0.707, 0.707)),
        dtype="F32", prompt=20,
        types={"token_embd": ["Q4_K"], "output": ["Q6_K"], "attn_q": ["Q4_K", "IQ4_XS", "Q2_K"],
               "attn_kv_a_mqa": ["Q6_K", "Q5_K", "Q8_0"], "attn_k_b": ["Q8_0", "Q5_0", "F16"],
               "attn_v_b": ["Q5_1", "Q8_0", "BF16"], "attn_output": ["Q5_0", "Q4_1", "Q8_0"],
               "ffn_gate": ["Q3_K"], "ffn_up": ["Q2_K"], "ffn_down": ["Q4_1"],
               "ffn_gate_exps": ["Q4_K", "Q6_K"], "ffn_up_exps": ["Q5_K", "Q3_K"],
               "ffn_down_exps": ["IQ4_NL", "Q5_0"], "ffn_gate_shexp": ["IQ4_XS", "Q4_0"],
               "ffn_up_shexp": ["Q4_0", "Q5_1"], "ffn_down_shexp": ["Q8_0", "Q5_1"]}),
    # The types of one to three bits, whose numbers stand in code books. All rows are of 256 numbers.
    "codebooks": dict(
        config=dict(vocab_size=72, hidden_size=256, num_hidden_layers=2, num_attention_heads=8,
                    kv_lora_rank=64, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=32,
                    intermediate_size=256, first_k_dense_replace=1, n_routed_experts=3, n_shared_experts=1,
                    num_experts_per_tok=2, moe_intermediate_size=256, max_position_embeddings=4096,
                    rope_scaling=yarn(40, 4096, 0.707, 0.707)),
        dtype="F32", prompt=20,
        types={"token_embd": ["IQ3_S"], "output": ["IQ3_XXS"], "attn_q": ["IQ2_XXS", "IQ1_M"],
               "attn_kv_a_mqa": ["IQ2_XS", "IQ3_XXS"], "attn_k_b": ["F16"], "attn_v_b": ["Q8_0"],
               "attn_output": ["IQ2_S", "IQ1_S"], "ffn_gate": ["IQ1_M"], "ffn_up": ["IQ2_S"],
               "ffn_down": ["IQ3_S"], "ffn_gate_exps": ["IQ2_XXS"], "ffn_up_exps": ["IQ1_S"],
               "ffn_down_exps": ["IQ2_XS"], "ffn_gate_shexp": ["IQ3_S"], "ffn_up_shexp": ["IQ1_M"],
               "ffn_down_shexp": ["IQ3_XXS"]}),
}
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}




def reference_class(config):
    if config["model_type"] == "deepseek_v3":
        return DeepseekV3Config, DeepseekV3ForCausalLM
    return DeepseekV2Config, DeepseekV2ForCausalLM


def gain_of(name, shape):
    """Unit gain for matrices: the initial 0.02 would hide every fault."""
    gain = 1.0 if "embed_tokens" in name else shape[1] ** -0.5
    for part, factor in (("lm_head", 2.5), ("mlp.gate.", 1.5), ("kv_a_proj", 1.5), ("q_proj", 2.0),
                         ("q_b_proj", 2.0)):
        if part in name:
            gain *= factor
    return gain


def random_weights(config, generator):
    """Norms of 1 +- 0.2, a bias of +- 0.2 where V3 has one."""
    config_class, model_class = reference_class(config)
    reference = model_class(config_class(**for_transformers(config))).state_dict()
    weights = {}
    for name in sorted(reference):
        shape = reference[name].shape
        noise = torch.randn(shape, generator=generator)
        if "e_score_correction_bias" in name:
            weights[name] = 0.2 * noise
        elif len(shape) == 1:
            weights[name] = 1 + 0.2 * noise
        else:
            weights[name] = gain_of(name, shape) * noise
    return weights


def for_transformers(config):
    """The configuration classes write into rope_scaling, and know nothing of some published keys."""
    config = json.loads(json.dumps(config))
    for key in ("topk_method", "scoring_func"):
        if config[key] is None:
            del config[key]
    if config.get("topk_method") == "gready":
        config["topk_method"] = "greedy"
    config.pop("quantization_config", None)  # the weights come dequantised
    return config


# --- FP8: X.weight in e4m3, X.weight_scale_inv in F32 for each block of 128 x 128, which multiplies

BLOCK = 128


def is_stored_as_fp8(name):
    return name.endswith("_proj.weight") or "kv_a_proj_with_mqa" in name


def to_fp8(weight):
    rows, columns = weight.shape
    scales = torch.zeros(math.ceil(rows / BLOCK), math.ceil(columns / BLOCK))
    stored = torch.zeros(rows, columns, dtype=torch.float8_e4m3fn)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            block = (slice(i * BLOCK, (i + 1) * BLOCK), slice(j * BLOCK, (j + 1) * BLOCK))
            scales[i, j] = weight[block].abs().max() / 448
            stored[block] = (weight[block] / scales[i, j]).to(torch.float8_e4m3fn)
    return stored, scales


def from_fp8(stored, scales):
    rows, columns = stored.shape
    factors = scales.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)[:rows, :columns]
    return stored.float() * factors


def with_fp8(weights):
    stored = {}
    for name, weight in weights.items():
        if is_stored_as_fp8(name):
            stored[name], stored[name + "_scale_inv"] = to_fp8(weight.float())
        else:
            stored[name] = weight
    return stored


def prediction_layer(config, generator):
    """Tensors of the layer behind the last one, which nobody who decodes token by token may read."""
    d, prefix = config["hidden_size"], f"model.layers.{config['num_hidden_layers']}."
    shapes = {"enorm.weight": [d], "hnorm.weight": [d], "eh_proj.weight": [d, 2 * d], "input_layernorm.weight": [d],
              "shared_head.norm.weight": [d], "self_attn.o_proj.weight": [d, 8]}
    return {prefix + name: torch.randn(shape, generator=generator).to(torch.bfloat16)
            for name, shape in shapes.items()}


# --- Folders and GGUF files as the reference wants them: fp32 by Hugging Face's names


def read_folder(folder):
    config = json.loads((folder / "config.json").read_text())
    stored = {}
    for file in sorted(folder.glob("model*.safetensors")):
        stored.update(load_file(file))
    weights = {}
    for name, weight in stored.items():
        behind = name.startswith("model.layers.") and int(name.split(".")[2]) >= config["num_hidden_layers"]
        if name.endswith("_scale_inv") or behind:
            continue
        scales = stored.get(name + "_scale_inv")
        weights[name] = weight.float() if scales is None else from_fp8(weight, scales)
    return config, weights


PLAIN_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_q_a": "self_attn.q_a_proj", "attn_q_a_norm": "self_attn.q_a_layernorm", "attn_q_b": "self_attn.q_b_proj",
    "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa", "attn_kv_a_norm": "self_attn.kv_a_layernorm",
    "attn_kv_b": "self_attn.kv_b_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate",
    "ffn_gate_shexp": "mlp.shared_experts.gate_proj", "ffn_up_shexp": "mlp.shared_experts.up_proj",
    "ffn_down_shexp": "mlp.shared_experts.down_proj"}
STACKED_NAMES = {"ffn_gate_exps": "gate_proj", "ffn_up_exps": "up_proj", "ffn_down_exps": "down_proj"}
OUTER_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def read_gguf(path):
    """The tensors of a GGUF file, dequantised by the package gguf."""
    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        found[tensor.name] = torch.from_numpy(numpy.array(values, dtype=numpy.float32).reshape(shape))
    weights = {}
    for name, weight in found.items():
        base = name.removesuffix(".weight")
        if base in OUTER_NAMES:
            weights[OUTER_NAMES[base] + ".weight"] = weight
            continue
        _, layer, part = base.split(".", 2)
        prefix = f"model.layers.{layer}."
        if part in PLAIN_NAMES:
            weights[f"{prefix}{PLAIN_NAMES[part]}.weight"] = weight
        elif part in STACKED_NAMES:
            for e, matrix in enumerate(weight):
                weights[f"{prefix}mlp.experts.{e}.{STACKED_NAMES[part]}.weight"] = matrix.contiguous()
        elif part == "exp_probs_b.bias":
            weights[f"{prefix}mlp.gate.e_score_correction_bias"] = weight
        elif part == "attn_k_b" and weight.dim() == 3:  # (heads, latent, nope): transposed by head
            both = torch.cat([weight.transpose(1, 2), found[f"blk.{layer}.attn_v_b.weight"]], 1)
            weights[f"{prefix}self_attn.kv_b_proj.weight"] = both.flatten(0, 1)
    return weights


# --- Random blocks


def random_rows(type_name, shape, gain, generator):
    """Rows in a block format: random bytes, and scales that give the numbers the wanted deviation."""
    kind = gguf.GGMLQuantizationType[type_name]
    if type_name in ("F32", "F16", "BF16"):
        return gguf.quants.quantize((gain * torch.randn(shape, generator=generator)).numpy(), kind)
    values, size = gguf.GGML_QUANT_SIZES[kind]
    count = math.prod(shape) // values
    blocks = torch.randint(0, 256, (count, size), generator=generator, dtype=torch.uint8).numpy()
    # Where the fp16 scale of a block stands, and for those with a minimum where that stands, and how many
    # scales it takes to bring the middle of the numbers to zero.
    scale_at = {"Q2_K": 80, "Q3_K": 108, "Q6_K": 208}.get(type_name, 0)
    minimum = {"Q4_1": (2, -7.5), "Q5_1": (2, -15.5), "Q2_K": (82, 1.5), "Q4_K": (2, 7.5), "Q5_K": (2, 15.5)}

    def fill(scale):
        if type_name == "IQ1_M":  # four bits of the scale above each of the four groups of smaller ones
            bits = int(numpy.float16(scale).view(numpy.uint16))
            for i in range(4):
                high = blocks[:, 49 + 2 * i]
                high[:] = high & 0x0F | (bits >> 4 * i & 0xF) << 4
            return gguf.quants.dequantize(blocks, kind)

        def put(at, value):
            blocks[:, at:at + 2] = numpy.frombuffer(numpy.float16(value).tobytes(), numpy.uint8)
        put(scale_at, scale)
        if type_name in minimum:
            at, factor = minimum[type_name]
            put(at, factor * scale)
        return gguf.quants.dequantize(blocks, kind)
    fill(gain / fill(1.0).std())
    return blocks.reshape(*shape[:-1], -1)


def save_gguf(path, config, types, generator):
    c = config
    d, heads, latent = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"]
    nope, rope, value = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
    experts, width = c["n_routed_experts"], c["moe_intermediate_size"]
    shared = width * c["n_shared_experts"]
    writer = gguf.GGUFWriter(path, "deepseek2")
    writer.add_name(path.parent.name)
    numbers = {
        "block_count": c["num_hidden_layers"], "context_length": c["max_position_embeddings"],
        "embedding_length": d, "feed_forward_length": c["intermediate_size"], "attention.head_count": heads,
        "attention.head_count_kv": 1, "attention.kv_lora_rank": latent, "attention.key_length": latent + rope,
        "attention.value_length": latent, "attention.key_length_mla": nope + rope,
        "attention.value_length_mla": value, "rope.dimension_count": rope,
        "rope.scaling.original_context_length": c["rope_scaling"]["original_max_position_embeddings"],
        "leading_dense_block_count": c["first_k_dense_replace"], "vocab_size": c["vocab_size"],
        "expert_count": experts, "expert_used_count": c["num_experts_per_tok"],
        "expert_shared_count": c["n_shared_experts"], "expert_feed_forward_length": width,
        "expert_gating_func": 1, "expert_group_count": 1, "expert_group_used_count": 1}
    for key, number in numbers.items():
        writer.add_uint32(f"deepseek2.{key}", number)
    writer.add_string("deepseek2.rope.scaling.type", "yarn")
    for key, number in {"attention.layer_norm_rms_epsilon": c["rms_norm_eps"], "rope.freq_base": c["rope_theta"],
                        "rope.scaling.factor": c["rope_scaling"]["factor"],
                        "rope.scaling.yarn_log_multiplier": 0.1 * c["rope_scaling"]["mscale_all_dim"],
                        "expert_weights_scale": c["routed_scaling_factor"]}.items():
        writer.add_float32(f"deepseek2.{key}", number)

    def add(prefix, part, shape, index=0):
        if len(shape) == 1:
            values = (1 + 0.2 * torch.randn(shape, generator=generator)).numpy()
            writer.add_tensor(f"{prefix}{part}.weight", values)
            return
        name = OUTER_NAMES.get(part) or PLAIN_NAMES.get(part, part)
        gain = gain_of(name + ".weight", (0, shape[-1])) if part != "attn_k_b" else latent ** -0.5
        kinds = types.get(part, ["F32"])
        kind = kinds[index % len(kinds)]
        writer.add_tensor(f"{prefix}{part}.weight", random_rows(kind, shape, gain, generator),
                          raw_dtype=gguf.GGMLQuantizationType[kind])

    add("", "token_embd", [c["vocab_size"], d])
    for layer in range(c["num_hidden_layers"]):
        dense = layer < c["first_k_dense_replace"]
        index = layer if dense else layer - c["first_k_dense_replace"]
        prefix = f"blk.{layer}."
        add(prefix, "attn_norm", [d])
        add(prefix, "attn_q", [heads * (nope + rope), d], layer)
        add(prefix, "attn_kv_a_mqa", [latent + rope, d], layer)
        add(prefix, "attn_kv_a_norm", [latent])
        add(prefix, "attn_k_b", [heads, latent, nope], layer)
        add(prefix, "attn_v_b", [heads, value, latent], layer)
        add(prefix, "attn_output", [d, heads * value], layer)
        add(prefix, "ffn_norm", [d])
        if dense:
            add(prefix, "ffn_gate", [c["intermediate_size"], d], index)
            add(prefix, "ffn_up", [c["intermediate_size"], d], index)
            add(prefix, "ffn_down", [d, c["intermediate_size"]], index)
            continue
        add(prefix, "ffn_gate_inp", [experts, d])
        add(prefix, "ffn_gate_exps", [experts, width, d], index)
        add(prefix, "ffn_up_exps", [experts, width, d], index)
        add(prefix, "ffn_down_exps", [experts, d, width], index)
        add(prefix, "ffn_gate_shexp", [shared, d], index)
        add(prefix, "ffn_up_shexp", [shared, d], index)
        add(prefix, "ffn_down_shexp", [d, shared], index)
    add("", "output_norm", [d])
    add("", "output", [c["vocab_size"], d])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Golden:
    """A model in fp32 with eager attention, and the smallest margin of its routing so far."""

    def __init__(self, config, weights):
        config_class, model_class = reference_class(config)
        self.is_version_3 = config["model_type"] == "deepseek_v3"
        config = for_transformers(config)
        self.model = model_class(config_class(**json.loads(json.dumps(config)), attn_implementation="eager"))
        missing, unexpected = self.model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
        if missing or unexpected:
            raise SystemExit(f"weights do not fit: missing {missing}, unexpected {unexpected}")
        self.model.float().eval()
        self.config = config
        self.routing_margin = math.inf
        for layer in self.model.model.layers:
            if not self.is_version_3:
                self._add_mscale(layer.self_attn)
            if hasattr(layer.mlp, "gate"):
                layer.mlp.gate.register_forward_hook(self._watch_gate)

    def _add_mscale(self, attention):
        """These versions leave m(factor, mscale_all_dim) squared out of the softmax scale."""
        scaling = self.config.get("rope_scaling")
        plain = attention.qk_head_dim ** -0.5
        if abs(attention.scaling - plain) > 1e-9:
            raise SystemExit(f"transformers {transformers.__version__} scales by itself: use 4.55 to 4.57")
        if scaling and scaling.get("mscale_all_dim") and scaling["factor"] > 1:
            attention.scaling *= (0.1 * scaling["mscale_all_dim"] * math.log(scaling["factor"]) + 1) ** 2

    def _watch_gate(self, gate, inputs, _output):
        hidden = inputs[0].reshape(-1, self.config["hidden_size"])
        logits = hidden @ gate.weight.T
        scores = torch.softmax(logits, -1)
        if self.is_version_3:
            scores = logits.sigmoid() + gate.e_score_correction_bias
        groups = self.config["n_group"]
        if self.is_version_3 or self.config["topk_method"] == "group_limited_greedy":
            best = scores.view(len(scores), groups, -1)
            best = best.topk(2, -1).values.sum(-1) if self.is_version_3 else best.max(-1).values
            kept = self._gap(best, self.config["topk_group"])
            mask = torch.zeros_like(best).scatter_(1, kept, 1).bool()
            scores = scores.masked_fill(~mask.repeat_interleave(scores.shape[1] // groups, 1), -1.0)
        taken = self._gap(scores, self.config["num_experts_per_tok"])
        if self.is_version_3:
            # transformers leaves 0 where a group is out: a biased score below that would lose against it.
            self.routing_margin = min(self.routing_margin, scores.gather(1, taken).min().item())

    def _gap(self, scores, k):
        order = scores.sort(-1, descending=True)
        if k < scores.shape[1]:
            gap = (order.values[:, k - 1] - order.values[:, k]).min().item()
            self.routing_margin = min(self.routing_margin, gap)
        return order.indices[:, :k]

    @torch.no_grad()
    def logits(self, ids):
        return self.model(torch.tensor([ids]), use_cache=False).logits[0]

    @torch.no_grad()
    def logits_one_by_one(self, ids):
        cache, rows = None, []
        for token in ids:
            out = self.model(torch.tensor([[token]]), past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            rows.append(out.logits[0, -1])
        return torch.stack(rows)

    def greedy(self, prompt, count):
        ids, margins = list(prompt), []
        for _ in range(count):
            top = self.logits(ids)[-1].topk(2)
            margins.append((top.values[0] - top.values[1]).item())
            ids.append(int(top.indices[0]))
        return ids[len(prompt):], margins


def difference(found, expected):
    """max |a - b| / max |b|, the worst over the positions."""
    return ((found - expected).abs().amax(-1) / expected.abs().amax(-1)).max().item()


def make_weights(folder, config, spec, generator):
    """Writes the weights of a seed, and reads them back as the reference wants them."""
    if "types" in spec:
        save_gguf(folder / "model.gguf", config, spec["types"], generator)
        return read_gguf(folder / "model.gguf")
    weights = {}
    for name, weight in random_weights(config, generator).items():
        weights[name] = weight.to(torch.float32 if "e_score" in name else DTYPES[spec["dtype"]])
    behind = {}
    if config.get("num_nextn_predict_layers"):
        behind = prediction_layer(config, torch.Generator().manual_seed(1))
    stored = with_fp8(weights) if "quantization_config" in config else weights
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    save_weights(folder, {**stored, **behind}, spec.get("shards", 1))
    return read_folder(folder)[1]


def find(folder, spec, first_seed):
    config = {**BASE, **spec["config"]}
    config["num_key_value_heads"] = config["num_attention_heads"]
    config["torch_dtype"] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[spec["dtype"]]
    for seed in range(first_seed, first_seed + 1000):
        generator = torch.Generator().manual_seed(seed)
        weights = make_weights(folder, config, spec, generator)
        prompt = torch.randint(2, min(config["vocab_size"], 256), (spec["prompt"],), generator=generator).tolist()
        prompt[0] = config["bos_token_id"]
        golden = Golden(config, weights)
        logits = golden.logits(prompt)
        if golden.routing_margin < MARGIN:
            continue
        greedy, margins = golden.greedy(prompt, GREEDY_TOKENS)
        special = {config["bos_token_id"], config["eos_token_id"]}
        if min(golden.routing_margin, *margins) < MARGIN or special & set(greedy):
            continue
        stepwise = difference(golden.logits_one_by_one(prompt), logits)
        if stepwise > 1e-5:
            raise SystemExit(f"token by token differs from all at once by {stepwise:.1e}")
        run = dict(prompt_ids=prompt, greedy_ids=greedy, smallest_greedy_margin=min(margins), seed=seed,
                   transformers=transformers.__version__, torch=torch.__version__)
        if math.isfinite(golden.routing_margin):
            run["smallest_routing_margin"] = golden.routing_margin
        return config, run, logits
    raise SystemExit("no seed with clear choices")


def save_weights(folder, weights, shards):
    names = sorted(weights)
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    where, total = {}, 0
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {name: weights[name] for name in names[i::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        where.update({name: file for name in part})
        total += sum(t.numel() * t.element_size() for t in part.values())
    index = dict(metadata=dict(total_size=total), weight_map=dict(sorted(where.items())))
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def save_byte_vocabulary(folder):
    """Every byte is a token, in the order of the byte-level alphabet; four special tokens follow."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    symbols = [chr(b) for b in plain] + [chr(256 + i) for i in range(len(rest))]
    special = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"]
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    tokenizer = dict(
        version="1.0", truncation=None, padding=None,
        added_tokens=[dict(id=256 + i, content=s, single_word=False, lstrip=False, rstrip=False,
                           normalized=False, special=i < 2) for i, s in enumerate(special)],
        normalizer=None,
        pre_tokenizer=dict(type="Sequence", pretokenizers=[
            dict(type="Split", pattern=dict(Regex="[\r\n]"), behavior="Isolated", invert=False),
            dict(type="Digits", individual_digits=True), byte_level]),
        post_processor=None, decoder=byte_level,
        model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                   end_of_word_suffix=None, fuse_unk=False, byte_fallback=False,
                   vocab={s: i for i, s in enumerate(symbols)}, merges=[]))
    template = ("{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
                "{{ 'User: ' + message['content'] + '\\n\\n' }}{% elif message['role'] == 'assistant' %}"
                "{{ 'Assistant: ' + message['content'] + eos_token }}{% else %}"
                "{{ message['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
                "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
    settings = dict(add_bos_token=True, add_eos_token=False, bos_token=special[0], eos_token=special[1],
                    tokenizer_class="LlamaTokenizerFast", chat_template=template)
    for file, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", settings)):
        (folder / file).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write(names):
    for number, (name, spec) in enumerate(MODELS.items()):
        if names and name not in names:
            continue
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        config, run, logits = find(folder, spec, 1000 * (number + 1))
        (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        save_file({"logits": logits.contiguous(), "greedy_ids": torch.tensor(run["greedy_ids"], dtype=torch.int32)},
                  folder / "expected.safetensors")
        (folder / "run.json").write_text(json.dumps(run) + "\n")
        if config["vocab_size"] == 260:
            save_byte_vocabulary(folder)
        print(f"{name}: seed {run['seed']}, logits of deviation {logits.std():.2f}, "
              f"routing margin {run.get('smallest_routing_margin', math.inf):.1e}, "
              f"greedy margin {run['smallest_greedy_margin']:.1e}")


def check(folder):
    """Other folders of this layout call the continuation greedy_next_12."""
    run = json.loads((folder / "run.json").read_text())
    config, weights = read_folder(folder)
    if not weights:
        weights = read_gguf(folder / "model.gguf")
    golden = Golden(config, weights)
    expected = load_file(folder / "expected.safetensors")["logits"]
    error = difference(golden.logits(run["prompt_ids"]), expected)
    wanted = run.get("greedy_ids") or run["greedy_next_12"]
    same = golden.greedy(run["prompt_ids"], len(wanted))[0] == wanted
    print(f"{folder.name}: logits differ by {error:.1e} of the largest, greedy {'identical' if same else 'DIFFERS'}")
    return error <= 1e-4 and same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], choices=MODELS, metavar="NAME")
    parser.add_argument("--check", nargs="+", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation
    if arguments.check:
        sys.exit(0 if all([check(folder) for folder in arguments.check]) else 1)
    write(arguments.only)


if __name__ == "__main__":
    main()
