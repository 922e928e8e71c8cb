"""Running a sweep: segments in threads, outcomes in order, saved as they come."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from attnscope.explore.progress import Report, progress_bar
from attnscope.explore.segments import Job
from attnscope.explore.store import Store
from attnscope.explore.stream import NOTHING, Found, merged

COMMIT_S = 1.0
_POLL_S = 0.1


def run_in_memory(job: Job, n_workers: int, progress: bool) -> Found:
    """Work out a job and return its front."""
    front = [NOTHING]
    with progress_bar(job.space.title, job.n_points, 0, progress) as report:
        for segment, part, _ in _worked(job, iter(range(job.n_segments)), lambda: front[0], n_workers):
            front[0] = merged([front[0], part])
            report(_length(job, segment))
    return front[0]


def run_in_store(job: Job, run: str, base: Store, n_workers: int, progress: bool) -> Found:
    """Work out what a store lacks of a run, beside other processes that do the same, and return the front."""
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
                    time.sleep(_POLL_S)  # the rest is in the hands of other processes
                    base.free_orphans(run)
    except BaseException:
        base.release(run)
        raise
    return state.found


def _share(job: Job, run: str, base: Store, n_workers: int, report: Report, found: Found) -> Found:
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
            if time.monotonic() - last_s > COMMIT_S:
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


def _worked(
    job: Job, segments: Iterator[int], front: Callable[[], Found], n_workers: int
) -> Iterator[tuple[int, Found, bytes]]:
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
