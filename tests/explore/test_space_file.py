"""Reading spaces: every value where it belongs, every mistake named with its mend."""

from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import SpecError, UsageError
from attnscope.explore.space_file import read_space

BASE: dict[str, Any] = {"workload": ["bert"], "mapping": ["fusemax"], "device": ["fusemax"]}


def _axes(**more: Any) -> dict[str, Any]:
    return {"axes": {**BASE, **{k.replace("__", "."): v for k, v in more.items()}}}


def test_points_are_numbered_with_the_last_axis_fastest(small: dict[str, Any]) -> None:
    space = read_space(small)
    assert len(space) == space.size == 2 * 2 * 3 * 4 * 2 * 7
    paths = [axis.path for axis in space.axes]
    assert paths[0] == "workload.seq_len"
    assert paths[-1] == "device.dram.bandwidth_bytes_per_s"
    first, second = space.point(0), space.point(1)
    assert first.values["device.dram.bandwidth_bytes_per_s"] == 1e11
    assert second.values["device.dram.bandwidth_bytes_per_s"] == 2.5e11
    last = space.point(space.size - 1)
    assert last.group.names == {
        "workload": "bert", "mapping": "flat", "device": "fusemax", "accounting": "corrected",
    }  # fmt: skip
    assert last.fields["device.array_1d.columns"] == 256
    assert last.shape.queries == last.shape.keys == 65536
    assert last.device.buffer.area_um2 == 84201374.5 * 33554432 / 16777216


