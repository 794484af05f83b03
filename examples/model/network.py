"""A Qwen2 decoder in plain PyTorch, with the tensor names of published checkpoints."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 384,
    "max_position_embeddings": 1024,
    "max_window_layers": 5,
    "model_type": "qwen2",
    "num_attention_heads": 4,
    "num_hidden_layers": 5,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
}

Cache = list[tuple[Tensor, Tensor]]


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions; query, key and value have biases."""

    def __init__(self, config: dict):
        super().__init__()
        size, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.kv_heads = config["num_key_value_heads"]
        self.head_size = size // self.heads
        self.q_proj = nn.Linear(size, size)
        self.k_proj = nn.Linear(size, self.kv_heads * self.head_size)
        self.v_proj = nn.Linear(size, self.kv_heads * self.head_size)
        self.o_proj = nn.Linear(size, size, bias=False)

    def forward(self, x: Tensor, rotary: Tensor, past: tuple[Tensor, Tensor] | None):
        batch, length, _ = x.shape

        def split(y: Tensor, heads: int) -> Tensor:
            return y.view(batch, length, heads, self.head_size).transpose(1, 2)

        query = rotate(split(self.q_proj(x), self.heads), rotary)
        key = rotate(split(self.k_proj(x), self.kv_heads), rotary)
        value = split(self.v_proj(x), self.kv_heads)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        mixed = attend(query, key.repeat_interleave(self.heads // self.kv_heads, 1),
                       value.repeat_interleave(self.heads // self.kv_heads, 1))
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1)), (key, value)


class MLP(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        size, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(size, inner, bias=False)
        self.up_proj = nn.Linear(size, inner, bias=False)
        self.down_proj = nn.Linear(inner, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        size, eps = config["hidden_size"], config["rms_norm_eps"]
        self.input_layernorm = RMSNorm(size, eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(size, eps)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, rotary: Tensor, past: tuple[Tensor, Tensor] | None):
        mixed, kept = self.self_attn(self.input_layernorm(x), rotary, past)
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Decoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        size = config["hidden_size"]
        self.embed_tokens = nn.Embedding(config["vocab_size"], size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(size, config["rms_norm_eps"])


class Qwen2(nn.Module):
    """The language model; the embedding serves as the output layer too."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=config["initializer_range"])
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def hidden(self, tokens: Tensor, past: Cache | None = None) -> tuple[Tensor, Cache]:
        """Final states of the tokens, and keys and values to continue from."""
        start = past[0][0].shape[2] if past else 0
        head_size = self.config["hidden_size"] // self.config["num_attention_heads"]
        rotary = rotary_angles(start, tokens.shape[1], head_size, self.config["rope_theta"])
        x, cache = self.model.embed_tokens(tokens), []
        for index, layer in enumerate(self.model.layers):
            x, kept = layer(x, rotary, past[index] if past else None)
            cache.append(kept)
        return self.model.norm(x), cache

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention, spelt out because it is faster for short texts on a CPU."""
    length, total = query.shape[2], key.shape[2]
    scores = (query / query.shape[-1]**0.5) @ key.transpose(2, 3)
    if length > 1:
        future = torch.full((length, total), float("-inf")).triu(total - length + 1)
        scores = scores + future.to(scores.dtype)
    return scores.softmax(-1).to(value.dtype) @ value


def rotary_angles(start: int, length: int, head_size: int, theta: float) -> Tensor:
    """Cosines and sines of the rotary position embedding, stacked."""
    frequency = theta ** (-torch.arange(0, head_size, 2).float() / head_size)
    angle = torch.outer(torch.arange(start, start + length).float(), frequency)
    angle = torch.cat((angle, angle), -1)
    return torch.stack((angle.cos(), angle.sin()))


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """Turns each head's vectors by their position, pairing its first half with its second."""
    first, second = x.chunk(2, -1)
    return (x * rotary[0] + torch.cat((-second, first), -1) * rotary[1]).to(x.dtype)


def save(model: Qwen2, folder: Path) -> None:
    """Writes the weights, rounded to bfloat16, and config.json."""
    weights = {name: tensor.detach().to(torch.bfloat16).contiguous()
               for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(
        json.dumps(model.config, indent=2, sort_keys=True) + "\n")


def load(folder: Path) -> Qwen2:
    """The model of a folder, its bfloat16 weights computed with in float32."""
    model = Qwen2(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()
