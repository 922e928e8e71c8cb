"""Reading tables and the fixed split."""

from pathlib import Path

import pytest

from attnscope.errors import SpecError
from attnscope.mappings.gpu.fit_tables import FIT_ROWS, Table, find_tables, rank, read_table
from attnscope.mappings.gpu.library_shapes import GemmShapes

NAME = "gemm_bf16_h100_sxm_vllm0.19.0.csv"
CONTEXT = "context_attention_bf16_l40s_vllm1.0.csv"


def write(folder: Path, name: str, text: str) -> Path:
    """A table in `folder`."""
    path = folder / name
    path.write_text(text)
    return path


def products(table: Table) -> set[tuple[int, ...]]:
    """Sizes of all matrix products of a table."""
    assert isinstance(table.shapes, GemmShapes)
    return set(zip(table.shapes.m.tolist(), table.shapes.n.tolist(), table.shapes.k.tolist(), strict=True))


def test_the_name_says_kind_device_and_library(tmp_path: Path) -> None:
    table = read_table(
        write(tmp_path, CONTEXT, "batch_size,q_heads,kv_heads,head_dim,isl,window,latency_ms\n1,2,1,128,512,0,0.5\n")
    )
    assert (table.family, table.device, table.library) == ("prefill", "l40s", "vllm1.0")
    assert table.measured_s.tolist() == [0.5e-3]
    assert table.lengths.tolist() == [512]


def test_the_split_is_the_hash_of_the_key(tmp_path: Path) -> None:
    assert rank("gemm", (1, 2, 3)).startswith("53efe1d02782b907")
    rows = "\n".join(f"{m},{n},64,1.0" for m in range(1, 21) for n in range(1, 21))
    table = read_table(write(tmp_path, NAME, f"m,n,k,latency_ms\n{rows}\n"))
    chosen = products(table.fit)
    everyone = sorted(((m, n, 64) for m in range(1, 21) for n in range(1, 21)), key=lambda key: rank("gemm", key))
    assert chosen == set(everyone[:FIT_ROWS])
    assert table.reported.shapes.count == 300


def test_repeated_shapes_are_on_one_side_only(tmp_path: Path) -> None:
    rows = "\n".join(f"{m},{n},64,1.0\n{m},{n},64,1.1" for m in range(1, 15) for n in range(1, 15))
    table = read_table(write(tmp_path, NAME, f"m,n,k,latency_ms\n{rows}\n"))
    assert not products(table.fit) & products(table.reported)


def test_short_prompts_are_not_fitted(tmp_path: Path) -> None:
    rows = "\n".join(f"1,1,1,128,{n},0,1.0" for n in (1, 128, 255, 256, 4096))
    table = read_table(
        write(tmp_path, CONTEXT, f"batch_size,q_heads,kv_heads,head_dim,isl,window,latency_ms\n{rows}\n")
    )
    assert table.calibration.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (NAME, "m,n,latency_ms\n1,2,3\n", "the columns k are missing. Expected: m, n, k, latency_ms."),
        (NAME, "m,n,k,latency_ms\n1,2,x,3\n", "line 2 holds a value that is no number. Mend or remove the line."),
        (NAME, "m,n,k,latency_ms\n1,2,3,0\n", "line 2 holds a size or latency below the least possible."),
        (NAME, "m,n,k,latency_ms\n1,0,3,1\n", "line 2 holds a size or latency below the least possible."),
        (NAME, "m,n,k,latency_ms\n", "no rows. Give at least one measured latency."),
        ("other.csv", "m,n,k,latency_ms\n1,2,3,4\n", "the name does not say kind, device and library."),
    ],
)
def test_refusals(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        read_table(write(tmp_path, name, text))
    assert message in str(raised.value)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such folder"):
        find_tables(tmp_path / "none")
    with pytest.raises(SpecError, match="no such file"):
        read_table(tmp_path / NAME)
    below = tmp_path / "tables"
    below.mkdir()
    write(below, NAME, "m,n,k,latency_ms\n1,2,3,4\n")
    write(tmp_path, "notes.csv", "a\n1\n")
    assert [p.name for p in find_tables(tmp_path)] == [NAME]
