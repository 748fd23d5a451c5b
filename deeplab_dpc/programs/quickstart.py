r"""The quick start: from nothing to an exported model, by the commands one would type.

make quickstart

Renders a data set, converts it, trains a small DPC model, scores, draws and exports it,
and calls the export from a process without this package. Everything lies in
`quickstart/`, which is made anew each time.
"""

import dataclasses
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc.programs import running

_FOLDER = flags.DEFINE_string("folder", "quickstart", "Folder that is made anew.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Training steps; by default flagfiles/quickstart.flags says.",
    lower_bound=1,
)  # fmt: skip
_IMAGES = flags.DEFINE_integer("images", 240, "Scenes to train on.", lower_bound=1)

ROOT = pathlib.Path(__file__).parent.parent.parent
_MARK = ".made-by-quickstart"


@dataclasses.dataclass(frozen=True)
class Stage:
    """One command and what it is for."""

    title: str
    command: list[str]


def stages(folder: pathlib.Path, steps: int | None, images: int) -> list[Stage]:
    """The commands, in order; each is what a user would type for data of their own."""
    scenes, records, run = folder / "scenes", folder / "records", folder / "run"
    num_val = max(1, images // 6)
    called = min(2, num_val)
    return [
        Stage(
            "Render street scenes",
            [
                "datasets/render_scenes.py",
                f"--output_dir={scenes}",
                f"--num_train={images}",
                f"--num_val={num_val}",
            ],
        ),
        Stage(
            "Convert them to TFRecord",
            [
                "datasets/build_folder_data.py",
                f"--image_dir={scenes / 'images'}",
                f"--label_dir={scenes / 'labels'}",
                f"--list_dir={scenes / 'lists'}",
                f"--classes_json={scenes / 'classes.json'}",
                f"--output_dir={records}",
                "--name=scenes",
            ],
        ),
        Stage(
            "Train",
            [
                "train.py",
                "--flagfile=flagfiles/quickstart.flags",
                f"--dataset_dir={records}",
                f"--train_logdir={run}",
                *([f"--training_number_of_steps={steps}"] if steps else []),
            ],
        ),
        Stage("Score", ["eval.py", f"--checkpoint_dir={run}"]),
        Stage(
            "Draw", ["vis.py", f"--checkpoint_dir={run}", "--max_number_of_images=6"]
        ),
        Stage("Export", ["export_model.py", f"--checkpoint_dir={run}"]),
        Stage(
            "Call the export, without this package",
            [
                "examples/call_saved_model.py",
                str(run / "export"),
                *(str(scenes / "images" / f"val_{i:05d}.jpg") for i in range(called)),
                f"--output_dir={folder / 'called'}",
            ],
        ),
    ]


def main(argv: Sequence[str]) -> None:
    """Runs the stages and prints what was made."""
    del argv
    folder = _empty_folder(pathlib.Path(_FOLDER.value))
    all_stages = stages(folder, _STEPS.value, _IMAGES.value)
    took_s = []
    for number, stage in enumerate(all_stages, start=1):
        print(f"\n[{number}/{len(all_stages)}] {stage.title}", flush=True)
        print(f"$ python {shlex.join(stage.command)}\n", flush=True)
        began_s = time.monotonic()
        result = subprocess.run([sys.executable, *stage.command], cwd=ROOT, check=False)
        took_s.append(time.monotonic() - began_s)
        if result.returncode:
            print(f"\nStopped: this command ended with {result.returncode}.")
            sys.exit(result.returncode)
    print(_summary(folder, all_stages, took_s))


def _empty_folder(folder: pathlib.Path) -> pathlib.Path:
    """Makes the folder anew, unless what it holds is not the quick start's."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise app.UsageError(
            f"--folder={folder} holds something else; name a new folder, or empty it."
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    return folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder


def _summary(folder: pathlib.Path, all_stages: list[Stage], took_s: list[float]) -> str:
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
    lines += [f"  {s.title:38s} {t:5.0f} s" for s, t in zip(all_stages, took_s)]
    lines += [f"  {'All':38s} {sum(took_s):5.0f} s"]
    lines += [
        "",
        f"Look at {run / 'vis'} first. README.md says how to use your own data.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    running.run(main, help=__doc__)