def test_a_file_and_nested_tables(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'minimize = ["edp_js"]\n[axes]\nworkload = "bert"\nmapping = ["flat"]\ndevice = ["flat-cloud"]\n'
        'accounting = ["corrected", "published"]\nscale = [1, 2.5]\n'
        '"mapping.row_cap" = [256, 512]\n[axes.workload_sizes]\n'.replace("[axes.workload_sizes]\n", "")
        + '"device.array_2d" = { rows = [64, 128], columns = { from = 64, to = 256, step = 64 } }\n'
        '[derived]\n"device.clock.frequency_hz" = "1e9 * scale"\n'
    )
    space = read_space(file)
    assert space.title == "mine"
    assert {axis.path: axis.values for axis in space.axes} == {
        "scale": (1.0, 2.5),
        "mapping.row_cap": (256, 512),
        "device.array_2d.rows": (64, 128),
        "device.array_2d.columns": (64, 128, 192, 256),
    }
    assert space.point(space.size - 1).mapping.row_cap == 512
    assert space.point(space.size - 1).device.clock.frequency_hz == 2.5e9
    assert space.point(space.size - 1).estimate().accounting == "published"


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([1, 2, 2, 4], (1, 2, 4)),
        (["1K", 2048], (1024, 2048)),
        ({"from": 1, "to": 10, "step": 3}, (1, 4, 7, 10)),
        ({"from": 1, "to": 100, "factor": 10}, (1, 10, 100)),
        ({"from": 1, "to": 100, "steps": 3, "scale": "log"}, (1, 10, 100)),
        ({"from": 1, "to": 4, "steps": 4}, (1, 2, 3, 4)),
        (7, (7,)),
    ],
)
def test_values_of_an_axis(given: Any, values: tuple[int, ...]) -> None:
    space = read_space(_axes(workload__seq_len=given))
    assert space.axes[0].values == values
    assert all(isinstance(value, int) for value in space.axes[0].values)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            _axes(device__dram__bandwith_bytes_per_s=[1]),
            "no field named 'device.dram.bandwith_bytes_per_s'. Did you mean 'device.dram.bandwidth_bytes_per_s'?",
        ),
        (_axes(workload__seqlen=[1]), "Did you mean 'workload.seq_len'?"),
        (_axes(mapping__blok=[1]), "Did you mean 'mapping.block'?"),
        (_axes(machine__x=[1]), "no kind of axis named 'machine'. Known: device, mapping, workload."),
        (_axes(device__pe_dim=[]), "space: axis device.pe_dim has no values, so the space is empty."),
        (_axes(workload=[]), "space: axis workload has no values, so the space is empty."),
        (_axes(device__pe_dim=[2.5]), "space: axis device.pe_dim: 2.5 is not a whole number. Nearest: 2."),
        (_axes(device__pe_dim=["many"]), "'many' is not a count. Write a whole number such as 4096, or 64K"),
        (_axes(device__pe_dim=[True]), "True is not a number. Write numbers such as 256, 4e11 or '64K'."),
        (_axes(device__pe_dim=[0]), "array_2d.rows = 0 is refused: should be greater than 0."),
        (_axes(mapping__block=[0]), "space: axis mapping.block: 0 must be at least 1. Nearest: 1."),
        (_axes(mapping__buffer_share=[1.5]), "buffer_share = 1.5 is refused: should be less than or equal to 1."),
        (
            _axes(device__pe_dim={"from": 9, "to": 3, "steps": 2}),
            "runs from 9 to 3, so the space is empty. Swap the two.",
        ),
        (
            _axes(device__pe_dim={"from": 1, "to": 3}),
            "give exactly one of steps, step and factor; found none.",
        ),
        (_axes(device__pe_dim={"from": 0, "to": 3, "factor": 2}), "a logarithmic range needs a start above 0."),
        (_axes(device__pe_dim={"from": 1, "to": 3, "count": 2}), "unknown key 'count'."),
        (_axes(workload__seq_len={"from": 1, "to": 1e10, "step": 1}), "at most 1,000,000. Take larger steps."),
        (_axes(workload=["brt"]), "space: no model named 'brt'. Did you mean 'bert'?"),
        (_axes(device=["h100"]), "device h100: is of the family 'gpu'; this mapping needs a spatial array"),
        (_axes(accounting=["exact"]), "no energy accounting named 'exact'. Known: corrected, published."),
        (_axes(workload=[3]), "space: axis workload = [3] should be names"),
        (_axes(latency_s=[3]), "an axis cannot be called 'latency_s'. Choose another name, such as 'scale'."),
        (_axes(workload=["llama3-8b"], workload__heads=[12]), "12 heads cannot share 8 KV heads evenly."),
        ({**_axes(), "constraint": ["a"]}, "space: unknown key 'constraint'. Did you mean 'constraints'?"),
        ({**_axes(), "minimize": []}, "minimize names 0 objectives; a sweep keeps the front of one to 3."),
        ({**_axes(), "minimize": ["latency"]}, "no field or figure named 'latency'. Did you mean 'latency_s'?"),
        (
            {**_axes(), "constraints": ["area_mm2 < 100", "latency_s < 1 and area_mm2 > 200"]},
            "the constraints 'area_mm2 > 200' and 'area_mm2 < 100' exclude each other",
        ),
        (
            {**_axes(), "derived": {"device.buffer.capacity_bytes": "device.pe_dim * 1.5"}},
            "is not a whole number. Put floor(...) or ceil(...) around it.",
        ),
        ({**_axes(), "derived": {"device.buffer.capacity_bytes": "latency_s"}}, "no field or figure named 'latency_s'"),
        (
            {**_axes(), "derived": {"device.buffer.capacity_bytes": 5}},
            'should be an expression, such as "device.pe_dim * 2".',
        ),
        (
            {**_axes(device__pe_dim=[1]), "derived": {"device.pe_dim": "2"}},
            "device.pe_dim is both an axis and derived. Remove one of the two.",
        ),
        ({}, "space: the key 'axes' is missing."),
    ],
)
def test_mistakes_are_named(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        space = read_space(table)
        space.point(0)
    assert message in str(caught.value)


def test_a_missing_file() -> None:
    with pytest.raises(SpecError, match=r"nowhere.toml: no such file"):
        read_space("nowhere.toml")


def test_a_space_is_its_own_description(small: dict[str, Any]) -> None:
    space = read_space(small)
    assert read_space(space) is space
    assert space.to_dict()["size"] == space.size
    assert issubclass(SpecError, UsageError)


def test_a_free_axis_that_nothing_uses_is_refused_with_the_field_it_may_mean() -> None:
    with pytest.raises(SpecError, match=r"axis seq_len changes nothing: .* Did you mean 'workload\.seq_len'\?"):
        read_space({"axes": {"workload": ["bert"], "seq_len": [1024, 4096]}})
