"""The store: killed, shared, full, of another version - nothing is lost and nothing is mixed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from attnscope.explore import running, segments, store
from attnscope.explore.store import Store, StoreError
from attnscope.explore.sweep import sweep

# A process that works slowly on small segments and saves each at once.
SLOW = """
import sys, time
from attnscope.explore import running, segments
from attnscope.explore.sweep import sweep
running.COMMIT_S, segments.STORED_POINTS, segments.STREAM_POINTS = 0.0, 50, 50
work = segments.Job.work
def slow(self, segment, front):
    time.sleep(0.03)
    return work(self, segment, front)
segments.Job.work = slow
found = sweep(SPACE, store=sys.argv[1], keep=sys.argv[2], n_workers=2)
print(found.front.tobytes().hex())
"""


def _start(small: dict[str, Any], file: Path, keep: str) -> subprocess.Popen[str]:
    code = SLOW.replace("SPACE", repr(small))
    return subprocess.Popen([sys.executable, "-c", code, str(file), keep], stdout=subprocess.PIPE, text=True)


def _n_done(file: Path) -> int:
    try:
        with Store(file, must_exist=True) as base:
            return base.progress(base.find(None)).n_done
    except StoreError:
        return 0


def _wait_for(file: Path, n_done: int) -> None:
    end_s = time.monotonic() + 60
    while _n_done(file) < n_done:
        assert time.monotonic() < end_s, "the sweep did not get anywhere"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "STORED_POINTS", 50)
    monkeypatch.setattr(segments, "STREAM_POINTS", 50)


@pytest.mark.parametrize("keep", ["front", "all"])
def test_a_killed_sweep_goes_on_and_ends_the_same(small: dict[str, Any], tmp_path: Path, keep: Any) -> None:
    file = tmp_path / "run.db"
    process = _start(small, file, keep)
    _wait_for(file, 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = _n_done(file)
    resumed = sweep(small, store=file, keep=keep)
    plain = sweep(small, keep=keep)
    assert before >= 5
    assert resumed.front.tobytes() == plain.front.tobytes()
    assert (resumed.n_legal, resumed.n_allowed) == (plain.n_legal, plain.n_allowed)


def test_two_processes_share_one_store(small: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "run.db"
    processes = [_start(small, file, "front") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0].strip() for process in processes]
    plain = sweep(small).front.tobytes().hex()
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == [plain, plain]
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_interrupted_sweep_keeps_what_is_done(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.db"
    work, calls = segments.Job.work, []

    def interrupted(job: segments.Job, segment: int, front: Any) -> Any:
        calls.append(segment)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return work(job, segment, front)

    monkeypatch.setattr(segments.Job, "work", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(small, store=file, n_workers=1)
    assert 4 <= _n_done(file) < 9
    calls.clear()
    monkeypatch.setattr(segments.Job, "work", work)
    assert sweep(small, store=file).front.tobytes() == sweep(small).front.tobytes()


def test_a_finished_run_is_not_worked_out_again(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sweep(small, store=tmp_path / "run.db")
    monkeypatch.setattr(segments.Job, "work", lambda *_: pytest.fail("worked again"))
    assert sweep(small, store=tmp_path / "run.db").front.tobytes() == first.front.tobytes()


def test_another_space_is_another_run(small: dict[str, Any], tmp_path: Path) -> None:
    sweep(small, store=tmp_path / "run.db")
    sweep({**small, "title": "other", "constraints": []}, store=tmp_path / "run.db")
    with Store(tmp_path / "run.db") as base:
        assert list(base.runs().values()) == ["small", "other"]
        assert base.runs()[base.find("small")] == "small"
        assert base.runs()[base.find(None)] == "other"
        with pytest.raises(StoreError, match=r"no run 'smal'. Did you mean 'small'"):
            base.find("smal")


def test_another_model_version_is_refused(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.db"
    sweep(small, store=file)
    monkeypatch.setattr(store, "MODEL_VERSION", "9.9.9")
    with pytest.raises(StoreError) as caught:
        sweep(small, store=file)
    text = str(caught.value)
    assert "was written by model version 0.1.0; this is model version 9.9.9. Their figures do not mix." in text
    assert "Give another file, or read this one with attnscope 0.1.0." in text


def test_a_full_disk_loses_nothing(small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.db"
    monkeypatch.setattr(running, "COMMIT_S", 0.0)
    prepare = Store._prepare

    def small_disk(self: Store) -> None:
        prepare(self)
        pages = self.base.execute("PRAGMA page_count").fetchone()[0]
        self.base.execute(f"PRAGMA max_page_count = {pages + 6}")

    monkeypatch.setattr(Store, "_prepare", small_disk)
    with pytest.raises(StoreError) as caught:
        sweep(small, store=file, keep="all", n_workers=1)
    assert "the disk is full while saving" in str(caught.value)
    assert "Everything saved before is intact; free some space and run the same line again" in str(caught.value)
    monkeypatch.setattr(Store, "_prepare", prepare)
    assert _n_done(file) > 0
    assert sweep(small, store=file, keep="all").front.tobytes() == sweep(small).front.tobytes()


def test_files_that_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match=r"text.db: is not a result store .* Give another file name"):
        Store(tmp_path / "text.db")
    with pytest.raises(StoreError, match=r"none.db: no such store. Make one with `attnscope sweep SPACE.toml -o"):
        Store(tmp_path / "none.db", must_exist=True)
    with pytest.raises(StoreError, match=r"the folder .*nowhere does not exist. Make it first"):
        Store(tmp_path / "nowhere" / "run.db")
    with Store(tmp_path / "new.db") as base, pytest.raises(StoreError, match=r"has no runs yet"):
        base.find(None)


def test_segments_of_a_dead_process_are_free_again(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with Store(tmp_path / "run.db") as base:
        base.start("r", {"title": "t"}, "front", 10, 3)
        base.owner = f"{base.owner.rpartition(':')[0]}:{dead.pid}"
        assert base.claim("r", 2) == [0, 1]
        base.owner = f"{base.owner.rpartition(':')[0]}:{os.getppid()}"
        assert base.claim("r", 2) == [2]
        assert base.claim("r", 2) == []
        base.free_orphans("r")
        assert base.claim("r", 5) == [0, 1]
