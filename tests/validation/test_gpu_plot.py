"""Figures of the comparison with published tables."""

from pathlib import Path

from attnscope.validation.gpu import compare_all
from attnscope.validation.gpu_plot import plot_comparisons


def test_one_row_of_panels_per_comparison(tmp_path: Path) -> None:
    rows = "\n".join(f"{m},{n},4096,{1e-9 * m * n + 0.005}" for m in range(64, 1300, 64) for n in range(64, 1300, 64))
    (tmp_path / "gemm_bf16_l40s_vllm1.0.csv").write_text(f"m,n,k,latency_ms\n{rows}\n")
    found, notes = compare_all(tmp_path)
    figure = plot_comparisons(found)
    assert len(notes) == 1
    assert len(figure.axes) == 2 * len(found) == 2
    assert figure.axes[1].get_title().endswith("300 rows")
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 0
