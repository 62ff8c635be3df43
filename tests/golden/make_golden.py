#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden logits of tiny random DeepSeek-V2 models, made with transformers' DeepseekV2ForCausalLM.

    pip install torch "transformers>=4.55,<4.58" safetensors
    python3 make_golden.py                  writes ../data/golden
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

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

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
}
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def random_weights(config, generator):
    """Unit gain for matrices and 1 +- 0.2 for norms: the initial 0.02 would hide every fault."""
    reference = DeepseekV2ForCausalLM(DeepseekV2Config(**config)).state_dict()
    weights = {}
    for name in sorted(reference):
        shape = reference[name].shape
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            weights[name] = 1 + 0.2 * noise
        else:
            gain = 1.0 if "embed_tokens" in name else shape[1] ** -0.5
            for part, factor in (("lm_head", 2.5), ("mlp.gate.", 1.5), ("kv_a_proj", 1.5), ("q_proj", 2.0),
                                 ("q_b_proj", 2.0)):
                if part in name:
                    gain *= factor
            weights[name] = gain * noise
    return weights


class Golden:
    """A model in fp32 with eager attention, and the smallest margin of its routing so far."""

    def __init__(self, config, weights):
        config = json.loads(json.dumps(config))  # the configuration class writes into rope_scaling
        config["topk_method"] = {"gready": "greedy"}.get(config["topk_method"], config["topk_method"])
        self.model = DeepseekV2ForCausalLM(DeepseekV2Config(**config, attn_implementation="eager"))
        missing, unexpected = self.model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
        if missing or unexpected:
            raise SystemExit(f"weights do not fit: missing {missing}, unexpected {unexpected}")
        self.model.float().eval()
        self.config = config
        self.routing_margin = math.inf
        for layer in self.model.model.layers:
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
        scores = torch.softmax(hidden @ gate.weight.T, -1)
        if self.config["topk_method"] == "group_limited_greedy":
            groups = self.config["n_group"]
            best = scores.view(len(scores), groups, -1).max(-1).values
            kept = self._gap(best, self.config["topk_group"])
            mask = torch.zeros_like(best).scatter_(1, kept, 1).bool()
            scores = scores.masked_fill(~mask.repeat_interleave(scores.shape[1] // groups, 1), 0.0)
        self._gap(scores, self.config["num_experts_per_tok"])

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


def find(spec, first_seed):
    config = {**BASE, **spec["config"]}
    config["num_key_value_heads"] = config["num_attention_heads"]
    config["torch_dtype"] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[spec["dtype"]]
    for seed in range(first_seed, first_seed + 1000):
        generator = torch.Generator().manual_seed(seed)
        weights = {k: v.to(DTYPES[spec["dtype"]]) for k, v in random_weights(config, generator).items()}
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
        return config, weights, run, logits
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


def write():
    for number, (name, spec) in enumerate(MODELS.items()):
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        config, weights, run, logits = find(spec, 1000 * (number + 1))
        (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        save_weights(folder, weights, spec.get("shards", 1))
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
    config = json.loads((folder / "config.json").read_text())
    run = json.loads((folder / "run.json").read_text())
    weights = {}
    for file in sorted(folder.glob("model*.safetensors")):
        weights.update(load_file(file))
    golden = Golden(config, weights)
    expected = load_file(folder / "expected.safetensors")["logits"]
    error = difference(golden.logits(run["prompt_ids"]), expected)
    wanted = run.get("greedy_ids") or run["greedy_next_12"]
    same = golden.greedy(run["prompt_ids"], len(wanted))[0] == wanted
    print(f"{folder.name}: logits differ by {error:.1e} of the largest, greedy {'identical' if same else 'DIFFERS'}")
    return error <= 1e-4 and same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", nargs="+", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation
    if arguments.check:
        sys.exit(0 if all([check(folder) for folder in arguments.check]) else 1)
    write()


if __name__ == "__main__":
    main()
