"""The rooms: imports run one way, nothing heavy is loaded early, the wheel holds what it should and nothing else."""

import ast
import subprocess
import sys
import zipfile
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

import attnscope

ROOT = Path(attnscope.__file__).resolve().parent
ROOMS = {
    "einsum_cascade": 0,
    "workloads": 1,
    "simulator": 2,
    "mappings": 3,
    "explore": 4,
    "kernels": 4,
    "api": 5,
    "validation": 6,
    "cli": 7,
    "__main__": 8,
}
BASE = ("errors", "units", "specs")  # may be imported by all, and import only each other
HEAVY = ("numba", "matplotlib", "networkx", "numpy", "pydantic", "rich", "pandas", "pyarrow", "dask", "cupy", "scipy")
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and target of every import of attnscope, wherever it stands in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] == "attnscope")
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and str(node.module).split(".")[0] == "attnscope":
            if node.module == "attnscope":
                yield from ((node.lineno, f"attnscope.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, str(node.module)


def refusal(source: str, target: str) -> str:
    """Why the room `source` may not import `target`; empty where it may."""
    here, there = room_of(source), room_of(target)
    if there in BASE or there.startswith("__") or here == there:
        return ""
    if here in BASE:
        return f"{here} imports only {', '.join(BASE)}"
    if there not in ROOMS:
        return f"{there!r} is no room"
    if here and ROOMS[there] >= ROOMS[here]:
        return f"{here} may not import {there}: imports run {' <- '.join(ROOMS)}"
    return ""


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT.parent)}:{line}: {reason}"
        for path in FILES
        for line, target in imports(path)
        if (reason := refusal(module_of(path), target))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_file_lies_in_a_room() -> None:
    strays = [p for p in FILES if room_of(module_of(p)) not in ("", *ROOMS, *BASE)]
    assert not strays


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("attnscope.mappings.spatial.plan", "attnscope.simulator.device", True),
        ("attnscope.simulator.device", "attnscope.mappings.spatial", False),
        ("attnscope.explore.sweep", "attnscope.kernels.launch", False),
        ("attnscope.validation.study", "attnscope.api", True),
        ("attnscope.explore.sweep", "attnscope.api", False),
        ("attnscope.specs", "attnscope.errors", True),
        ("attnscope.units", "attnscope.simulator.device", False),
        ("attnscope.simulator.estimate", "attnscope.__version__", True),
    ],
)
def test_the_rule_itself(source: str, target: str, allowed: bool) -> None:
    assert (refusal(source, target) == "") is allowed


def test_no_relative_imports() -> None:
    relative = [
        f"{path.relative_to(ROOT.parent)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def at_import_time(path: Path, known: Container[str]) -> Iterator[str]:
    """Modules of attnscope that are imported when `path` is, before any function of it is called."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:  # imports under `if TYPE_CHECKING` stand deeper
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in known else str(node.module)


def test_no_module_needs_itself_to_be_imported() -> None:
    known = {module_of(path): path for path in FILES}
    needs = {name: {t for t in at_import_time(path, known) if t in known} - {name} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for target in sorted(needs[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(needs):
        visit(name, ())


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('loaded', *sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("loaded ", 1)[1].split())


def test_importing_attnscope_loads_nothing_heavy() -> None:
    assert not loaded_by("import attnscope; attnscope.__version__; dir(attnscope)") & {*HEAVY}


def test_help_loads_nothing_heavy() -> None:
    call = "from attnscope.cli.main import main\nmain(['--help'], standalone_mode=False)"
    assert not loaded_by(call) & {*HEAVY}


def test_one_estimate_loads_neither_compilers_nor_figures() -> None:
    found = loaded_by("import attnscope; attnscope.estimate('bert', seq_len=1024)")
    assert not found & {"numba", "matplotlib", "networkx", "pandas", "dask", "cupy", "rich", "click"}


def test_public_names_are_there_and_others_are_refused() -> None:
    for name in attnscope.__all__:
        assert getattr(attnscope, name) is not None
    assert {*attnscope.__all__} <= {*dir(attnscope)}
    with pytest.raises(AttributeError, match=r"module 'attnscope' has no attribute 'estimat'. Public names: "):
        attnscope.estimat  # noqa: B018


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in the wheel built from this checkout."""
    builders = pytest.importorskip(
        "hatchling.builders.wheel", reason="hatchling, the build backend, is not installed here"
    )
    if not (ROOT.parent / "pyproject.toml").is_file():
        pytest.skip("not a checkout: there is nothing to build a wheel from")
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = builders.WheelBuilder(str(ROOT.parent)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_the_wheel_owns_one_name(wheel: list[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"attnscope"}
    assert not [name for name in wheel if "test" in name.split("/")[1:2]]


@pytest.mark.parametrize("pattern", ["*.toml", "*.cascade", "*.csv", "*.py"])
def test_the_wheel_holds_every_file_of_the_package(wheel: list[str], pattern: str) -> None:
    here = {str(path.relative_to(ROOT.parent)) for path in ROOT.rglob(pattern)}
    assert here <= {*wheel}
    assert pattern == "*.csv" or here


def test_the_wheel_declares_its_command(wheel: list[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
    assert any(name.endswith("/LICENSE") for name in wheel)
