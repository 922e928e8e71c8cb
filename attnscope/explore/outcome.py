"""The outcome of a sweep as a value, and points in the forms that people use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from attnscope.errors import MissingHardwareError
from attnscope.explore.records import Evaluator, Records
from attnscope.explore.space import Point, Space
from attnscope.mappings.compare import Refusal
from attnscope.simulator.estimate import MODEL_VERSION, Estimate

Keep = Literal["front", "all"]


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

    def records(self, numbers: Sequence[int] | NDArray[Any]) -> Records:
        """Return records of any points of the space by their numbers."""
        return Evaluator(self.space).records(numbers)

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
        import pandas  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise MissingHardwareError(
            "pandas is not installed. Install it with: pip install 'attnscope[frames]'"
        ) from None
    return pandas.DataFrame(records)
