# SPDX-License-Identifier: MIT
"""Writes a checkpoint as GGUF (Q8_0, with the split attention tensors) and as a Hugging Face folder in
BF16.
"""

import argparse
import json
import os

import numpy as np
import torch
from safetensors.torch import save_file

import data
import gguf_writer as gguf
from model import Config, Model

NAME = "Fathom Starter"
# The program shows the first 400 characters.
DESCRIPTION = (
    "A tiny DeepSeek-V2 trained from scratch, to try the program at once: it chats a little, remembers what you tell it "
    "and tells short tales. A demonstration: many answers are wrong. Trained on text made by our own grammars, on "
    "TinyStories, picture books and small talk under free licences (general.attribution in the file, MODEL_CARD.md)."
)
assert len(DESCRIPTION) <= 400
ATTRIBUTION = (
    "Trained on text from TinyStories (CDLA-Sharing-1.0), African Storybook, Global African Storybook and Pratham "
    "Books/StoryWeaver (CC-BY), Synthetic-Persona-Chat (Google, CC-BY-4.0), Topical-Chat (Amazon, CDLA-Sharing-1.0), "
    "the Self-dialogue corpus (BSD-3-Clause), Microsoft Personality Chat (MIT), ChatterBot corpus (BSD-3-Clause), "
    "databricks-dolly-15k (CC-BY-SA-3.0), Tatoeba (CC-BY-2.0-FR), public-domain children's books and text generated "
    "for this project."
)
LICENSE = "mit"


def load(checkpoint: str) -> tuple[Config, Model, dict]:
    saved = torch.load(checkpoint, weights_only=False, map_location="cpu")
    config = Config(**saved["config"])
    model = Model(config)
    model.load_state_dict(saved["model"])
    return config, model.eval(), saved


def gguf_tensors(config: Config, model: Model) -> list[tuple[str, np.ndarray, bool]]:
    """(GGUF name, values, whether to quantise) in file order. Norms and router stay F32."""
    weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    out = [("token_embd.weight", weights["embed_tokens.weight"], True)]
    inner = config.moe_intermediate_size
    plain = {
        "input_layernorm.weight": ("attn_norm", False),
        "self_attn.q_proj.weight": ("attn_q", True),
        "self_attn.kv_a_proj_with_mqa.weight": ("attn_kv_a_mqa", True),
        "self_attn.kv_a_layernorm.weight": ("attn_kv_a_norm", False),
        "self_attn.o_proj.weight": ("attn_output", True),
        "post_attention_layernorm.weight": ("ffn_norm", False),
        "mlp.gate_proj.weight": ("ffn_gate", True),
        "mlp.up_proj.weight": ("ffn_up", True),
        "mlp.down_proj.weight": ("ffn_down", True),
        "mlp.gate": ("ffn_gate_inp", False),
        "mlp.down": ("ffn_down_exps", True),
        "mlp.shared_experts.gate_proj.weight": ("ffn_gate_shexp", True),
        "mlp.shared_experts.up_proj.weight": ("ffn_up_shexp", True),
        "mlp.shared_experts.down_proj.weight": ("ffn_down_shexp", True),
    }
    for layer in range(config.num_hidden_layers):
        head, block = f"layers.{layer}.", f"blk.{layer}."
        for name, (short, quantise) in plain.items():
            if head + name in weights:
                out.append((block + short + ".weight", weights[head + name], quantise))
        kv_b = weights[head + "self_attn.kv_b_proj.weight"].reshape(
            config.num_attention_heads, -1, config.kv_lora_rank
        )
        key, value = kv_b[:, : config.qk_nope_head_dim], kv_b[:, config.qk_nope_head_dim :]
        out.append((block + "attn_k_b.weight", key.transpose(0, 2, 1), True))  # per head [latent, nope]
        out.append((block + "attn_v_b.weight", value, True))  # per head [value, latent]
        if head + "mlp.gate_up" in weights:
            out.append((block + "ffn_gate_exps.weight", weights[head + "mlp.gate_up"][:, :inner], True))
            out.append((block + "ffn_up_exps.weight", weights[head + "mlp.gate_up"][:, inner:], True))
    out.append(("output_norm.weight", weights["norm.weight"], False))
    out.append(("output.weight", weights["lm_head.weight"], True))
    return out


