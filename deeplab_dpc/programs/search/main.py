r"""Searches for a dense prediction cell on one's own data (Chen et al., 2018).

    python search.py cache --dataset_dir=records/city --cache_dir=caches/city \
        --tf_initial_checkpoint=imagenet --train_crop_size=513,513
    python search.py run --cache_dir=caches/city --search_dir=searches/city
    python search.py rerank --search_dir=searches/city --top=50
    python search.py report --search_dir=searches/city

cache      computes the backbone's features once
run        tries cells on the cached features; start it as often as there are cores
baselines  trains the published cell, ASPP and random cells with the same budget
rerank     trains the best cells whole, and writes best_cell.json
confirm    trains finalists under many seeds, and opens the test split once
fidelity   how well scores on the cache predict those of whole training (Figure 3)
report     one HTML page with plots and tables, also while the search runs
serve      lets other machines share a study through this one

`search.py <command> --help` lists a command's flags, `search.py --helpfull` those of
all.
"""

import importlib
import sys
from types import ModuleType

from absl import flags

from deeplab_dpc.programs import command_line
from deeplab_dpc.training import interruption

COMMANDS = (
    *("cache", "run", "baselines", "rerank", "confirm", "fidelity", "report"),
    "serve",
)
"""Each is a module of this folder with `define_flags` and a `main`, of flag values."""


def run() -> None:
    """Runs the program from the command line."""
    if sys.argv[1:] == ["--helpfull"]:
        command_line.tell(_help())
        sys.exit(0)
    program = _program(command_line.taken_command(COMMANDS, __doc__ or ""))
    program.define_flags(flags.FLAGS)
    topics = getattr(program, "TOPICS", None)
    try:
        command_line.run(lambda _: _run(program), program.__doc__, topics)
    except interruption.Stopped as e:
        print(e, file=sys.stderr)
        sys.exit(128 + e.signum)


def _run(program: ModuleType) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # The commands tell more.
    program.main(flags.FLAGS)


def _help() -> str:
    """What the program does, and the flags of each command."""
    text = __doc__ or ""
    for name in COMMANDS:
        values = flags.FlagValues()
        _program(name).define_flags(values)
        text += f"\nFlags of search.py {name}:\n{values.get_help()}"
    return text


def _program(name: str) -> ModuleType:
    return importlib.import_module(f"deeplab_dpc.programs.search.{name}")


if __name__ == "__main__":
    run()
