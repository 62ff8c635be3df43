# SPDX-License-Identifier: MIT
"""DeepSeek-V2 for training: multi-head latent attention and DeepSeekMoE (arXiv 2405.04434, sections 2.1
and 2.2).

Written for short sequences on a CPU: attention in its expanded (multi-head) form, experts as one product
per expert over the tokens sorted by expert. Norms, router, softmax and loss stay in fp32 under autocast.
"""

import dataclasses
import json
import math

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass
class Config:
    """Fields carry the names of the published config.json."""

    vocab_size: int = 4096
    hidden_size: int = 192
    num_hidden_layers: int = 6
    num_attention_heads: int = 6
    qk_nope_head_dim: int = 32
    qk_rope_head_dim: int = 16
    v_head_dim: int = 32
    kv_lora_rank: int = 64  # 0: plain multi-head attention, which compare.py sets beside it
    intermediate_size: int = 512
    moe_intermediate_size: int = 96
    n_routed_experts: int = 16
    n_shared_experts: int = 2
    num_experts_per_tok: int = 4
    routed_scaling_factor: float = 4.0
    first_k_dense_replace: int = 1
    aux_loss_alpha: float = 0.01
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    # YaRN (paper, section 3.1.4): 1 means none. mscale and mscale_all_dim are the same, as in every published model.
    yarn_factor: float = 1.0
    yarn_mscale: float = 0.707
    original_max_position_embeddings: int = 2048

    def extended(self, factor: float) -> "Config":
        """The same model with YaRN for a context longer by `factor`."""
        length = self.max_position_embeddings
        return dataclasses.replace(
            self,
            yarn_factor=factor,
            original_max_position_embeddings=length,
            max_position_embeddings=int(length * factor),
        )

    def softmax_scale(self) -> float:
        m = 0.1 * self.yarn_mscale * math.log(self.yarn_factor) + 1
        return (self.qk_nope_head_dim + self.qk_rope_head_dim) ** -0.5 * m * m  # once for query, once for key

    def rope_frequencies(self) -> torch.Tensor:
        """Radians per position (rope / 2): YaRN slows the pairs that turn less than once in the original context."""
        size = self.qk_rope_head_dim
        plain = self.rope_theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)

        def pair(rotations: float) -> float:
            turns = self.original_max_position_embeddings / (2 * math.pi * rotations)
            return size * math.log(turns) / (2 * math.log(self.rope_theta))

        low, high = max(math.floor(pair(32)), 0), min(math.ceil(pair(1)), size - 1)
        ramp = ((torch.arange(size // 2, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
        return plain * (1 - ramp) + plain / self.yarn_factor * ramp

    def to_hf(self, bos: int, eos: int, pad: int) -> dict:
        fields = dataclasses.asdict(self)
        scaling = {
            "type": "yarn",
            "factor": fields.pop("yarn_factor"),
            "original_max_position_embeddings": fields.pop("original_max_position_embeddings"),
            "beta_fast": 32,
            "beta_slow": 1,
            "mscale": self.yarn_mscale,
            "mscale_all_dim": fields.pop("yarn_mscale"),
        }
        fields.update(
            architectures=["DeepseekV2ForCausalLM"],
            model_type="deepseek_v2",
            num_key_value_heads=self.num_attention_heads,
            q_lora_rank=None,
            moe_layer_freq=1,
            n_group=1,
            topk_group=1,
            topk_method="greedy",
            scoring_func="softmax",
            norm_topk_prob=False,
            seq_aux=True,
            hidden_act="silu",
            attention_bias=False,
            attention_dropout=0.0,
            rope_scaling=scaling if self.yarn_factor > 1 else None,
            tie_word_embeddings=False,
            torch_dtype="bfloat16",
            use_cache=True,
            bos_token_id=bos,
            eos_token_id=eos,
            pad_token_id=pad,
        )
        return fields

    @staticmethod
    def load(path: str) -> "Config":
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        names = {field.name for field in dataclasses.fields(Config)}
        return Config(**{name: value for name, value in fields.items() if name in names})


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding on adjacent pairs. x: (batch, tokens, heads, rope); cos, sin: (tokens, 1, rope / 2)."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    """Paper, section 2.1.2 and 2.1.3, without query compression (as in V2-Lite)."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        heads, key = c.num_attention_heads, c.qk_nope_head_dim + c.qk_rope_head_dim
        self.q_proj = nn.Linear(c.hidden_size, heads * key, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(c.hidden_size, c.kv_lora_rank + c.qk_rope_head_dim, bias=False)
        self.kv_a_layernorm = RMSNorm(c.kv_lora_rank, 1e-6)
        self.kv_b_proj = nn.Linear(c.kv_lora_rank, heads * (c.qk_nope_head_dim + c.v_head_dim), bias=False)
        self.o_proj = nn.Linear(heads * c.v_head_dim, c.hidden_size, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        c = self.c
        batch, tokens, _ = x.shape
        heads = c.num_attention_heads
        q_nope, q_pe = (
            self.q_proj(x).view(batch, tokens, heads, -1).split([c.qk_nope_head_dim, c.qk_rope_head_dim], -1)
        )
        latent, k_pe = self.kv_a_proj_with_mqa(x).split([c.kv_lora_rank, c.qk_rope_head_dim], -1)
        k_nope, v = (
            self.kv_b_proj(self.kv_a_layernorm(latent))
            .view(batch, tokens, heads, -1)
            .split([c.qk_nope_head_dim, c.v_head_dim], -1)
        )
        q_pe = rotate(q_pe, cos, sin)
        k_pe = rotate(k_pe.unsqueeze(2), cos, sin).expand(-1, -1, heads, -1)  # one rotary key for all heads
        q = torch.cat((q_nope, q_pe), -1).transpose(1, 2)
        k = torch.cat((k_nope, k_pe), -1).transpose(1, 2)
        # The fused CPU kernel wants values as wide as keys.
        v = F.pad(v, (0, q.shape[-1] - c.v_head_dim)).transpose(1, 2)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=c.softmax_scale())
        out = out[..., : c.v_head_dim].transpose(1, 2).reshape(batch, tokens, heads * c.v_head_dim)
        return self.o_proj(out)


class MultiHead(nn.Module):
    """Plain multi-head attention with the same widths: every head has its own key, rotary part and value to keep."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        heads, key = c.num_attention_heads, c.qk_nope_head_dim + c.qk_rope_head_dim
        self.q_proj = nn.Linear(c.hidden_size, heads * key, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, heads * key, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, heads * c.v_head_dim, bias=False)
        self.o_proj = nn.Linear(heads * c.v_head_dim, c.hidden_size, bias=False)

    def turned(self, projected: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """projected: (..., tokens, heads * key) to (..., tokens, heads, key), the last part of each key rotated."""
        c = self.c
        nope, pe = projected.unflatten(-1, (c.num_attention_heads, -1)).split(
            [c.qk_nope_head_dim, c.qk_rope_head_dim], -1
        )
        return torch.cat((nope, rotate(pe, cos, sin)), -1)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        c = self.c
        q, k = self.turned(self.q_proj(x), cos, sin), self.turned(self.k_proj(x), cos, sin)
        v = F.pad(self.v_proj(x).unflatten(-1, (c.num_attention_heads, -1)), (0, q.shape[-1] - c.v_head_dim))
        out = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, scale=c.softmax_scale()
        )
        return self.o_proj(out[..., : c.v_head_dim].transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class MoE(nn.Module):
    """Paper, section 2.2: shared experts as one MLP, softmax gate, top-k without renormalisation, no token dropped."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        experts, inner = c.n_routed_experts, c.moe_intermediate_size
        self.gate = nn.Parameter(torch.empty(experts, c.hidden_size))
        self.gate_up = nn.Parameter(torch.empty(experts, 2 * inner, c.hidden_size))  # gate rows first
        self.down = nn.Parameter(torch.empty(experts, c.hidden_size, inner))
        self.shared_experts = MLP(c.hidden_size, c.n_shared_experts * inner)
        self.load = None  # fraction of the choices per expert in the last pass

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        c = self.c
        batch, tokens, width = x.shape
        flat = x.view(-1, width)
        with torch.autocast(x.device.type, enabled=False):
            logits = flat.float() @ self.gate.t()
            scores = logits.softmax(-1)
        weights, chosen = scores.topk(c.num_experts_per_tok, -1)
        weights = weights * c.routed_scaling_factor

        # (token, expert) pairs sorted by expert; `place` says where pair i of the unsorted list went.
        order = chosen.flatten().argsort(stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        counts = torch.bincount(chosen.flatten(), minlength=c.n_routed_experts)
        half = torch.bfloat16 if torch.is_autocast_enabled(x.device.type) else x.dtype
        pieces = flat.to(half).index_select(0, order // c.num_experts_per_tok).split(counts.tolist())
        gate_up, down = self.gate_up.to(half), self.down.to(half)
        outputs = []
        # unbind, not indexing: its backward pass is one stack instead of a full-size zero tensor per expert.
        for piece, expert_gate_up, expert_down in zip(pieces, gate_up.unbind(0), down.unbind(0)):
            gate, up = F.linear(piece, expert_gate_up).chunk(2, -1)
            outputs.append(F.linear(F.silu(gate) * up, expert_down))
        pairs = torch.cat(outputs).index_select(0, place).view(-1, c.num_experts_per_tok, width)
        routed = (pairs.float() * weights.unsqueeze(-1)).sum(1)

        # Sequence-wise balance loss (section 2.2.3, as in the published code) and router z-loss (arXiv 2202.08906).
        share = scores.new_zeros(batch, c.n_routed_experts).scatter_add_(
            1, chosen.view(batch, -1), scores.new_ones(batch, tokens * c.num_experts_per_tok)
        ) * (c.n_routed_experts / (tokens * c.num_experts_per_tok))
        balance = (share * scores.view(batch, tokens, -1).mean(1)).sum(-1).mean()
        z_loss = logits.logsumexp(-1).pow(2).mean()
        self.load = counts.float() / counts.sum()
        return routed.view_as(x) + self.shared_experts(x), c.aux_loss_alpha * balance + 1e-3 * z_loss


class Layer(nn.Module):
    def __init__(self, c: Config, index: int):
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.self_attn = Attention(c) if c.kv_lora_rank else MultiHead(c)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        dense = index < c.first_k_dense_replace
        self.mlp = MLP(c.hidden_size, c.intermediate_size) if dense else MoE(c)

    def forward(
        self, h: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        h = h + self.self_attn(self.input_layernorm(h), cos, sin)
        x = self.post_attention_layernorm(h)
        if isinstance(self.mlp, MLP):
            return h + self.mlp(x), h.new_zeros(())
        out, extra = self.mlp(x)
        return h + out, extra


class Model(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c, index) for index in range(c.num_hidden_layers))
        self.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.lm_head = nn.Linear(c.hidden_size, c.vocab_size, bias=False)
        positions = torch.arange(c.max_position_embeddings, dtype=torch.float64)
        angle = torch.outer(positions, c.rope_frequencies())
        self.register_buffer("cos", angle.cos().float().unsqueeze(1), persistent=False)
        self.register_buffer("sin", angle.sin().float().unsqueeze(1), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                output = name.endswith(("o_proj.weight", "down_proj.weight", "mlp.down"))
                scale = 1 / math.sqrt(2 * c.num_hidden_layers) if output else 1.0
                nn.init.normal_(parameter, std=c.initializer_range * scale)

    def hidden(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """ids: (batch, tokens). Returns the normed last hidden state and the sum of the router losses."""
        tokens = ids.shape[1]
        h = self.embed_tokens(ids)
        extra = h.new_zeros(())
        for layer in self.layers:
            h, more = layer(h, self.cos[:tokens], self.sin[:tokens])
            extra = extra + more
        return self.norm(h), extra

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.lm_head(self.hidden(ids)[0]).float()

    def loss(
        self, ids: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of cross-entropy times weight over the targets, and the router losses."""
        h, extra = self.hidden(ids)
        counted = weights.flatten() > 0
        logits = self.lm_head(h.flatten(0, 1)[counted]).float()
        each = F.cross_entropy(logits, targets.flatten()[counted], reduction="none")
        return (each * weights.flatten()[counted]).sum(), extra

    def to_hf(self) -> dict[str, torch.Tensor]:
        """Weights under the names of the published checkpoints, one tensor per expert."""
        inner = self.c.moe_intermediate_size
        out = {}
        for name, tensor in self.state_dict().items():
            if name == "lm_head.weight":
                out[name] = tensor
            elif name.endswith("mlp.gate"):
                out["model." + name + ".weight"] = tensor
            elif name.endswith("mlp.gate_up"):
                for expert in range(self.c.n_routed_experts):
                    base = f"model.{name[:-8]}.experts.{expert}."
                    out[base + "gate_proj.weight"] = tensor[expert, :inner]
                    out[base + "up_proj.weight"] = tensor[expert, inner:]
            elif name.endswith("mlp.down"):
                for expert in range(self.c.n_routed_experts):
                    out[f"model.{name[:-5]}.experts.{expert}.down_proj.weight"] = tensor[expert]
            else:
                out["model." + name] = tensor
        return {name: tensor.detach().contiguous() for name, tensor in out.items()}
