"""`sweep`: work out every point of a space and keep the Pareto front, or all points."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attnscope.errors import MissingHardwareError, UsageError
from attnscope.explore.progress import progress_bar
from attnscope.explore.records import Evaluator, Records
from attnscope.explore.segments import Job
from attnscope.explore.space import Point, Space
from attnscope.explore.space_file import SpaceLike, read_space
from attnscope.explore.store import STORE_SCHEMA, Store
from attnscope.explore.stream import NOTHING, Found, merged
from attnscope.mappings.compare import Refusal
from attnscope.simulator.estimate import MODEL_VERSION, Estimate
from attnscope.units import format_bytes

Keep = Literal["front", "all"]
MOST_POINTS = 10**12
MOST_KEPT = 10**8
LARGEST_SPACE = 2**62
_COMMIT_S = 1.0


@dataclass(frozen=True)
class Sweep:
    """The outcome of a sweep.

    Attributes:
        run: name of the run, made of the space and the model version.
        space: what was asked. keep: `front` or `all`. n_sampled: points drawn, 0 for the whole space.
        n_points: points worked out, of which `n_legal` fit their device and `n_allowed` satisfy the constraints too.
        front: records of the Pareto front, in order of their numbers.
        refused: pairs of mapping and device that cannot run, with the reason.
        store: file that holds the run, where there is one.
    """

    run: str
    space: Space
    keep: Keep
    n_sampled: int
    n_points: int
    n_legal: int
    n_allowed: int
    front: Records
    refused: tuple[Refusal, ...]
    store: str = ""

    @property
    def objectives(self) -> tuple[str, ...]:
        """What is minimised."""
        return tuple(expression.text for expression in self.space.minimize)

    def point(self, number: int) -> Point:
        """Return a point of the space by its number."""
        return self.space.point(number)

    def estimate(self, number: int) -> Estimate:
        """Return the single estimate of a point by its number."""
        return self.space.point(number).estimate()

    def records(self, numbers: Sequence[int]) -> Records:
        """Return records of any points of the space by their numbers."""
        import numpy as np

        return Evaluator(self.space).records(np.asarray(numbers, dtype=np.int64))

    def to_records(self) -> list[dict[str, Any]]:
        """Return the front as one flat row per point."""
        return records_to_rows(self.front)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "run": self.run,
            "model_version": MODEL_VERSION,
            "space": self.space.to_dict(),
            "keep": self.keep,
            "n_sampled": self.n_sampled,
            "n_points": self.n_points,
            "n_legal": self.n_legal,
            "n_allowed": self.n_allowed,
            "objectives": list(self.objectives),
            "front": self.to_records(),
            "refused": [{"mapping": r.mapping, "device": r.device, "reason": r.reason} for r in self.refused],
        }

    def to_dataframe(self) -> Any:
        """Return the front as a pandas frame (extra `frames`)."""
        return to_frame(self.front)


def records_to_rows(records: Records) -> list[dict[str, Any]]:
    """Return structured records as dictionaries of plain values."""
    names = records.dtype.names or ()
    return [dict(zip(names, row, strict=True)) for row in records.tolist()]


def to_frame(records: Records) -> Any:
    """Return structured records as a pandas frame.

    Raises:
        MissingHardwareError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingHardwareError("pandas is not installed. Install it with: pip install 'attnscope[frames]'") from None
    return pandas.DataFrame(records)


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
    refused = tuple(Refusal(c.group.mapping.name, c.group.device.name, c.refusal) for c in job.check())
    run = run_name(job)
    n_workers = n_workers or os.cpu_count() or 1
    if store is None:
        found = _in_memory(job, n_workers, progress)
    else:
        with Store(store) as base:
            found = _in_store(job, run, base, n_workers, progress)
    if not found.n_allowed:
        raise UsageError(_nothing_found(job, found))
    front = job.evaluator.records(found.numbers)
    where = str(store) if store is not None else ""
    return Sweep(
        run, spec, keep, job.n_sampled, job.n_points, found.n_legal, found.n_allowed, front, refused, where
    )


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
            f"{where}: the space has {size:.3g} points; at 50 M points/s they take {days:,.0f} days. Draw a sample with "
            "--sample 1000000 (sample=1_000_000), or take fewer values on an axis."
        )
    if job.keep == "all" and job.n_points > MOST_KEPT:
        raise UsageError(
            f"{where}: keeping all {job.n_points:,} points would take about {format_bytes(150 * job.n_points)}; at most "
            f"{MOST_KEPT:,} are kept. Keep the front only (keep='front'), or draw a sample."
        )


