"""Speed of the model of library kernels, and its constants anew: ``python benchmarks/gpu_model.py FOLDER [--write]``.

FOLDER holds tables named like gemm_bf16_h200_sxm_vllm0.14.0.csv. Prints the time of a fit and of a prediction per row;
``--write`` also replaces the constants that ship with the package by those of the tables named in `HOMES`.
"""

import sys
import time
from pathlib import Path

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fit import count, fit
from attnscope.mappings.gpu.fit_constants import LibraryConstants, to_toml
from attnscope.mappings.gpu.fit_tables import find_tables, read_table
from attnscope.mappings.gpu.library_time import latency_s

HOMES = {"a100": "vllm0.14.0", "h100": "vllm0.19.0", "h200": "vllm0.14.0"}
SOURCE = "AIConfigurator (ai-dynamo, Apache-2.0, (c) NVIDIA), measured latencies of bf16 attention and matrix products"


def main(folder: Path, write: bool) -> None:
    """Fit each device's tables, time it, and write the constants where asked to."""
    tables = [read_table(path) for path in find_tables(folder)]
    fitted: dict[str, LibraryConstants] = {}
    for name, library in HOMES.items():
        own = [t for t in tables if t.device == name and t.library == library]
        device, start = load_gpu(name), time.perf_counter()
        fitted[name] = fit(own, device)
        print(f"{name}: fitted on {sum(t.calibration.sum() for t in own)} rows in {time.perf_counter() - start:.2f} s")
        for table in own:
            rows = table.fit
            start = time.perf_counter()
            latency_s(count(rows, device).counts, device, fitted[name])
            rate = (time.perf_counter() - start) / rows.shapes.count
            spread = fitted[name].spread[table.family]
            print(f"  {table.family:8s} {rate * 1e6:6.1f} us per row, mean error on left-out rows {spread.mean:.1%}")
    if write:
        target = Path(__file__).parents[1] / "attnscope/mappings/gpu/published_constants.toml"
        target.write_text(to_toml(SOURCE, fitted), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--write" in sys.argv)
