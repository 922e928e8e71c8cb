"""A trace as it was asked for, with what the reader has to know about it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnscope.workloads.traces import Trace


def find_trace(name: str, reference: Path | None = None) -> "tuple[Trace, tuple[str, ...]]":
    """Return a trace and, where its requests were drawn from statistics, a remark that says so.

    Raises:
        UnknownNameError: no such trace; suggests the nearest.
        SpecError, UsageError: a file that is no trace, or holds no request.
    """
    from attnscope.workloads.traces import load_trace

    found = load_trace(name, reference)
    return found, (f"trace {found.name} is a stand-in: {found.source}",) if found.stand_in else ()