def as_the_engine_sees(config: Config, model: Model) -> Model:
    """A copy whose quantised matrices hold the values that a reader of the GGUF gets."""
    seen = {
        name: gguf.q8_0_values(values) if quantise else values
        for name, values, quantise in gguf_tensors(config, model)
    }
    copy = Model(config)
    copy.load_state_dict(model.state_dict())
    state = copy.state_dict()
    for name, tensor in state.items():
        if not name.startswith("layers."):
            source = {
                "embed_tokens.weight": "token_embd",
                "norm.weight": "output_norm",
                "lm_head.weight": "output",
            }[name]
            tensor.copy_(torch.from_numpy(seen[source + ".weight"]))
            continue
        _, layer, rest = name.split(".", 2)
        block = f"blk.{layer}."
        if rest == "self_attn.kv_b_proj.weight":
            key = seen[block + "attn_k_b.weight"].transpose(0, 2, 1)
            value = seen[block + "attn_v_b.weight"]
            tensor.copy_(torch.from_numpy(np.concatenate((key, value), 1)).reshape(tensor.shape))
        elif rest == "mlp.gate_up":
            both = np.concatenate(
                (seen[block + "ffn_gate_exps.weight"], seen[block + "ffn_up_exps.weight"]), 1
            )
            tensor.copy_(torch.from_numpy(both))
        elif rest == "mlp.down":
            tensor.copy_(torch.from_numpy(seen[block + "ffn_down_exps.weight"]))
        elif rest.endswith("_proj.weight") or rest.endswith("_proj_with_mqa.weight"):
            short = {
                "self_attn.q_proj": "attn_q",
                "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
                "self_attn.o_proj": "attn_output",
                "mlp.gate_proj": "ffn_gate",
                "mlp.up_proj": "ffn_up",
                "mlp.down_proj": "ffn_down",
                "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
                "mlp.shared_experts.up_proj": "ffn_up_shexp",
                "mlp.shared_experts.down_proj": "ffn_down_shexp",
            }[rest.removesuffix(".weight")]
            tensor.copy_(torch.from_numpy(seen[block + short + ".weight"]))
    copy.load_state_dict(state)
    return copy.eval()


