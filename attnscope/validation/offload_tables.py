"""Decode attention, collectives and traces against public measurements in a reference folder."""

import csv
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median

from attnscope.mappings.gpu.decode_calibrate import read_decode_table, split_rows
from attnscope.mappings.gpu.decode_constants import decode_constants
from attnscope.mappings.gpu.decode_work import decode_latency_s
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.linear import product_start_s
from attnscope.mappings.offload.numbers import CollectiveNumbers
from attnscope.mappings.offload.pools import pool_numbers
from attnscope.simulator.cluster import load_link
from attnscope.validation.report import Row, facts
from attnscope.workloads.traces import read_trace

LARGE_S = 50e-6  # rows whose K and V take longer than this at the datasheet bandwidth
# Table, device, pieces that its library grants a batch (0: the kernel's own rule), most mean error over all rows that
# were not fitted on, most median error of the large ones.
DECODE_TABLES = (
    ("generation_attention_bf16_a100_sxm_vllm0.14.0.csv", "a100", 0, 0.18, 0.09),
    ("generation_attention_bf16_h100_sxm_vllm0.19.0.csv", "h100", 0, 0.10, 0.05),
    ("generation_attention_bf16_h200_sxm_vllm0.14.0.csv", "h200", 32, 0.11, 0.10),
)
TRANSFER_TABLE = ("generation_attention_bf16_h100_sxm_sglang0.5.10.csv", "h100")
COLLECTIVES = (("nccl_half_h100_sxm_2.29.2.csv", "fitted on"), ("nccl_half_h200_sxm_2.29.2.csv", "not fitted on"))
# Table of bf16 matrix products, device, most mean error over all rows.
PRODUCTS = (
    ("gemm_bf16_a100_sxm_vllm0.14.0.csv", "a100", 0.12),
    ("gemm_bf16_h100_sxm_vllm0.19.0.csv", "h100", 0.08),
    ("gemm_bf16_h200_sxm_vllm0.14.0.csv", "h200", 0.10),
)
_LEAST_BYTES, _MOST_BYTES = 2**12, 2**26


def table_rows(reference: Path) -> Iterator[Row]:
    """Yield the rows of every table that is found below `reference`."""
    folder = next((d for d in (reference / "aiconfigurator", reference) if (d / DECODE_TABLES[0][0]).is_file()), None)
    if folder is not None:
        for name, device, pieces, mean_limit, median_limit in DECODE_TABLES:
            yield from _decode(folder / name, device, pieces, mean_limit, median_limit)
        yield from _transfer(folder / TRANSFER_TABLE[0], TRANSFER_TABLE[1])
        for name, device, limit in PRODUCTS:
            yield from _products(folder / name, device, limit)
        for name, how in COLLECTIVES:
            yield from _collective(folder / name, how)
    yield from _traces(reference)


def _decode(path: Path, device: str, pieces: int, mean_limit: float, median_limit: float) -> Iterator[Row]:
    if not path.is_file():
        return
    gpu = load_gpu(device)
    _, rest = split_rows(read_decode_table(path))
    constants = decode_constants(gpu)
    errors = [abs(decode_latency_s(r.work, gpu, constants, warm=True, pieces=pieces) / r.latency_s - 1.0) for r in rest]
    large = [e for e, r in zip(errors, rest, strict=True) if r.work.kv_bytes > LARGE_S * gpu.dram.bandwidth_bytes_per_s]
    note = f"{len(rest):,} rows that were not fitted on"
    yield Row(f"decode {device}", "mean error of decode attention", 0.0, fmean(errors), mean_limit, True, note)
    yield Row(
        f"decode {device}", "median error above 50 us", 0.0, median(large), median_limit, True, f"{len(large):,} rows"
    )


def _transfer(path: Path, device: str) -> Iterator[Row]:
    if path.is_file():
        gpu = load_gpu(device)
        constants = decode_constants(gpu)
        rows = read_decode_table(path)
        errors = [abs(decode_latency_s(r.work, gpu, constants, warm=True) / r.latency_s - 1.0) for r in rows]
        note = f"{len(rows):,} rows of another framework, constants of the first"
        yield Row(f"decode {device} SGLang", "mean error of decode attention", 0.0, fmean(errors), None, True, note)


def _products(path: Path, device: str, limit: float) -> Iterator[Row]:
    if not path.is_file():
        return
    gpu = load_gpu(device)
    pool, start_s = pool_numbers(gpu, 1.0, "kernels"), product_start_s(gpu)
    errors = []
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            m, n, k = (float(row[name]) for name in ("m", "n", "k"))
            ours = start_s + formulas.product_s(pool, 2.0 * m * n * k, 2.0 * (m * k + k * n + m * n))
            errors.append(abs(ours / (float(row["latency_ms"]) * 1e-3) - 1.0))
    yield Row(f"matrix products {device}", "mean error of matrix products", 0.0, fmean(errors), limit, True)


def _collective(path: Path, how: str) -> Iterator[Row]:
    inside = load_link("nvlink").all_reduce
    if not path.is_file() or inside is None:
        return
    numbers = CollectiveNumbers(inside.base_s, inside.per_device_s, inside.bandwidth_bytes_per_s)
    errors = []
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            size, devices = int(row["size_bytes"]), int(row["num_gpus"])
            if row["op_name"] == "all_reduce" and _LEAST_BYTES <= size <= _MOST_BYTES:
                ours = formulas.all_reduce_s(numbers, size, devices)
                errors.append(abs(ours / (float(row["latency_ms"]) * 1e-3) - 1.0))
    note = f"{len(errors)} rows, {how}"
    yield Row(path.stem, "mean error of all-reduce", 0.0, fmean(errors), 0.15, True, note)


def _traces(reference: Path) -> Iterator[Row]:
    for fact in facts("lamina_traces.csv"):
        file = reference / "traces" / f"{fact['trace'].replace('-', '_')}.csv"
        if not file.is_file() or not fact["file_prompt"]:
            continue
        trace = read_trace(file)
        case = fact["trace"]
        yield Row(case, "requests", float(fact["requests"]), float(trace.n_requests), 0.0)
        yield Row(case, "mean tokens", float(fact["file_prompt"]), trace.mean_prompt, 0.001, True, "prompt")
        yield Row(case, "mean tokens", float(fact["file_generated"]), trace.mean_generated, 0.001, True, "answer")