def _nothing_found(job: Job, found: Found) -> str:
    where, n = job.space.where, job.n_points
    if not found.n_legal:
        reason = "no mapping fits its device anywhere. Give the buffer more capacity or the heads less width."
    else:
        texts = ", ".join(repr(expression.text) for expression in job.space.constraints)
        reason = f"{found.n_legal:,} are legal, but none satisfies all constraints ({texts}). Relax one of them."
    return f"{where}: of {n:,} points {reason}" if found.n_legal else f"{where}: of {n:,} points none is legal: {reason}"


def _in_memory(job: Job, n_workers: int, progress: bool) -> Found:
    found = NOTHING
    with progress_bar(job.space.title, job.n_points, 0, progress) as report:
        for segment, part, _ in _worked(job, iter(range(job.n_segments)), lambda: found, n_workers):
            found = merged([found, part])
            report(_length(job, segment))
    return found


def _in_store(job: Job, run: str, base: Store, n_workers: int, progress: bool) -> Found:
    base.start(run, {**job.space.to_dict(), "n_sampled": job.n_sampled}, job.keep, job.n_points, job.n_segments)
    state = base.progress(run)
    found = state.found
    already = int(job.n_points * state.n_done / max(1, state.n_segments))
    try:
        with progress_bar(job.space.title, job.n_points, already, progress) as report:
            while state.n_done < state.n_segments:
                found = _share(job, run, base, n_workers, report, found)
                state = base.progress(run)
                if state.n_done < state.n_segments:
                    time.sleep(0.2)  # the rest is in the hands of other processes
    except BaseException:
        base.release(run)
        raise
    return state.found


def _share(job: Job, run: str, base: Store, n_workers: int, report: Any, found: Found) -> Found:
    """Work on segments until none is free; save what is done once a second, and at the end."""
    state = {"front": found}
    waiting: list[tuple[int, Found, bytes]] = []
    last_s = time.monotonic()

    def save() -> None:
        if waiting:
            parts = merged([part for _, part, _ in waiting])
            points = {segment: data for segment, _, data in waiting if data}
            state["front"] = base.save(run, [segment for segment, _, _ in waiting], parts, points)
            waiting.clear()

    try:
        for segment, part, data in _worked(job, _claimed(base, run, n_workers), lambda: state["front"], n_workers):
            waiting.append((segment, part, data))
            report(_length(job, segment))
            if time.monotonic() - last_s > _COMMIT_S:
                save()
                last_s = time.monotonic()
    except KeyboardInterrupt:
        save()
        raise
    save()
    return state["front"]


def _claimed(base: Store, run: str, n_workers: int) -> Iterator[int]:
    while True:
        segments = base.claim(run, 2 * n_workers)
        if not segments:
            return
        yield from segments


def _length(job: Job, segment: int) -> int:
    lo, hi = job.span(segment)
    return hi - lo


def _worked(job: Job, segments: Iterator[int], front: Any, n_workers: int) -> Iterator[tuple[int, Found, bytes]]:
    """Work on segments in `n_workers` threads; yield each with its outcome, in order."""
    queue: list[tuple[int, Future[tuple[Found, bytes]]]] = []
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            for segment in segments:
                queue.append((segment, pool.submit(job.work, segment, front())))
                if len(queue) > n_workers:
                    number, future = queue.pop(0)
                    yield number, *future.result()
            for number, future in queue:
                yield number, *future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
