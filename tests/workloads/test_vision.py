from pathlib import Path

import pytest

from attnscope.errors import SpecError, UnknownNameError
from attnscope.workloads.visibility import Gna
from attnscope.workloads.vision import Backbone, Diffusion, list_vision_models, load_vision_model

BACKBONES = [m for m in map(load_vision_model, list_vision_models()) if isinstance(m, Backbone)]
VIDEOS = [m for m in map(load_vision_model, list_vision_models()) if isinstance(m, Diffusion)]


@pytest.mark.parametrize("model", BACKBONES, ids=lambda m: m.name)
def test_macs_are_the_published_ones(model: Backbone) -> None:
    assert model.macs == pytest.approx(model.published_macs, rel=0.005)


@pytest.mark.parametrize("model", BACKBONES, ids=lambda m: m.name)
def test_layers_are_complete(model: Backbone) -> None:
    assert sum(a.count for a in model.attention_layers) == sum(s.depth for s in model.stages)
    assert all(a.head_dim == 32 for a in model.attention_layers)


def test_dilation_leaves_the_macs_as_they_are() -> None:
    nat, dinat = load_vision_model("nat-tiny"), load_vision_model("dinat-tiny")
    assert isinstance(nat, Backbone)
    assert isinstance(dinat, Backbone)
    assert nat.macs == dinat.macs


def test_dinat_alternates_plain_and_dilated_layers() -> None:
    model = load_vision_model("dinat-tiny")
    kinds = [(a.name, a.count) for a in model.attention_layers]
    assert kinds[:2] == [("stage 1, dilation 1", 2), ("stage 1, dilation 8", 1)]
    assert kinds[-1] == ("stage 4", 5)


def test_swin_windows_are_disjoint() -> None:
    first = load_vision_model("swin-t").attention_layers[0]
    assert (first.windows, first.mask.n_queries, first.pairs) == (64, 49, 56 * 56 * 49)


@pytest.mark.parametrize("model", VIDEOS, ids=lambda m: m.name)
def test_default_masks_are_legal(model: Diffusion) -> None:
    mask = model.attention_layers[0].mask
    assert isinstance(mask, Gna)
    assert mask.window == model.window


def test_a_window_without_a_stride_slides() -> None:
    model = load_vision_model("flux-4k")
    assert isinstance(model, Diffusion)
    sliding = model.attention((40, 40)).mask
    assert isinstance(sliding, Gna)
    assert sliding.stride == (1, 1)
    assert model.attention(stride=(8, 8)).mask.n_queries == 65536


def test_unknown_models_are_suggested() -> None:
    with pytest.raises(UnknownNameError, match=r"no vision model named 'dinat-tyny'. Did you mean 'dinat-tiny'"):
        load_vision_model("dinat-tyny")


def test_files_of_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('kind = "unet"\n')
    with pytest.raises(SpecError, match="kind = 'unet' is refused: should be one of diffusion, hierarchical"):
        load_vision_model(str(file))


def test_more_dense_steps_than_steps_are_refused(tmp_path: Path) -> None:
    text = Path(__file__).parents[2].joinpath("attnscope/workloads/vision_models/flux-4k.toml").read_text()
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("dense_steps        = 9", "dense_steps        = 99"))
    with pytest.raises(SpecError, match="dense_steps 99 must be <= steps 28"):
        load_vision_model(str(file))
