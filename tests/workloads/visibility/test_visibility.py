"""The public face."""

import subprocess
import sys

import attnscope.workloads.visibility as visibility


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, attnscope.workloads.visibility as v; "
        "v.tile_statistics(v.Gna((30, 48, 80), (18, 24, 24)), (4, 8, 8), (2, 8, 8)); "
        "print(sorted({'numba', 'matplotlib', 'networkx', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_all_names_exist() -> None:
    assert len(set(visibility.__all__)) == len(visibility.__all__)
    for name in visibility.__all__:
        assert hasattr(visibility, name)
