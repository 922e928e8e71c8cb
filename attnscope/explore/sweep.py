"""`sweep`: work out every point of a space and keep the Pareto front, or all points."""

import hashlib
import json
import os
from pathlib import Path

from attnscope.errors import UsageError
from attnscope.explore.outcome import Keep, Sweep
from attnscope.explore.records import records_of
from attnscope.explore.running import run_in_memory, run_in_store
from attnscope.explore.segments import Job
from attnscope.explore.space import Space
from attnscope.explore.space_file import SpaceLike, read_space
from attnscope.explore.store import STORE_SCHEMA, Store
from attnscope.explore.stream import Found
from attnscope.mappings.compare import Refusal
from attnscope.simulator.estimate import MODEL_VERSION
from attnscope.units import format_bytes

MOST_POINTS = 10**12
MOST_KEPT = 10**8
LARGEST_SPACE = 2**62


def sweep(
    space: SpaceLike,
    *,
    store: str | Path | None = None,
    keep: Keep = "front",
    sample: int | None = None,
    n_workers: int | None = None,
    progress: bool = False,
) -> Sweep:
    """Work out a design space and return its Pareto front.

    The figures of every point are those of its single estimate, bit for bit. The front is exact: of equal points the
    one with the lowest number is on it, whatever the number of workers, interruptions or processes.

    Args:
        space: path of a TOML file, a dictionary, or a `Space`.
        store: SQLite file for the results. A run that it holds in part goes on; several processes may share the work.
        keep: `front`, or `all` points for later queries.
        sample: work out only so many points, spread at random but the same every time.
        n_workers: threads; all cores where it is left out.
        progress: show a bar with rate and time left on stderr.

    Raises:
        SpecError, UnknownNameError: the space cannot be used. UsageError: it is too large, or nothing in it is legal
            and allowed. StoreError: the store is of another model version, or the disk is full.
    """
    spec = read_space(space)
    job = Job(spec, keep, _sample_size(spec, sample))
    _refuse_size(job)
    reasons = [Refusal(c.group.mapping.name, c.group.device.name, c.refusal) for c in job.check()]
    refused = tuple(dict.fromkeys(reasons))
    run = run_name(job)
    n_workers = n_workers or os.cpu_count() or 1
    if store is None:
        found = run_in_memory(job, n_workers, progress)
        rows = job.evaluator.rows(found.numbers)
    else:
        with Store(store) as base:
            found = run_in_store(job, run, base, n_workers, progress)
            rows = job.evaluator.rows(found.numbers)
            base.keep_front_rows(run, rows.to_bytes())
    if not found.n_allowed:
        raise UsageError(_nothing_found(job, found))
    front = records_of(rows, spec)
    where = str(store) if store is not None else ""
    return Sweep(run, spec, keep, job.n_sampled, job.n_points, found.n_legal, found.n_allowed, front, refused, where)


def run_name(job: Job) -> str:
    """Return twelve hexadecimal digits that name a space, what is kept of it, and the model."""
    asked = [MODEL_VERSION, STORE_SCHEMA, job.space.to_dict(), job.keep, job.n_sampled]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def _sample_size(space: Space, sample: int | None) -> int:
    if sample is None:
        return 0
    if sample < 1:
        raise UsageError(f"{space.where}: a sample of {sample} points; take at least 1.")
    return sample if sample < space.size else 0


def _refuse_size(job: Job) -> None:
    size, where = job.space.size, job.space.where
    if size > LARGEST_SPACE:
        raise UsageError(f"{where}: the space has {size:.3g} points, more than can be numbered (2^62). Split it.")
    if job.n_points > MOST_POINTS:
        days = size / 50e6 / 86400
        raise UsageError(
            f"{where}: the space has {size:.3g} points; at 50 M points/s they take {days:,.0f} days. Draw a sample "
            "with --sample 1000000 (sample=1_000_000), or take fewer values on an axis."
        )
    if job.keep == "all" and job.n_points > MOST_KEPT:
        raise UsageError(
            f"{where}: keeping all {job.n_points:,} points would take {format_bytes(49 * job.n_points)}; at most "
            f"{MOST_KEPT:,} are kept. Keep the front only (keep='front'), or draw a sample."
        )


def _nothing_found(job: Job, found: Found) -> str:
    place = f"{job.space.where}: of {job.n_points:,} points"
    if not found.n_legal:
        return f"{place} none is legal: no mapping fits its device. Give the buffer more capacity."
    texts = ", ".join(repr(expression.text) for expression in job.space.constraints)
    return f"{place} {found.n_legal:,} are legal, but none satisfies all constraints ({texts}). Relax one of them."
