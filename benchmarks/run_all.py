"""Runs every benchmark, one after the other: `make bench`."""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
HELPERS = ("against.py", "measuring.py", "run_all.py", "search_servers.py")


def main() -> int:
    """Returns the number of benchmarks that failed."""
    failed = 0
    for path in sorted(FOLDER.glob("*.py")):
        if path.name not in HELPERS:
            print(f"\n== {path.name}", flush=True)
            failed += subprocess.run([sys.executable, path], check=False).returncode > 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
