r"""Memory of load(run).predict(folder), every 100 of 1,000 images.

python benchmarks/predict_memory.py
python benchmarks/predict_memory.py --image_dir=camvid/images/train

Street scenes of one size, then of fifty sizes, and the images of a folder if one is
given, each file as often as need be. Each case is a process of its own. The model is
MobileNet-v2 with the published cell and a decoder; its weights are random.
"""

import argparse
import itertools
import multiprocessing
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

import deeplab_dpc  # noqa: E402
from deeplab_dpc import scenes  # noqa: E402
from deeplab_dpc.config import DataConfig, EvalConfig, TrainConfig  # noqa: E402
from deeplab_dpc.data.dataset_info import DatasetInfo  # noqa: E402
from deeplab_dpc.training import checkpoints  # noqa: E402
from deeplab_dpc.training.run_folder import RunConfig  # noqa: E402

NAME = "predict_memory"
FIELDS = ("benchmark", "case", "images", "resident_mib", "images_per_s")
FIELDS += ("cpus", "tensorflow", "keras", "commit")
IMAGES, EVERY, DISTINCT, BATCH_SIZE = 1000, 100, 50, 4
ONE_SIZE = [(160, 208)] * DISTINCT
SIZES = [(128 + 8 * (i % 10), 160 + 8 * (i // 10)) for i in range(DISTINCT)]


def main() -> None:
    """Runs all cases and writes `results/predict_memory.csv`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--image_dir", type=pathlib.Path)
    photos = parser.parse_args().image_dir
    rows = []
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        cases = {
            "scenes of one size": render(root / "one", ONE_SIZE),
            f"scenes of {DISTINCT} sizes": render(root / "many", SIZES),
        }
        if photos:
            cases[f"photos of {photos.name}"] = sorted(photos.iterdir())
        write_run(root / "run")
        for number, (case, files) in enumerate(cases.items()):
            folder = root / str(number)
            link(files, folder)
            with multiprocessing.get_context("spawn").Pool(1) as process:
                rows += process.apply(measure, (case, root / "run", folder))
    measuring.write(NAME, rows, FIELDS)


def render(
    folder: pathlib.Path, sizes: Sequence[tuple[int, int]]
) -> list[pathlib.Path]:
    """A scene of each size, as JPEGs."""
    folder.mkdir()
    paths = [folder / f"{i}.jpg" for i in range(len(sizes))]
    for i, size in enumerate(sizes):
        image, _ = scenes.render(np.random.default_rng(i), size)
        Image.fromarray(image).save(paths[i])
    return paths


def link(files: Sequence[pathlib.Path], folder: pathlib.Path) -> None:
    """A folder of so many images, the files again and again."""
    folder.mkdir()
    for i, path in zip(range(IMAGES), itertools.cycle(files)):
        (folder / f"{i:04d}{path.suffix}").symlink_to(path.absolute())


def write_run(folder: pathlib.Path) -> None:
    """A run folder with random weights."""
    names, colors = zip(*scenes.CLASSES, strict=True)
    model = deeplab_dpc.ModelConfig(
        num_classes=len(names),
        genotype=deeplab_dpc.DPC_TOP1,
        decoder_output_stride=(4,),
    )
    info = DatasetInfo("scenes", names, colors, 255, {})
    evaluation = EvalConfig(eval_crop_size=(33, 33))  # No image is padded.
    config = RunConfig(model, DataConfig(), TrainConfig(), evaluation, info)
    folder.mkdir()
    config.save(folder)
    checkpoints.save_once(deeplab_dpc.build_model(model), folder, 1)


def measure(
    case: str, run: pathlib.Path, folder: pathlib.Path
) -> list[dict[str, object]]:
    """A row after every hundred images; what came before is let go."""
    rows, began_s = [], time.perf_counter()
    results = deeplab_dpc.load(run).predict(folder, BATCH_SIZE)
    for number, _ in enumerate(results, start=1):
        if number % EVERY == 0:
            speed = number / (time.perf_counter() - began_s)
            row = {"benchmark": NAME, "case": case, "images": number}
            row |= {"resident_mib": round(resident_bytes() / 2**20)}
            row |= {"images_per_s": f"{speed:.1f}", **measuring.machine()}
            rows.append(row)
            print(f"{case}, {number} images: {row['resident_mib']} MiB", flush=True)
    return rows


def resident_bytes() -> int:
    """What this process has in memory now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
