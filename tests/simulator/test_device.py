"""Device files: shipped ones sourced figure by figure, users' own ones with `extends`, and what is refused."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.simulator.device import list_devices, load_device, spatial_device
from attnscope.specs import dotted

TEXTS = ("name", "family", "summary", "sources", "extends", "architecture")


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("attnscope.simulator") / "devices" / f"{name}.toml").read_text(encoding="utf-8"))


def figures(name: str) -> dict[str, Any]:
    """Every figure that the file itself gives, by dotted path."""
    return {path: value for path, value in dotted(table(name)).items() if path.split(".")[0] not in TEXTS}


@pytest.mark.parametrize("name", list_devices())
def test_every_figure_has_a_source(name: str) -> None:
    sources = table(name)["sources"]
    bare = [path for path in figures(name) if not any(f"{path}.".startswith(f"{known}.") for known in sources)]
    assert not bare, f"{name}: no source for {bare}"
    assert all(len(text) > 10 for text in sources.values())


@pytest.mark.parametrize("name", list_devices())
def test_every_source_is_for_something(name: str) -> None:
    paths = list(dotted(load_device(name).model_dump(exclude={"sources"})))
    idle = [known for known in table(name)["sources"] if not any(f"{p}.".startswith(f"{known}.") for p in paths)]
    assert not idle, f"{name}: sources for nothing: {idle}"


@pytest.mark.parametrize("name", list_devices())
def test_shipped_devices_load_under_their_names(name: str) -> None:
    device = load_device(name)
    assert (device.name, bool(device.summary)) == (name, True)
    assert load_device(name) is device


def test_families() -> None:
    assert {"flat-cloud", "flat-edge", "fusemax", *(f"fusemax-{2**n}" for n in range(4, 10))} <= {
        *list_devices("spatial")
    }
    assert {"a100", "h100"} <= {*list_devices("gpu")}
    assert {*list_devices()} == {*list_devices("spatial"), *list_devices("gpu")}


def test_an_unknown_device_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as refused:
        spatial_device("fusemacs")
    assert str(refused.value).startswith("no device named 'fusemacs'. Did you mean 'fusemax'? Known: ")
    assert spatial_device("FuseMax").name == "fusemax"


def test_a_gpu_is_no_spatial_array() -> None:
    with pytest.raises(SpecError) as refused:
        spatial_device("h100")
    assert str(refused.value).startswith(
        "device h100: is of the family 'gpu'; this mapping needs a spatial array: flat-cloud, flat-edge, fusemax"
    )


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_device_of_ones_own_extends_a_shipped_one(tmp_path: Path) -> None:
    name = write(
        tmp_path / "mine.toml",
        'extends = "fusemax"\nsummary = "more bandwidth"\n[dram]\nbandwidth_bytes_per_s = 1e12\n'
        '[sources]\n"dram.bandwidth_bytes_per_s" = "wishful thinking"\n',
    )
    mine, base = spatial_device(name), spatial_device("fusemax")
    assert (mine.name, mine.summary) == ("mine", "more bandwidth")
    assert mine.dram.bandwidth_bytes_per_s == 1e12
    assert mine.dram.energy_pj_per_bit == base.dram.energy_pj_per_bit
    assert mine.array_2d == base.array_2d
    assert mine.sources["dram"] == base.sources["dram"]
    assert mine.sources["dram.bandwidth_bytes_per_s"] == "wishful thinking"


def test_a_device_of_ones_own_extends_another_of_ones_own(tmp_path: Path) -> None:
    base = write(tmp_path / "base.toml", 'extends = "flat-cloud"\n[clock]\nfrequency_hz = 1e9\n')
    mine = spatial_device(write(tmp_path / "mine.toml", f'extends = "{base}"\n[buffer]\ncapacity_bytes = 1024\n'))
    assert (mine.clock.frequency_hz, mine.buffer.capacity_bytes, mine.array_2d.rows) == (1e9, 1024, 256)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[dram]\nbandwidth_bytes_per_s = -1", "dram.bandwidth_bytes_per_s = -1 is refused: should be greater than 0."),
        ("[dram]\nbandwidth_bytes_per_s = 0", "dram.bandwidth_bytes_per_s = 0 is refused: should be greater than 0."),
        (
            "[dram]\nbandwidth_bytes_per_s = inf",
            "dram.bandwidth_bytes_per_s = inf is refused: should be a finite number.",
        ),
        (
            "[dram]\nbandwith_bytes_per_s = 1",
            "unknown key 'dram.bandwith_bytes_per_s'. Did you mean 'bandwidth_bytes_per_s'? Known here: bandwidth",
        ),
        (
            "[array_2d.units]\nmac = { energi_pj = 1 }",
            "unknown key 'array_2d.units.mac.energi_pj'. Did you mean 'energy_pj'? Known here: area_um2, cycles",
        ),
        (
            '[array_1d.sequences]\nexp = { unit = "mca", steps = 6 }',
            "array_1d: sequence 'exp' uses the unit 'mca', which the array lacks. Units here: add, divide, mac, max.",
        ),
        ("dram = 5", "dram = 5 is refused: should be a table."),
        (
            "[buffer]\ncapacity_bytes = 1.5",
            "buffer.capacity_bytes = 1.5 is refused: should be a valid integer, got a number with a fractional part.",
        ),
        (
            "[sram]\nbytes = 1",
            "unknown key 'sram'. Did you mean 'dram'? Known here: array_1d, array_2d, buffer, clock, dram, family,",
        ),
    ],
)
def test_files_that_break_the_schema(tmp_path: Path, text: str, words: str) -> None:
    name = write(tmp_path / "mine.toml", f'extends = "fusemax"\n{text}\n')
    with pytest.raises(SpecError) as refused:
        load_device(name)
    assert str(refused.value).startswith(f"{name}: {words}")


def test_devices_that_extend_nothing_that_stands(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    write(one, f'extends = "{other}"\n')
    write(other, f'extends = "{one}"\n')
    with pytest.raises(SpecError) as refused:
        load_device(str(one))
    assert str(refused.value) == (
        f"device {one}: 'extends' goes round in a circle: {one} -> {other} -> {one}. Let one of them stand on its own."
    )
    name = write(tmp_path / "number.toml", "extends = 5\n")
    with pytest.raises(SpecError, match=r"extends = 5 is refused: should be the name of a device or a TOML file.$"):
        load_device(name)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    name = write(tmp_path / "mine.toml", 'family = "spatial"\nsummary = "x"\n[clock]\nfrequency_hz = 1e9\n')
    with pytest.raises(SpecError) as refused:
        load_device(name)
    assert str(refused.value).splitlines() == [
        f"{name}: the key 'array_2d' is missing.",
        f"{name}: the key 'array_1d' is missing.",
        f"{name}: the key 'buffer' is missing.",
    ]


def test_files_that_are_no_device(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    with pytest.raises(SpecError, match=r"none.toml: no such file. Give the path of a TOML file that exists."):
        load_device(missing)
    with pytest.raises(SpecError, match=r"broken.toml: not valid TOML: .*line 2"):
        load_device(write(tmp_path / "broken.toml", 'family = "spatial"\n[clock\n'))
    with pytest.raises(UnknownNameError) as refused:
        load_device(write(tmp_path / "other.toml", 'family = "spatiall"\n'))
    assert str(refused.value).endswith(
        "no device family named 'spatiall'. Did you mean 'spatial'? Known: gpu, spatial."
    )
    with pytest.raises(UsageError, match=r"no device named 'fusemx'. Did you mean 'fusemax'\?"):
        load_device(write(tmp_path / "child.toml", 'extends = "fusemx"\n'))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"dram.bandwidth": 1e9},
            "no field 'dram.bandwidth'. Did you mean 'dram.bandwidth_bytes_per_s'? Known there: dram.",
        ),
        (
            {"buffr.capacity_bytes": 1},
            "no field 'buffr.capacity_bytes'. Did you mean 'buffer.capacity_bytes'? Known there: ",
        ),
        ({"dram": 1}, "no field 'dram'."),
        ({"dram.bandwidth_bytes_per_s": -5}, "dram.bandwidth_bytes_per_s = -5 is refused: should be greater than 0."),
        ({"array_2d.rows": "many"}, "array_2d.rows = 'many' is refused: should be a valid integer, unable to parse"),
    ],
)
def test_fields_that_cannot_be_set(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as refused:
        spatial_device("fusemax", fields)
    assert str(refused.value).startswith(f"device fusemax: {words}")


def test_nested_fields_are_replaced_and_nothing_else() -> None:
    changed = spatial_device("fusemax", {"array_2d.units.mac.energy_pj": 1.0, "clock.frequency_hz": 1e9})
    base = spatial_device("fusemax")
    assert changed.array_2d.units["mac"].energy_pj == 1.0
    assert changed.clock.frequency_hz == 1e9
    assert changed.array_2d.units["add"] == base.array_2d.units["add"]
    assert base.array_2d.units["mac"].energy_pj == 17.1645
    assert spatial_device("fusemax", {}) is base
