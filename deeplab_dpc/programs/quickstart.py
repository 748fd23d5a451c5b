r"""The quick start: from nothing to an exported model, by the commands one would type.

make quickstart

Renders a data set, converts it, trains a small DPC model, scores, draws and exports it
and, in a clone, calls the export from a process without this package. Everything lies
in `quickstart/`. Stopped, it goes on at the stage where it was; a finished one, or one
with other flags, is made anew.
"""

import json
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.programs import command_line

_MARK = ".made-by-quickstart"


STAGES = (
    (
        "Render street scenes",
        "deeplab-dpc render-scenes --output_dir={folder}/scenes "
        "--num_train={num_train} --num_val={num_val}",
    ),
    (
        "Convert them to TFRecord",
        "deeplab-dpc convert folder --image_dir={folder}/scenes/images "
        "--label_dir={folder}/scenes/labels --list_dir={folder}/scenes/lists "
        "--classes_json={folder}/scenes/classes.json "
        "--output_dir={folder}/records --name=scenes",
    ),
    (
        "Train",
        "deeplab-dpc train --flagfile=quickstart.flags "
        "--dataset_dir={folder}/records --train_logdir={folder}/run {steps}",
    ),
    ("Score", "deeplab-dpc eval --checkpoint_dir={folder}/run"),
    ("Draw", "deeplab-dpc vis --checkpoint_dir={folder}/run --max_number_of_images=6"),
    ("Export", "deeplab-dpc export --checkpoint_dir={folder}/run"),
)
"""Title and command, each what a user would type for data of their own."""
IN_A_CLONE = (
    "Call the export, without this package",
    "python {example} {folder}/run/export "
    "{folder}/scenes/images/val_00000.jpg --output_dir={folder}/called",
)
EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "call_saved_model.py"
_STARTS = {
    "deeplab-dpc": (sys.executable, "-m", "deeplab_dpc.programs.main"),
    "python": (sys.executable,),
}


def commands(
    folder: pathlib.Path, steps: int | None, images: int
) -> list[tuple[str, list[str]]]:
    """Title and arguments of each stage; a sixth as many scenes are for scoring.
    Without `steps`, those of the flagfile are made.
    """
    values = {
        "example": shlex.quote(str(_shown(EXAMPLE))),
        "folder": shlex.quote(str(folder)),
        "num_train": images,
        "num_val": max(1, images // 6),
        "steps": f"--training_number_of_steps={steps}" if steps else "",
    }
    stages = (*STAGES, IN_A_CLONE) if EXAMPLE.is_file() else STAGES
    return [(title, shlex.split(text.format(**values))) for title, text in stages]


def _shown(path: pathlib.Path) -> pathlib.Path:
    """A path as it is typed here."""
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    given: dict[str, Any] = {"lower_bound": 1, "flag_values": values}
    text = "Folder that is made anew."
    flags.DEFINE_string("folder", "quickstart", text, flag_values=values)
    text = "Training steps; by default quickstart.flags says."
    flags.DEFINE_integer("steps", None, text, **given)
    flags.DEFINE_integer("images", 240, "Scenes to train on.", **given)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the stages that are left and prints what was made."""
    del argv
    shown = _shown(pathlib.Path(values.folder).absolute())
    folder = shown.absolute()
    todo = commands(shown, values.steps, values.images)
    took_s = _begin(folder, [command for _, command in todo])
    for number, (title, command) in enumerate(todo, start=1):
        if title in took_s:
            print(f"[{number}/{len(todo)}] {title}: done before.")
            continue
        print(f"\n[{number}/{len(todo)}] {title}")
        print(f"$ {shlex.join(command)}\n", flush=True)
        began_s = time.monotonic()
        if code := _exit_code(command):
            print(f"\nStopped ({code}). The same command goes on from here.")
            sys.exit(code)
        took_s[title] = time.monotonic() - began_s
        note = {"commands": [command for _, command in todo], "took_s": took_s}
        files.write_json(folder / _MARK, note)
    print(_summary(shown, took_s))


def _exit_code(command: list[str]) -> int:
    """Runs a stage, which alone answers Ctrl-C: training saves what it has."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([*_STARTS[command[0]], *command[1:]]).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(folder: pathlib.Path, todo: list[list[str]]) -> dict[str, float]:
    """The stages that were done before with the same commands, and their seconds;
    without any, the folder is made anew, unless what it holds is not the quick start's.
    """
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise app.UsageError(
            f"--folder={folder} holds something else; name a new folder, or empty it."
        )
    try:
        note = files.read_json(mark)
        if note["commands"] == todo and len(note["took_s"]) < len(todo):
            return dict(note["took_s"])
    except (OSError, ValueError, LookupError, TypeError):
        pass  # Of no run before, or of one that wrote no such note.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files.write_json(mark, {"commands": todo, "took_s": {}})
    return {}


def _summary(folder: pathlib.Path, took_s: dict[str, float]) -> str:
    run = folder / "run"
    scores = json.loads(next((run / "eval").glob("*.json")).read_text())
    rows = [
        ("data set", folder / "records", "images and labels in scenes/"),
        ("run folder", run, "config.json, checkpoints, TensorBoard logs"),
        ("scores", run / "eval", f"mIoU {100 * scores['miou']:.1f} % on val"),
        ("pictures", run / "vis", "image, prediction, overlay, ground truth"),
        ("SavedModel", run / "export", "for TensorFlow Serving or tf.saved_model.load"),
    ]
    if EXAMPLE.is_file():
        note = "made without this package"
        rows.append(("its predictions", folder / "called", note))
    lines = ["", "What was made", ""]
    lines += [f"  {name:16s} {path!s:26s} {note}" for name, path, note in rows]
    lines += ["", "What it took", ""]
    lines += [f"  {title:38s} {t:5.0f} s" for title, t in took_s.items()]
    lines += [f"  {'All':38s} {sum(took_s.values()):5.0f} s"]
    lines += [
        "",
        f"Look at {run / 'vis'} first. README.md says how to use your own data.",
    ]
    return "\n".join(lines)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)


if __name__ == "__main__":
    run()
