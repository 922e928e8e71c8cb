"""Progress of a long computation on stderr: share done, points per second, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Report = Callable[[int], None]


@contextmanager
def progress_bar(title: str, total: int, done: int, show: bool) -> Iterator[Report]:
    """Show a bar while the block runs; call what is yielded with the number of points done since the last call."""
    if not show:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{(task.finished_speed or task.speed or 0.0) / 1e6:.1f} M points/s")

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.1f}%"), Rate())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda count: bar.advance(task, count)