def write_gguf(config: Config, model: Model, tokenizer_json: dict, path: str) -> None:
    out = gguf.Writer()
    key, text = out.key, gguf.STRING
    key("general.architecture", text, "deepseek2")
    key("general.name", text, NAME)
    key("general.description", text, DESCRIPTION)
    key("general.license", text, LICENSE)
    key("general.attribution", text, ATTRIBUTION)
    out.array("general.languages", text, ["en", "zh"])
    key("general.file_type", gguf.U32, 7)
    key("general.quantization_version", gguf.U32, 2)
    key("general.alignment", gguf.U32, gguf.ALIGNMENT)
    rope, latent = config.qk_rope_head_dim, config.kv_lora_rank
    for name, value in {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": 1,
        "attention.key_length": latent + rope,
        "attention.value_length": latent,
        "attention.key_length_mla": config.qk_nope_head_dim + rope,
        "attention.value_length_mla": config.v_head_dim,
        "attention.kv_lora_rank": latent,
        "rope.dimension_count": rope,
        "leading_dense_block_count": config.first_k_dense_replace,
        "vocab_size": config.vocab_size,
        "expert_count": config.n_routed_experts,
        "expert_used_count": config.num_experts_per_tok,
        "expert_shared_count": config.n_shared_experts,
        "expert_feed_forward_length": config.moe_intermediate_size,
        "expert_gating_func": 1,
        "expert_group_count": 1,
        "expert_group_used_count": 1,
    }.items():
        key("deepseek2." + name, gguf.U32, value)
    key("deepseek2.attention.layer_norm_rms_epsilon", gguf.F32, config.rms_norm_eps)
    key("deepseek2.rope.freq_base", gguf.F32, config.rope_theta)
    if config.yarn_factor > 1:
        key("deepseek2.rope.scaling.type", text, "yarn")
        key("deepseek2.rope.scaling.factor", gguf.F32, config.yarn_factor)
        key(
            "deepseek2.rope.scaling.original_context_length",
            gguf.U32,
            config.original_max_position_embeddings,
        )
        key("deepseek2.rope.scaling.yarn_log_multiplier", gguf.F32, 0.1 * config.yarn_mscale)
    key("deepseek2.expert_weights_scale", gguf.F32, config.routed_scaling_factor)

    vocabulary = dict(tokenizer_json["model"]["vocab"])
    special = {token["content"]: token["id"] for token in tokenizer_json["added_tokens"]}
    tokens = sorted(vocabulary | special, key=lambda token: (vocabulary | special)[token])
    merges = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer_json["model"]["merges"]
    ]
    key("tokenizer.ggml.model", text, "gpt2")
    key("tokenizer.ggml.pre", text, "deepseek-llm")
    out.array("tokenizer.ggml.tokens", text, tokens)
    out.array("tokenizer.ggml.token_type", gguf.I32, [3 if token in special else 1 for token in tokens])
    out.array("tokenizer.ggml.merges", text, merges)
    key("tokenizer.ggml.bos_token_id", gguf.U32, special[data.BOS])
    key("tokenizer.ggml.eos_token_id", gguf.U32, special[data.EOS])
    key("tokenizer.ggml.padding_token_id", gguf.U32, special[data.PAD])
    key("tokenizer.ggml.add_bos_token", gguf.BOOL, True)
    key("tokenizer.ggml.add_eos_token", gguf.BOOL, False)
    key("tokenizer.chat_template", text, data.CHAT_TEMPLATE)
    for name, values, quantise in gguf_tensors(config, model):
        out.tensor(name, values, quantise)
    out.write(path + ".part")
    os.replace(path + ".part", path)


def write_hf(config: Config, model: Model, tokenizer_json: dict, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    special = {token["content"]: token["id"] for token in tokenizer_json["added_tokens"]}
    ids = {"bos": special[data.BOS], "eos": special[data.EOS], "pad": special[data.PAD]}
    weights = {name: tensor.to(torch.bfloat16) for name, tensor in model.to_hf().items()}
    save_file(
        weights,
        os.path.join(folder, "model.safetensors"),
        metadata={"format": "pt", "attribution": ATTRIBUTION},
    )

    def token(content: str) -> dict:
        return {
            "__type": "AddedToken",
            "content": content,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
        }

    files = {
        "config.json": config.to_hf(**ids),
        "generation_config.json": {
            "bos_token_id": ids["bos"],
            "eos_token_id": ids["eos"],
            "do_sample": True,
            "temperature": 0.7,
            "top_p": 0.9,
        },
        "tokenizer.json": tokenizer_json,
        "tokenizer_config.json": {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": token(data.BOS),
            "eos_token": token(data.EOS),
            "pad_token": token(data.PAD),
            "unk_token": None,
            "clean_up_tokenization_spaces": False,
            "legacy": True,
            "model_max_length": config.max_position_embeddings,
            "tokenizer_class": "LlamaTokenizerFast",
            "chat_template": data.CHAT_TEMPLATE,
        },
    }
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", required=True, help="work folder of train.py; the Hugging Face folder goes to OUT/hf"
    )
    parser.add_argument("--gguf", required=True, help="GGUF file to write")
    args = parser.parse_args()
    config, model, saved = load(os.path.join(args.out, "checkpoint.pt"))
    with open(os.path.join(args.out, "tokenizer.json"), encoding="utf-8") as file:
        tokenizer_json = json.load(file)
    write_gguf(config, model, tokenizer_json, args.gguf)
    write_hf(config, model, tokenizer_json, os.path.join(args.out, "hf"))
    print(f"step {saved['step']}: {args.gguf}, {os.path.getsize(args.gguf) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
