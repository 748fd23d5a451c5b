r"""The quick start: from nothing to an exported model, by the commands one would type.

make quickstart

Renders a data set, converts it, trains a small DPC model, scores, draws and exports it,
and calls the export from a process without this package. Everything lies in
`quickstart/`. Stopped, it goes on at the stage where it was; a finished one, or one
with other flags, is made anew.
"""

import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.programs import command_line

_FOLDER = flags.DEFINE_string("folder", "quickstart", "Folder that is made anew.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Training steps; by default flagfiles/quickstart.flags says.",
    lower_bound=1,
)  # fmt: skip
_IMAGES = flags.DEFINE_integer("images", 240, "Scenes to train on.", lower_bound=1)

ROOT = pathlib.Path(__file__).parent.parent.parent
_MARK = ".made-by-quickstart"


STAGES = (
    (
        "Render street scenes",
        "datasets/render_scenes.py --output_dir={folder}/scenes "
        "--num_train={num_train} --num_val={num_val}",
    ),
    (
        "Convert them to TFRecord",
        "datasets/build_folder_data.py --image_dir={folder}/scenes/images "
        "--label_dir={folder}/scenes/labels --list_dir={folder}/scenes/lists "
        "--classes_json={folder}/scenes/classes.json "
        "--output_dir={folder}/records --name=scenes",
    ),
    (
        "Train",
        "train.py --flagfile=flagfiles/quickstart.flags "
        "--dataset_dir={folder}/records --train_logdir={folder}/run {steps}",
    ),
    ("Score", "eval.py --checkpoint_dir={folder}/run"),
    ("Draw", "vis.py --checkpoint_dir={folder}/run --max_number_of_images=6"),
    ("Export", "export_model.py --checkpoint_dir={folder}/run"),
    (
        "Call the export, without this package",
        "examples/call_saved_model.py {folder}/run/export "
        "{folder}/scenes/images/val_00000.jpg --output_dir={folder}/called",
    ),
)
"""Title and command, each what a user would type for data of their own."""


def commands(
    folder: pathlib.Path, steps: int | None, images: int
) -> list[tuple[str, list[str]]]:
    """Title and arguments of each stage; a sixth as many scenes are for scoring.
    Without `steps`, those of the flagfile are made.
    """
    values = {
        "folder": shlex.quote(str(folder)),
        "num_train": images,
        "num_val": max(1, images // 6),
        "steps": f"--training_number_of_steps={steps}" if steps else "",
    }
    return [(title, shlex.split(text.format(**values))) for title, text in STAGES]


def main(argv: Sequence[str]) -> None:
    """Runs the stages that are left and prints what was made."""
    del argv
    folder = pathlib.Path(_FOLDER.value).absolute()
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    todo = commands(shown, _STEPS.value, _IMAGES.value)
    took_s = _begin(folder, [command for _, command in todo])
    for number, (title, command) in enumerate(todo, start=1):
        if title in took_s:
            print(f"[{number}/{len(todo)}] {title}: done before.")
            continue
        print(f"\n[{number}/{len(todo)}] {title}")
        print(f"$ python {shlex.join(command)}\n", flush=True)
        began_s = time.monotonic()
        done = subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
        if done.returncode:
            print(f"\nStopped: this command ended with {done.returncode}.")
            sys.exit(done.returncode)
        took_s[title] = time.monotonic() - began_s
        note = {"commands": [command for _, command in todo], "took_s": took_s}
        files.write_json(folder / _MARK, note)
    print(_summary(shown, took_s))


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
    scores = json.loads(next((ROOT / run / "eval").glob("*.json")).read_text())
    rows = [
        ("data set", folder / "records", "images and labels in scenes/"),
        ("run folder", run, "config.json, checkpoints, TensorBoard logs"),
        ("scores", run / "eval", f"mIoU {100 * scores['miou']:.1f} % on val"),
        ("pictures", run / "vis", "image, prediction, overlay, ground truth"),
        ("SavedModel", run / "export", "for TensorFlow Serving or tf.saved_model.load"),
        ("its predictions", folder / "called", "made without this package"),
    ]
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


if __name__ == "__main__":
    command_line.run(main, help=__doc__)
