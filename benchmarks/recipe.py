r"""What train.py --recipe=auto makes of a hundred images, and in what time.

python benchmarks/recipe.py --camvid_root=camvid --work_dir=recipe \
    --tf_initial_checkpoint=imagenet --seeds 0 1 2
python benchmarks/recipe.py ... --tf_initial_checkpoint= (the same from scratch)

Each seed draws a hundred images of CamVid's train and trains them as someone would:
`build_folder_data.py`, `train.py --recipe=auto`, `eval.py` of the checkpoint that was
the best on val, on all of val and all of test. What it ends in is a row of
results/recipe.csv; rows that are there stay. Seconds are those of train.py, validation
and start included.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import camvid_features, measuring  # noqa: E402

TABLE = measuring.RESULTS / "recipe.csv"
NUM_IMAGES = 100
SPLITS = ("train", "val", "test")


def main() -> None:
    """Trains each seed that was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--camvid_root", type=pathlib.Path, required=True)
    parser.add_argument("--work_dir", type=pathlib.Path, required=True)
    parser.add_argument("--tf_initial_checkpoint", default="imagenet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    start = "imagenet" if options.tf_initial_checkpoint else "scratch"
    for seed in options.seeds:
        folder = options.work_dir / f"{start}_{seed}"
        records = _records(options.camvid_root.resolve(), folder, seed)
        row = {"start": start, "seed": seed, "images": NUM_IMAGES}
        row |= _trained(records, folder / "run", options.tf_initial_checkpoint, seed)
        camvid_features.append(TABLE, {**row, **measuring.machine()})
        print(row, flush=True)


def _records(root: pathlib.Path, folder: pathlib.Path, seed: int) -> pathlib.Path:
    """Links to the images of a seed, as one's own folder would be, and its records."""
    for split in SPLITS:
        names = (root / f"{split}.txt").read_text().split()
        if split == "train":
            names = random.Random(seed).sample(names, NUM_IMAGES)
        for kind in ("images", "labels"):
            made = folder / kind / split
            made.mkdir(parents=True)
            for path in (root / kind / split).iterdir():
                if path.stem in names:
                    (made / path.name).symlink_to(path)
    known = json.loads((root / "classes.json").read_text())
    classes = [{"name": c["name"], "color": c["rgb"]} for c in known["classes"]]
    own = {"classes": classes, "ignore_label": known["ignore_label"]}
    (folder / "classes.json").write_text(json.dumps(own))
    records = folder / "records"
    _run(
        *("convert", "folder", f"--output_dir={records}"),
        *(f"--image_dir={folder / 'images'}", f"--label_dir={folder / 'labels'}"),
        f"--classes_json={folder / 'classes.json'}",
    )
    return records


def _trained(
    records: pathlib.Path, run: pathlib.Path, weights: str, seed: int
) -> dict[str, object]:
    """The scores of the best checkpoint of a training, and what it took."""
    began_s, before_s = time.perf_counter(), measuring.children_s()
    _run(
        *("train", "--recipe=auto", f"--dataset_dir={records}", f"--seed={seed}"),
        *(f"--train_logdir={run}", f"--tf_initial_checkpoint={weights}"),
    )
    wall_s, core_s = time.perf_counter() - began_s, measuring.children_s() - before_s
    scores: dict[str, object] = {}
    for split in SPLITS[1:]:
        best = run / "best"
        _run("eval", f"--checkpoint_dir={best}", f"--eval_split={split}")
        found = json.loads((best / "eval" / f"{split}.json").read_text())
        scores |= {f"{split}_miou": f"{found['miou']:.4f}", "best_step": found["step"]}
    return {**scores, "wall_s": f"{wall_s:.0f}", "core_s": f"{core_s:.0f}"}


def _run(*command: str) -> None:
    print("deeplab-dpc", *command, flush=True)
    program = [sys.executable, "-m", "deeplab_dpc.programs.main", *command]
    subprocess.run(program, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
