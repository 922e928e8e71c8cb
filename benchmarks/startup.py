"""How long the command line takes to answer, beside Python's own start in the same run."""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "attnscope --help": ["-m", "attnscope", "--help"],
    "attnscope estimate --help": ["-m", "attnscope", "estimate", "--help"],
    "attnscope estimate bert --seq-len 64K": ["-m", "attnscope", "estimate", "bert", "--seq-len", "64K"],
}


def median_s(arguments: list[str], runs: int = 7) -> float:
    """Median wall time of a fresh process [s]."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the median of each command and its ratio to the bare interpreter."""
    bare = 0.0
    for name, arguments in COMMANDS.items():
        seconds = median_s(arguments)
        bare = bare or seconds
        print(f"{name:40} {seconds * 1e3:8.1f} ms  {seconds / bare:6.1f}x")


if __name__ == "__main__":
    main()
