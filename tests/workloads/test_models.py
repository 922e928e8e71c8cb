"""The zoo, users' own model files, and configurations of Hugging Face models of every naming style."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.workloads.models import Model, list_models, load_model, model_from_config
from attnscope.workloads.shape import AttentionShape

# Source: FuseMax (MICRO 2024), section VI, and its artefact: heads, width of a head, hidden, feed-forward width.
STUDY = {
    "bert": (12, 64, 768, 3072),
    "trxl": (16, 64, 1024, 4096),
    "t5": (8, 64, 512, 2048),
    "xlm": (16, 128, 2048, 8192),
}


@pytest.mark.parametrize(("name", "sizes"), STUDY.items())
def test_models_of_the_study(name: str, sizes: tuple[int, int, int, int]) -> None:
    model = load_model(name)
    assert (model.heads, model.score_width, model.hidden, model.ffn) == sizes
    assert (model.batch, model.bytes_per_element, model.kv_heads) == (64, 2, model.heads)
    assert model.value_width == model.score_width


@pytest.mark.parametrize("name", list_models())
def test_every_model_has_a_source_and_consistent_sizes(name: str) -> None:
    model = load_model(name)
    assert model.name == name
    assert len(model.source) > 20
    assert model.summary
    assert model.heads % model.kv_heads == 0
    assert model.attention().queries == model.seq_len
    assert load_model(name) is model


def test_shapes_of_a_model() -> None:
    bert = load_model("bert")
    assert bert.attention(1024) == AttentionShape(64, 12, 12, 1024, 1024, 64, 64)
    assert bert.attention(1024, batch=1, keys=77) == AttentionShape(1, 12, 12, 1024, 77, 64, 64)
    assert bert.attention(1024, heads=4).kv_heads == 4


@pytest.mark.parametrize("length", [0, -1, 10**30])
def test_lengths_that_are_refused(length: int) -> None:
    with pytest.raises(
        UsageError, match=rf"attention shape: queries = {length} must lie between 1 and 2\^40. Nearest: "
    ):
        load_model("bert").attention(length)


def test_linear_layers_of_an_encoder_and_of_a_gated_decoder() -> None:
    bert = load_model("bert")
    gemms = {g.name: (g.rows, g.inner, g.columns) for g in bert.linear_layers(bert.attention(1024))}
    rows = 64 * 1024
    assert gemms == {
        "query projection": (rows, 768, 768),
        "key projection": (rows, 768, 768),
        "value projection": (rows, 768, 768),
        "output projection": (rows, 768, 768),
        "feed-forward up": (rows, 768, 3072),
        "feed-forward down": (rows, 3072, 768),
    }
    llama = load_model("llama3-8b")
    found = {
        g.name: (g.rows, g.inner, g.columns) for g in llama.linear_layers(llama.attention(8192, batch=2, queries=1))
    }
    assert found["key projection"] == (2 * 8192, 4096, 8 * 128)
    assert found["query projection"] == (2, 4096, 4096)
    assert found["feed-forward gate"] == found["feed-forward up"] == (2, 4096, 14336)


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as refused:
        load_model("brt")
    assert str(refused.value).startswith("no model named 'brt'. Did you mean 'bert'? Known: bert, ")
    assert load_model("BERT") == load_model("bert")


OWN = """summary = "mine"
source = "nobody"
heads = 4
kv_heads = 2
score_width = 32
value_width = 32
hidden = 128
ffn = 512
layers = 2
"""


def test_a_model_of_ones_own_is_read_again_when_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    model = load_model(str(path))
    assert (model.name, model.heads, model.batch) == ("mine", 4, 1)
    path.write_text(OWN.replace("heads = 4", "heads = 16"), encoding="utf-8")
    assert load_model(str(path)).heads == 16


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("heads = 4", "head = 4", "the key 'heads' is missing."),
        ("ffn = 512", "ffn = 0", "ffn = 0 is refused: should be greater than 0."),
        ("ffn = 512", "fnn = 512", "the key 'ffn' is missing."),
        ("layers = 2", "layers = 2\nlayer = 2", "unknown key 'layer'. Did you mean 'layers'? Known here: batch,"),
        ("layers = 2", "layers = 2\nlayers = 2", "not valid TOML: Cannot overwrite a value"),
    ],
)
def test_model_files_that_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        load_model(str(path))
    assert str(refused.value).startswith(f"{path}: {words}")


def config(folder: Path, **keys: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(keys), encoding="utf-8")
    return path


def sizes(model: Model) -> dict[str, Any]:
    names = ("heads", "kv_heads", "score_width", "value_width", "hidden", "ffn", "gated_ffn", "layers", "longest")
    return {name: getattr(model, name) for name in names}


BERT = {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12, "intermediate_size": 3072}
CONFIGURATIONS = {
    "bert": (
        {"model_type": "bert", **BERT, "max_position_embeddings": 512},
        (12, 12, 64, 64, 768, 3072, False, 12, 512),
    ),
    "gpt2": (
        {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "n_inner": None},
        (12, 12, 64, 64, 768, 3072, False, 12, 1024),
    ),
    "llama": (
        {
            "model_type": "llama",
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "num_hidden_layers": 32,
            "intermediate_size": 14336,
            "max_position_embeddings": 8192,
        },
        (32, 8, 128, 128, 4096, 14336, True, 32, 8192),
    ),
    "t5": (
        {"model_type": "t5", "d_model": 512, "d_kv": 64, "num_heads": 6, "num_layers": 8, "d_ff": 1024},
        (6, 6, 64, 64, 512, 1024, False, 8, None),
    ),
    "t5-v1.1": (
        {"model_type": "t5", "d_model": 512, "d_kv": 64, "num_heads": 6, "num_layers": 8, "d_ff": 1024}
        | {"feed_forward_proj": "gated-gelu"},
        (6, 6, 64, 64, 512, 1024, True, 8, None),
    ),
    "distilbert": (
        {"model_type": "distilbert", "dim": 768, "hidden_dim": 3072, "n_heads": 12, "n_layers": 6},
        (12, 12, 64, 64, 768, 3072, False, 6, None),
    ),
    "transfo-xl": (
        {"model_type": "transfo-xl", "d_model": 1024, "d_head": 64, "n_head": 16, "n_layer": 18, "d_inner": 4096},
        (16, 16, 64, 64, 1024, 4096, False, 18, None),
    ),
    "gemma": (
        {"model_type": "gemma", "hidden_size": 3072, "num_attention_heads": 16, "num_hidden_layers": 28}
        | {"head_dim": 256, "intermediate_size": 24576},
        (16, 16, 256, 256, 3072, 24576, True, 28, None),
    ),
    "falcon": (
        {"model_type": "falcon", "hidden_size": 4544, "num_attention_heads": 71, "num_hidden_layers": 32}
        | {"multi_query": True},
        (71, 1, 64, 64, 4544, 18176, False, 32, None),
    ),
    "deepseek": (
        {
            "model_type": "deepseek_v3",
            "hidden_size": 7168,
            "num_attention_heads": 128,
            "num_hidden_layers": 61,
            "intermediate_size": 18432,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
        },
        (128, 128, 192, 128, 7168, 18432, True, 61, None),
    ),
    "nested": (
        {"model_type": "vision-text", "text_config": {"model_type": "llama", **BERT}},
        (12, 12, 64, 64, 768, 3072, True, 12, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "expected"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_hugging_face_configurations(tmp_path: Path, keys: dict[str, Any], expected: tuple[Any, ...]) -> None:
    model = model_from_config(config(tmp_path, **keys))
    assert tuple(sizes(model).values()) == expected
    assert model.name == tmp_path.name
    assert model.source.startswith("Hugging Face configuration, model_type ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"num_attention_heads": None},
            "no heads found. Looked for: num_attention_heads, n_head, num_heads, n_heads, encoder_attention_heads.",
        ),
        ({"hidden_size": None}, "no hidden found. Looked for: hidden_size, n_embd, d_model, dim, emb_dim."),
        ({"hidden_size": "768"}, "hidden_size = '768' is refused: should be one whole number of at least 1."),
        ({"num_attention_heads": [12, 6]}, "num_attention_heads = [12, 6] is refused: should be one whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads = 0 is refused: should be one whole number of at least 1."),
        ({"num_attention_heads": 1000}, "score_width = 0 is refused: should be greater than 0."),
    ],
)
def test_configurations_that_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = config(tmp_path, **{**BERT, **change})
    with pytest.raises(SpecError) as refused:
        model_from_config(path)
    assert str(refused.value).startswith(f"{path}: {words}")


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(SpecError, match=r"config.json: no such file. Give the path of a Hugging Face config.json."):
        model_from_config(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SpecError, match=r"config.json: not valid JSON: Expecting property name .* line 1 column 2"):
        model_from_config(path)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(SpecError, match=r"config.json: expected a JSON object of configuration keys, found list."):
        model_from_config(path)
    folder = tmp_path / "folder.json"
    folder.mkdir()
    with pytest.raises(SpecError, match=r"folder.json: cannot be read: Is a directory"):
        model_from_config(folder)
