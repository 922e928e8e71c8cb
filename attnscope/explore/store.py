"""The result store: one SQLite file that survives a crash, takes several processes, and knows which model made it.

A run is cut into segments. A process claims free segments, works them out, and writes what it found together with the
mark that they are done, in one transaction; so a killed process loses only what it had not yet written.
"""

import io
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError, did_you_mean
from attnscope.explore.stream import NOTHING, Found, merged
from attnscope.simulator.estimate import MODEL_VERSION

STORE_SCHEMA = 1
FREE, CLAIMED, DONE = 0, 1, 2
STALE_S = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, number INTEGER, title TEXT, space TEXT, keep TEXT, n_points INTEGER,
    front BLOB, front_rows BLOB);
CREATE TABLE IF NOT EXISTS segments (
    run TEXT, segment INTEGER, state INTEGER, owner TEXT, seen_s REAL, points BLOB, PRIMARY KEY (run, segment));
CREATE INDEX IF NOT EXISTS free_segments ON segments (run, state, segment);
"""


class StoreError(UsageError):
    """A store that cannot be used: of another model version, not a store, or on a full disk."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: segments done of all, and its front so far."""

    n_segments: int
    n_done: int
    found: Found


class Store:
    """A result store on disk. Use it as a context manager."""

    def __init__(self, path: str | Path, *, must_exist: bool = False) -> None:
        """Open the store at `path`, or make it.

        Raises:
            StoreError: no such file where one is wanted, not a store, or written by another model version.
        """
        self.path = Path(path)
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        if must_exist and not self.path.is_file():
            raise StoreError(f"{path}: no such store. Make one with `attnscope sweep SPACE.toml -o {path}`.")
        if not self.path.parent.is_dir():
            raise StoreError(f"{path}: the folder {self.path.parent} does not exist. Make it first.")
        self.base: Any = sqlite3.connect(self.path, timeout=60.0, isolation_level=None, check_same_thread=False)
        try:
            with self._guard("opening the store"):
                self._prepare()
        except BaseException:
            self.base.close()
            raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.base.close()

    def _prepare(self) -> None:
        self.base.execute("PRAGMA journal_mode = WAL")
        self.base.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            for statement in _TABLES.split(";"):
                self.base.execute(statement)
            self.base.execute("INSERT OR IGNORE INTO meta VALUES ('model_version', ?)", (MODEL_VERSION,))
            self.base.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(STORE_SCHEMA),))
        found = dict(self.base.execute("SELECT key, value FROM meta").fetchall())
        for key, ours, what in (
            ("model_version", MODEL_VERSION, "model version"),
            ("schema", str(STORE_SCHEMA), "store schema"),
        ):
            if found[key] != ours:
                raise StoreError(
                    f"{self.path}: was written by {what} {found[key]}; this is {what} {ours}. Their figures do not "
                    f"mix. Give another file, or read this one with attnscope {found['model_version']}."
                )

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Say in words what SQLite reports."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise StoreError(
                    f"{self.path}: the disk is full while {doing}. Everything saved before is intact; free some space "
                    "and run the same line again to go on from there."
                ) from None
            if "locked" in str(error):
                raise StoreError(
                    f"{self.path}: another process holds the store for over a minute. Try again."
                ) from None
            raise StoreError(f"{self.path}: {error} while {doing}.") from None
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path}: is not a result store ({error}). Give another file name.") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.base.execute("COMMIT")
        except BaseException:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise

    def start(self, run: str, space: Mapping[str, Any], keep: str, n_points: int, n_segments: int) -> None:
        """Enter a run unless it is there, and free the segments of processes that are gone."""
        with self._guard("entering the run"), self._transaction():
            known = self.base.execute("SELECT 1 FROM runs WHERE run = ?", (run,)).fetchone()
            if not known:
                number = self.base.execute("SELECT coalesce(max(number), 0) + 1 FROM runs").fetchone()[0]
                row = (run, number, space["title"], json.dumps(space), keep, n_points, _packed(NOTHING))
                self.base.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
                rows = ((run, segment, FREE) for segment in range(n_segments))
                self.base.executemany("INSERT INTO segments (run, segment, state) VALUES (?, ?, ?)", rows)
            self._free_orphans(run, mine=True)

    def free_orphans(self, run: str) -> None:
        """Free the segments of processes that are gone."""
        with self._guard("freeing segments"), self._transaction():
            self._free_orphans(run, mine=False)

    def _free_orphans(self, run: str, mine: bool) -> None:
        owners = self.base.execute(
            "SELECT owner, max(seen_s) FROM segments WHERE run = ? AND state = ? GROUP BY owner", (run, CLAIMED)
        ).fetchall()
        for owner, seen_s in owners:
            if mine if owner == self.owner else _gone(owner, seen_s):
                self.base.execute(
                    "UPDATE segments SET state = ?, owner = NULL WHERE run = ? AND state = ? AND owner = ?",
                    (FREE, run, CLAIMED, owner),
                )

    def claim(self, run: str, count: int) -> list[int]:
        """Return up to `count` free segments, which are ours from now on."""
        with self._guard("claiming segments"), self._transaction():
            rows = self.base.execute(
                "SELECT segment FROM segments WHERE run = ? AND state = ? ORDER BY segment LIMIT ?", (run, FREE, count)
            ).fetchall()
            now_s = time.time()
            self.base.executemany(
                "UPDATE segments SET state = ?, owner = ?, seen_s = ? WHERE run = ? AND segment = ?",
                [(CLAIMED, self.owner, now_s, run, segment) for (segment,) in rows],
            )
        return [segment for (segment,) in rows]

    def release(self, run: str) -> None:
        """Give back what this process has claimed and not done."""
        with self._guard("giving segments back"), self._transaction():
            self.base.execute(
                "UPDATE segments SET state = ?, owner = NULL WHERE run = ? AND state = ? AND owner = ?",
                (FREE, run, CLAIMED, self.owner),
            )

    def save(self, run: str, done: Sequence[int], found: Found, points: Mapping[int, bytes]) -> Found:
        """Mark segments as done together with what was found in them; return the front of the whole run so far."""
        with self._guard(f"saving {len(done)} segments"), self._transaction():
            mine = [
                segment
                for segment in done
                if self.base.execute(
                    "SELECT state FROM segments WHERE run = ? AND segment = ?", (run, segment)
                ).fetchone()[0]
                != DONE
            ]
            if len(mine) != len(done):  # another process took this one for dead and did its work
                raise StoreError(
                    f"{self.path}: another process finished segments of this one, which was out of touch for over "
                    f"{STALE_S:.0f} s. Run the same line again to join in."
                )
            whole = merged([self._front(run), found])
            self.base.execute("UPDATE runs SET front = ? WHERE run = ?", (_packed(whole), run))
            self.base.executemany(
                "UPDATE segments SET state = ?, owner = NULL, seen_s = NULL, points = ? WHERE run = ? AND segment = ?",
                [(DONE, points.get(segment), run, segment) for segment in mine],
            )
            self.base.execute(
                "UPDATE segments SET seen_s = ? WHERE run = ? AND state = ? AND owner = ?",
                (time.time(), run, CLAIMED, self.owner),
            )
        return whole

    def progress(self, run: str) -> Progress:
        """Return how far the run is."""
        with self._guard("reading the run"):
            done, total = self.base.execute(
                "SELECT coalesce(sum(state = ?), 0), count(*) FROM segments WHERE run = ?", (DONE, run)
            ).fetchone()
            return Progress(total, done, self._front(run))

    def _front(self, run: str) -> Found:
        return _unpacked(self.base.execute("SELECT front FROM runs WHERE run = ?", (run,)).fetchone()[0])

    def runs(self) -> dict[str, str]:
        """Return the titles of the runs by their names, oldest first."""
        return dict(self.base.execute("SELECT run, title FROM runs ORDER BY number").fetchall())

    def find(self, run: str | None) -> str:
        """Return the run of that name or title, the newest where none is given.

        Raises:
            StoreError: the store is empty or has no such run; suggests the nearest.
        """
        known = self.runs()
        if not known:
            raise StoreError(
                f"{self.path}: has no runs yet. Make one with `attnscope sweep SPACE.toml -o {self.path}`."
            )
        if run is None:
            return list(known)[-1]
        matches = [name for name, title in known.items() if name.startswith(run) or title == run]
        if not matches:
            names = [*known, *known.values()]
            raise StoreError(f"{self.path}: no run {run!r}.{did_you_mean(run, names)} Runs: {', '.join(names)}.")
        return matches[-1]

    def header(self, run: str) -> tuple[dict[str, Any], str, int]:
        """Return the space of a run as plain values, what it keeps, and its number of points."""
        text, keep, n_points = self.base.execute(
            "SELECT space, keep, n_points FROM runs WHERE run = ?", (run,)
        ).fetchone()
        return json.loads(text), keep, n_points

    def points(self, run: str) -> Iterator[tuple[int, bytes]]:
        """Yield number and stored points of each segment that is done, in order."""
        yield from self.base.execute(
            "SELECT segment, points FROM segments WHERE run = ? AND state = ? AND points IS NOT NULL ORDER BY segment",
            (run, DONE),
        )

    def keep_front_rows(self, run: str, data: bytes) -> None:
        """Keep the metrics of the finished front, so that readers need no model."""
        with self._guard("saving the front"), self._transaction():
            self.base.execute("UPDATE runs SET front_rows = ? WHERE run = ?", (data, run))

    def front_rows(self, run: str) -> bytes | None:
        """Return what `keep_front_rows` kept, None while the run is not finished."""
        found: tuple[bytes | None] = self.base.execute("SELECT front_rows FROM runs WHERE run = ?", (run,)).fetchone()
        return found[0]


def _gone(owner: str, seen_s: float | None) -> bool:
    """Whether the process that claimed segments is dead, or has not been heard of for a minute."""
    host, _, pid = owner.rpartition(":")
    if host == socket.gethostname():
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return time.time() - (seen_s or 0.0) > STALE_S


def _packed(found: Found) -> bytes:
    out = io.BytesIO()
    np.savez(out, values=found.values, numbers=found.numbers, counts=np.array([found.n_legal, found.n_allowed]))
    return out.getvalue()


def _unpacked(data: bytes) -> Found:
    with np.load(io.BytesIO(data)) as parts:
        counts: NDArray[np.int64] = parts["counts"]
        return Found(parts["values"], parts["numbers"], int(counts[0]), int(counts[1]))
