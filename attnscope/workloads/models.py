"""The zoo of transformer models: one TOML file each, every figure with its source, plus Hugging Face configurations."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from attnscope.errors import SpecError
from attnscope.specs import Frozen, edition, find, packaged, read_toml, validate
from attnscope.workloads.shape import AttentionShape, Gemm

_PACKAGE, _FOLDER = "attnscope.workloads", "models"


class Model(Frozen):
    """A transformer model: the sizes of one layer.

    Attributes:
        hidden: width of the residual stream, D.
        ffn: inner width of the feed-forward layer, S; `gated_ffn` adds a third matrix (SwiGLU, GeGLU).
        batch: default batch; `seq_len` default length.
        longest: longest sequence the model was trained for, where it has a limit.
    """

    name: str
    summary: str
    source: str
    heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    score_width: int = Field(gt=0)
    value_width: int = Field(gt=0)
    hidden: int = Field(gt=0)
    ffn: int = Field(gt=0)
    gated_ffn: bool = False
    layers: int = Field(gt=0)
    batch: int = Field(default=1, gt=0)
    seq_len: int = Field(default=4096, gt=0)
    bytes_per_element: int = Field(default=2, gt=0)
    longest: int | None = Field(default=None, gt=0)

    def attention(self, seq_len: int | None = None, **sizes: int | None) -> AttentionShape:
        """Return the shape of one attention layer; keywords replace single sizes of `AttentionShape`."""
        length = self.seq_len if seq_len is None else seq_len
        shape = AttentionShape(
            self.batch,
            self.heads,
            self.kv_heads,
            length,
            length,
            self.score_width,
            self.value_width,
            self.bytes_per_element,
        )
        return shape.with_sizes(**sizes)

    def linear_layers(self, shape: AttentionShape) -> tuple[Gemm, ...]:
        """Return the matrix products of one layer (projections and feed-forward) for all tokens of `shape`."""
        query_rows, key_rows, w = shape.batch * shape.queries, shape.batch * shape.keys, shape.bytes_per_element
        q_width, out_width = shape.heads * shape.score_width, shape.heads * shape.value_width
        ffn_in = ("gate", "up") if self.gated_ffn else ("up",)
        return (
            Gemm("query projection", query_rows, self.hidden, q_width, w),
            Gemm("key projection", key_rows, self.hidden, shape.kv_heads * shape.score_width, w),
            Gemm("value projection", key_rows, self.hidden, shape.kv_heads * shape.value_width, w),
            Gemm("output projection", query_rows, out_width, self.hidden, w),
            *(Gemm(f"feed-forward {part}", query_rows, self.hidden, self.ffn, w) for part in ffn_in),
            Gemm("feed-forward down", query_rows, self.ffn, self.hidden, w),
        )


def list_models() -> tuple[str, ...]:
    """Return the names of the models in the zoo, sorted."""
    return tuple(packaged(_PACKAGE, _FOLDER))


def load_model(name: str) -> Model:
    """Return a model of the zoo, or the one in a user's TOML file.

    Raises:
        UnknownNameError: no such model; suggests the nearest.
        SpecError: the file breaks the schema.
    """
    return _load(name, edition(name))


@cache
def _load(name: str, _: tuple[int, int]) -> Model:
    path = find("model", name, _PACKAGE, _FOLDER)
    where = str(path) if name.endswith(".toml") else f"model {name}"
    return validate(Model, {"name": path.stem, **read_toml(path)}, where)


_HF_KEYS = {
    "heads": ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads"),
    "kv_heads": ("num_key_value_heads", "n_head_kv", "num_kv_heads"),
    "width": ("head_dim", "d_kv", "d_head"),
    "rotary_width": ("qk_rope_head_dim",),
    "plain_width": ("qk_nope_head_dim",),
    "value_width": ("v_head_dim",),
    "hidden": ("hidden_size", "n_embd", "d_model", "dim", "emb_dim"),
    "ffn": ("intermediate_size", "n_inner", "d_ff", "ffn_dim", "encoder_ffn_dim", "hidden_dim", "d_inner"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers"),
    "longest": ("max_position_embeddings", "n_positions", "max_seq_len"),
}
_GATED_TYPES = ("llama", "mistral", "mixtral", "qwen", "gemma", "phi3", "olmo", "cohere", "deepseek", "yi", "internlm")


def model_from_config(path: str | Path) -> Model:
    """Return the model described by a Hugging Face ``config.json``.

    Raises:
        SpecError: not JSON, or a size is missing; names the keys that were looked for.
    """
    file = Path(path)
    try:
        config: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{file}: no such file. Give the path of a Hugging Face config.json.") from None
    except OSError as error:
        raise SpecError(f"{file}: cannot be read: {error.strerror}. Give the path of a config.json.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: not valid JSON: {error}.") from None
    if not isinstance(config, dict):
        raise SpecError(f"{file}: expected a JSON object of configuration keys, found {type(config).__name__}.")
    config = {**config, **config.get("text_config", {})} if isinstance(config.get("text_config"), dict) else config
    return validate(Model, _from_hf(config, file), str(file))


def _from_hf(config: dict[str, Any], file: Path) -> dict[str, Any]:
    heads, hidden, layers = (_hf(config, key, file) for key in ("heads", "hidden", "layers"))
    kind = str(config.get("model_type", "")).casefold()
    # Multi-head latent attention scores with a rotary part beside the plain one; others name one width, or none.
    latent = _hf(config, "plain_width", file, default=0) + _hf(config, "rotary_width", file, default=0)
    width = latent or _hf(config, "width", file, default=hidden // heads)
    return {
        "name": file.parent.name or file.stem,
        "summary": f"read from {file.name}",
        "source": f"Hugging Face configuration, model_type {kind or 'not given'}",
        "heads": heads,
        "kv_heads": _hf(config, "kv_heads", file, default=1 if config.get("multi_query") else heads),
        "score_width": width,
        "value_width": _hf(config, "value_width", file, default=width),
        "hidden": hidden,
        "ffn": _hf(config, "ffn", file, default=4 * hidden),
        "gated_ffn": kind.startswith(_GATED_TYPES) or str(config.get("feed_forward_proj", "")).startswith("gated"),
        "layers": layers,
        "longest": _hf(config, "longest", file, default=0) or None,
    }


def _hf(config: dict[str, Any], key: str, file: Path, default: int | None = None) -> int:
    """Return a size under the first of its names that the configuration has, else `default`."""
    for name in _HF_KEYS[key]:
        value = config.get(name)
        if value is None:
            continue
        if type(value) is not int or value < 1:
            raise SpecError(f"{file}: {name} = {value!r} is refused: should be one whole number of at least 1.")
        return value
    if default is None:
        raise SpecError(f"{file}: no {key} found. Looked for: {', '.join(_HF_KEYS[key])}.")
    return default
