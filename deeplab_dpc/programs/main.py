"""The command `deeplab-dpc`: one name for all programs.

deeplab-dpc <command> [flags]
"""

import importlib
import sys

COMMANDS = {
    "train": ("train", "Trains a model; the run folder keeps everything about it."),
    "eval": ("eval", "Scores a trained model on a split."),
    "vis": ("vis", "Draws what a trained model predicts."),
    "export": ("export_model", "Writes a trained model as a SavedModel."),
    "convert-checkpoint": (
        "convert_checkpoint",
        "Makes a run folder of a TF1 checkpoint of the original, and back.",
    ),
    "inspect": ("inspect", "Tells what is in a folder of records, and checks them."),
    "describe": ("describe", "Tells what a model consists of and what it costs."),
    "search": ("search.main", "Searches for a dense prediction cell."),
}
"""The program of each command, and what it does."""


def run() -> None:
    """Runs the program that the command line names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "-h", "help", "--help", "--helpfull"):
        commands = [
            f"  {command:20s} {does}" for command, (_, does) in COMMANDS.items()
        ]
        print(
            "usage: deeplab-dpc <command> [flags]\n",
            *commands,
            "\n`deeplab-dpc <command> --help` tells a command's flags.",
            sep="\n",
            file=sys.stdout if name else sys.stderr,
        )
        sys.exit(0 if name else 1)
    if name not in COMMANDS:
        print(
            f"deeplab-dpc: {name!r} is no command; there are {', '.join(COMMANDS)}. "
            "`deeplab-dpc --help` tells what each does.",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.argv[:2] = [f"deeplab-dpc {name}"]
    importlib.import_module(f"deeplab_dpc.programs.{COMMANDS[name][0]}").run()


if __name__ == "__main__":
    run()
