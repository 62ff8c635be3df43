# SPDX-License-Identifier: MIT
"""Compares model.py with transformers' DeepseekV2ForCausalLM on random weights: logits and router choices
in fp32.

Two sizes are run, one with inner sizes that all differ, so that no transposed or swapped part goes unseen.
Needs transformers 4.55 to 4.57, whose class computes the model without YaRN correctly. YaRN's frequencies and scale
are checked against the numbers of the published DeepSeek-V2 configuration.
"""

import sys

import torch
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

from model import Config, Model


def compare(config: Config, seed: int) -> float:
    torch.manual_seed(seed)
    ours = Model(config).eval()
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            else:  # unit gain: with the initial weights every error would be too small to see
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    fields = config.to_hf(bos=0, eos=1, pad=2)
    fields.pop("torch_dtype")
    reference = DeepseekV2ForCausalLM._from_config(DeepseekV2Config(**fields), attn_implementation="eager")
    reference = reference.float().eval()
    weights = ours.to_hf()
    missing, unexpected = reference.load_state_dict(weights, strict=False)
    if missing or unexpected:
        raise SystemExit(f"names differ: missing {missing}, unexpected {unexpected}")

    choices = []
    for layer in reference.model.layers[config.first_k_dense_replace :]:
        layer.mlp.gate.register_forward_hook(lambda _, __, out: choices.append(out[0]))
    ids = torch.randint(0, config.vocab_size, (1, 200))
    with torch.no_grad():
        expected = reference(ids, use_cache=False).logits[0]
        found = ours(ids)[0]
        h = ours.embed_tokens(ids)
        agree = True
        for index, layer in enumerate(ours.layers):
            if index >= config.first_k_dense_replace:
                x = layer.post_attention_layernorm(
                    h + layer.self_attn(layer.input_layernorm(h), ours.cos[:200], ours.sin[:200])
                )
                chosen = (x[0] @ layer.mlp.gate.t()).topk(config.num_experts_per_tok, -1).indices
                theirs = choices[index - config.first_k_dense_replace]
                agree &= torch.equal(chosen.sort(-1).values, theirs.view(200, -1).sort(-1).values)
            h, _ = layer(h, ours.cos[:200], ours.sin[:200])
    difference = (expected - found).abs().max().item()
    print(
        f"seed {seed}: largest logit {expected.abs().max():.2f}, largest difference {difference:.1e}, "
        f"router choices {'agree' if agree else 'DIFFER'}, argmax agrees at "
        f"{(expected.argmax(-1) == found.argmax(-1)).float().mean():.1%}"
    )
    return difference if agree else float("inf")


def yarn_error() -> float:
    """Largest relative error of some frequencies and of the softmax scale of the published model."""
    published = Config(qk_nope_head_dim=128, qk_rope_head_dim=64, max_position_embeddings=4096).extended(40)
    found = published.rope_frequencies()
    expected = {0: 1.0, 10: 0.0562341325, 11: 0.0390069266, 22: 1.77827941e-4, 31: 3.33380358e-6}
    pairs = [(found[i].item(), value) for i, value in expected.items()]
    pairs.append((published.softmax_scale(), 0.1147213868))
    return max(abs(a / b - 1) for a, b in pairs)


if __name__ == "__main__":
    uneven = Config(
        vocab_size=300,
        hidden_size=160,
        num_hidden_layers=3,
        num_attention_heads=4,
        qk_nope_head_dim=24,
        qk_rope_head_dim=8,
        v_head_dim=20,
        kv_lora_rank=48,
        intermediate_size=224,
        moe_intermediate_size=40,
        n_routed_experts=12,
        num_experts_per_tok=3,
        n_shared_experts=1,
        routed_scaling_factor=2.5,
    )
    worst = max(compare(config, seed) for config in (Config(), uneven) for seed in (1, 2))
    print(f"YaRN: largest relative error {yarn_error():.1e}")
    sys.exit(0 if worst < 1e-3 and yarn_error() < 1e-6 else 1)
