r"""What eval.py and vis.py take for an image, beside the model alone.

python benchmarks/evaluation.py [records folder ...]

Rendered scenes of CamVid's size as JPEGs and of Cityscapes' as PNGs, and the split
`val` of the folders that are given, seen whole. The model alone labels the same images
from memory; `cpu_ratio` is to that, and `share` its inverse: the part of a whole
program's processor time that the model takes. The programs read, decode, check, score,
draw and write; that they start is not in it (`start.py`). Weights are random.
"""

import argparse
import functools
import io
import itertools
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from deeplab_dpc import progress, scenes  # noqa: E402
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig  # noqa: E402
from deeplab_dpc.data import records  # noqa: E402
from deeplab_dpc.data.dataset_info import DatasetInfo  # noqa: E402
from deeplab_dpc.evaluation import evaluator  # noqa: E402
from deeplab_dpc.genotypes import DPC_TOP1  # noqa: E402
from deeplab_dpc.reports import predictions  # noqa: E402
from deeplab_dpc.reports.pictures import Palette  # noqa: E402
from deeplab_dpc.runs import Run  # noqa: E402
from deeplab_dpc.training.run_folder import RunConfig  # noqa: E402

NAME, SPLIT, ROUNDS = "evaluation", "val", 3
FIELDS = ("benchmark", "model", "case", "images", "share", *measuring.ALTERNATED)
CELL = {"genotype": DPC_TOP1, "decoder_output_stride": (4,)}
MODELS = {
    "MobileNet-v2 + DPC": ("mobilenet_v2", 1),
    "Xception-71 + DPC": ("xception_71", 6),
}
"""Each with what its number of images is divided by."""
SIZES = {
    "scenes of 360x480, JPEG": ((360, 480), "jpeg", 36),
    "scenes of 1024x2048, PNG": ((1024, 2048), "png", 4),
}


def main() -> None:
    """Measures all cases; writes `results/evaluation.csv`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    given = parser.parse_args().folders
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        cases = {f"{f.name}, {SPLIT}": (f, 16) for f in given}
        for number, (case, (size, encoding, images)) in enumerate(SIZES.items()):
            folder = pathlib.Path(name, str(number))
            render(folder, size, encoding, images)
            cases[case] = folder, images
        for (model, (variant, divisor)), case in itertools.product(
            MODELS.items(), cases
        ):
            folder, images = cases[case]
            count = max(1, images // divisor)
            run = made_up(folder, variant, f"{SPLIT}[:{count}]")
            with progress.without_stderr():
                found = measured(run, count, pathlib.Path(name, "vis"))
            common = {"benchmark": NAME, "model": model, "case": case}
            rows += [{**common, **row} for row in found]
            for row in rows[-len(found) :]:
                print(
                    "{model:18s} {case:24s} {alternative:12s} {cpu_ms:>8} ms of "
                    "processor time, {cpu_ratio} x".format(**row),
                    flush=True,
                )
    measuring.write(NAME, rows, FIELDS)


def measured(run: Run, images: int, folder: pathlib.Path) -> list[dict[str, object]]:
    """The rows of a run, milliseconds those of an image."""
    predictor = run.predictor()
    held = list(run.batches())
    palette = Palette.of(run.dataset)

    def alone() -> None:
        for batch in held:
            predictor([batch["image"]])

    def draw() -> None:
        folder.mkdir(exist_ok=True)
        found = evaluator.predicted(predictor, run.batches())
        predictions.draw(found, palette, folder, images, False)

    score = functools.partial(run.evaluate, None, predictor)
    alternatives: dict[str, Callable[[], object]] = {"model alone": alone}
    alternatives |= {"eval.py": score, "vis.py": draw}
    rows = measuring.alternate(alternatives, ROUNDS, warm_up=1)
    for row in rows:
        row |= {k: f"{float(str(row[k])) / images:.1f}" for k in ("wall_ms", "cpu_ms")}
        row["images"] = images
        row["share"] = f"{1 / float(str(row['cpu_ratio'])):.3f}"
    return rows


def render(
    folder: pathlib.Path, size: tuple[int, int], encoding: str, number: int
) -> None:
    """Scenes of one size as records of the split."""
    folder.mkdir()
    examples = []
    for seed in range(number):
        image, label = scenes.render(np.random.default_rng(seed), size)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, encoding)
        ids = records.encode_png(label)
        record = records.Record(str(seed), buffer.getvalue(), encoding, size, ids)
        examples.append(records.encode(record))
    records.write_shard(folder / records.shard_name(SPLIT, 0, 1), examples)
    names, colors = zip(*scenes.CLASSES, strict=True)
    DatasetInfo("scenes", names, colors, 255, {SPLIT: number}).save(folder)


def made_up(folder: pathlib.Path, variant: str, split: str) -> Run:
    """A run with this model on the data set, without weights of its own."""
    info = DatasetInfo.load(folder)
    model = ModelConfig(model_variant=variant, num_classes=info.num_classes, **CELL)
    evaluation = EvalConfig(eval_crop_size=(33, 33), eval_split=split)
    data = DataConfig(dataset_dir=str(folder))
    config = RunConfig(model, data, TrainConfig(), evaluation, info)
    return Run(folder, folder, config)


if __name__ == "__main__":
    main()
