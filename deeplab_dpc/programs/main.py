"""The command `deeplab-dpc`: one name for all programs."""

import importlib
import sys

from deeplab_dpc.programs import command_line

COMMANDS = {
    "train": ("train", "Trains a model; the run folder keeps everything about it."),
    "eval": ("eval", "Scores a trained model on a split."),
    "vis": ("vis", "Draws what a trained model predicts."),
    "predict": ("predict", "Labels photographs with a trained model."),
    "serve": ("serve", "Serves trained models over HTTP."),
    "export": ("export_model", "Writes a trained model as a SavedModel."),
    "convert": ("convert.main", "Converts images and labels to records."),
    "inspect": ("inspect", "Tells what is in a folder of records, and checks them."),
    "describe": ("describe", "Tells what a model consists of and what it costs."),
    "search": ("search.main", "Searches for a dense prediction cell."),
    "convert-checkpoint": (
        "convert_checkpoint",
        "Makes a run folder of a TF1 checkpoint of the original, and back.",
    ),
    "weights": (
        "weights",
        "Published weights by name: which there are, and their files.",
    ),
    "quickstart": ("quickstart", "From nothing to an exported model, in minutes."),
    "render-scenes": ("render_scenes", "Renders street scenes with labels."),
}
"""The program of each command, and what it does."""


def run() -> None:
    """Runs the program that the command line names."""
    sys.argv[0] = command_line.INSTALLED
    lines = [f"  {command:20s} {does}" for command, (_, does) in COMMANDS.items()]
    text = "\n".join(
        (
            f"usage: {command_line.INSTALLED} <command> [flags]\n",
            *lines,
            f"\n`{command_line.INSTALLED} <command> --help` tells a command's flags.",
        )
    )
    name = command_line.taken_command(COMMANDS, text)
    importlib.import_module(f"deeplab_dpc.programs.{COMMANDS[name][0]}").run()


if __name__ == "__main__":
    run()
