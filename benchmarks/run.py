"""Run every benchmark of this folder, one after another: python benchmarks/run.py [NAME ...]."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the named benchmarks, all where none is named; the worst exit code is the answer."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.stem != "run" and (not names or path.stem in names)]
    worst = 0
    for script in scripts:
        print(f"\n== {script.stem}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, str(script)], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
