"""Runs all benchmarks but the long ones, and makes their page: `make bench`."""

import pathlib
import subprocess
import sys

import page

FOLDER = pathlib.Path(__file__).parent
HELPERS = ("against.py", "bare_runtime.py", "measuring.py", "page.py", "precision.py")
HELPERS += ("peer.py", "run_all.py", "search_servers.py")
# Started by hand: they take long, or want CamVid, a run, or other environments.
LONG = (
    "bare_environments.py",
    "peers.py",
    "recipe.py",
    "search_proof.py",
    "search_quality.py",
    "serving_soak.py",
)


def main() -> int:
    """Returns the number of benchmarks that failed."""
    failed = 0
    for path in sorted(FOLDER.glob("*.py")):
        if path.name not in HELPERS + LONG:
            print(f"\n== {path.name}", flush=True)
            failed += subprocess.run([sys.executable, path], check=False).returncode > 0
    page.main()
    return failed


if __name__ == "__main__":
    sys.exit(main())
