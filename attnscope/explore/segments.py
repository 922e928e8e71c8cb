"""A sweep cut into segments: what one of them covers, and how it is worked out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from attnscope.explore.compiled import Compiled, refuse_nowhere
from attnscope.explore.front import pareto_front
from attnscope.explore.records import Evaluator, Ints, Rows, objectives_of
from attnscope.explore.sampling import sample_numbers
from attnscope.explore.space import Space
from attnscope.explore.stream import NOTHING, Found, Streamer

STREAM_POINTS = 1 << 23
STORED_POINTS = 1 << 16


@dataclass(frozen=True)
class Job:
    """What a sweep works out: the front of the whole space, all its points, or a sample of `n_sampled` points."""

    space: Space
    keep: str
    n_sampled: int = 0
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "evaluator", Evaluator(self.space))

    @property
    def n_points(self) -> int:
        """Points to work out."""
        return self.n_sampled or self.space.size

    @property
    def streamed(self) -> bool:
        """Whether points are worked out by the streaming loop, which keeps only the front."""
        return self.keep == "front" and not self.n_sampled

    @cached_property
    def streamers(self) -> Mapping[int, Streamer]:
        """The groups that can run, ready for streaming."""
        ready = [self.evaluator.compiled(group) for group in self.space.groups]
        return {one.group.number: Streamer(one) for one in ready if not one.refusal}

    def check(self) -> tuple[Compiled, ...]:
        """Trace every group; return those that were refused.

        Raises:
            UsageError: none can run, or the constraints hold nowhere.
        """
        compiled = [self.evaluator.compiled(group) for group in self.space.groups]
        refuse_nowhere(compiled)
        return tuple(one for one in compiled if one.refusal)

    @property
    def n_segments(self) -> int:
        """Segments of the job."""
        if not self.streamed:
            return -(-self.n_points // STORED_POINTS)
        return len(self.space.groups) * self._per_group

    @property
    def _per_group(self) -> int:
        return -(-self.space.points_per_group // STREAM_POINTS)

    def span(self, segment: int) -> tuple[int, int]:
        """Return the first point of a segment and the one after its last; positions in the sample for a sample."""
        if not self.streamed:
            return segment * STORED_POINTS, min(self.n_points, (segment + 1) * STORED_POINTS)
        group, part = divmod(segment, self._per_group)
        first, n = group * self.space.points_per_group, self.space.points_per_group
        return first + part * STREAM_POINTS, first + min(n, (part + 1) * STREAM_POINTS)

    def work(self, segment: int, front: Found) -> tuple[Found, bytes]:
        """Work out a segment; return what it adds to the front, and its points where all are kept."""
        return (self._stream(segment, front), b"") if self.streamed else self._store(segment)

    def _stream(self, segment: int, front: Found) -> Found:
        lo, hi = self.span(segment)
        group, first = divmod(lo, self.space.points_per_group)
        streamer = self.streamers.get(group)
        if streamer is None:
            return NOTHING
        # Only points with lower numbers may drop others at sight: of equal points the one with the lowest number stays.
        known = front.values[front.numbers < lo]
        block = streamer.parts.block
        last = first + hi - lo
        return streamer.run(-(-first // block), -(-last // block), known)

    def _store(self, segment: int) -> tuple[Found, bytes]:
        numbers = self.numbers(segment)
        rows = self.evaluator.rows(numbers)
        return self._front_of(rows), rows.to_bytes() if self.keep == "all" else b""

    def numbers(self, segment: int) -> Ints:
        """Return the points of a segment that is not streamed."""
        lo, hi = self.span(segment)
        return sample_numbers(lo, hi, self.space.size) if self.n_sampled else np.arange(lo, hi)

    def _front_of(self, rows: Rows) -> Found:
        allowed = rows[rows.allowed]
        values = objectives_of(allowed, self.space)
        kept = pareto_front(values, allowed.numbers)
        return Found(values[kept], allowed.numbers[kept], int(rows.legal.sum()), len(allowed))
