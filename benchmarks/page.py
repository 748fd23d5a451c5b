"""g3doc/benchmarks.md, from the rows in benchmarks/results.

python benchmarks/page.py
"""

import ast
import csv
import os
import pathlib
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from deeplab_dpc import files  # noqa: E402

FOLDER = pathlib.Path(__file__).parent
PAGE = FOLDER.parent / "g3doc" / "benchmarks.md"
MACHINE = ("benchmark", "rounds", "repeats", "load", "cpus", "tensorflow", "keras")
MOST_ROWS = 60
HEAD = """# Benchmarks

Made of the rows in [benchmarks/results](../benchmarks/results) by
`python benchmarks/page.py`, which `make bench` ends with. A ratio is of times that were
taken in turn in one run, so that what else the machine does slows both alike; a time
alone is of that machine at that moment. Processor time (`cpu_ms`) is summed over cores.
What was tried, and what came of it: [the log](performance_log.md).
"""


def main() -> None:
    """Writes the page."""
    files.write(PAGE, text(FOLDER))


def text(folder: pathlib.Path) -> str:
    """The page of the programs in a folder and the rows in its `results`."""
    return "\n".join([HEAD, *_sections(folder)])


def _sections(folder: pathlib.Path) -> Iterator[str]:
    """A section for each program that has rows of its name."""
    for path in sorted((folder / "results").glob("*.csv")):
        program = folder / f"{path.stem}.py"
        if program.is_file():
            told = (ast.get_docstring(ast.parse(program.read_text())) or "").split("\n")
            yield f"## {path.stem}\n\n{told[0]}\n\n{_rows(path)}"


def _rows(path: pathlib.Path) -> str:
    """The rows as a table, what is common to all below; of too many, where they are."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) > MOST_ROWS:
        return f"[{len(rows)} rows](../benchmarks/results/{path.name})\n"
    common = {k for k in rows[0] if k in MACHINE and len({r[k] for r in rows}) == 1}
    names = [name for name in rows[0] if name not in common]
    lines = [names, ["---"] * len(names), *([row[n] for n in names] for row in rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    shown = ", ".join(f"{k} {rows[0][k]}" for k in MACHINE[1:] if k in common)
    return f"{table}\n{shown}.\n"


if __name__ == "__main__":
    main()
