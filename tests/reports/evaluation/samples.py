"""Reports to look at and to test: few classes, many, and awkward names."""

import math

import numpy as np

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.evaluation.results import Boundary, ImageScore, Result
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.reports import pictures
from deeplab_dpc.reports.evaluation import Extremes, Report

CITYSCAPES = dataset_info.known("cityscapes").class_names
AWKWARD = ("<script>alert(1)</script>", 'a "quoted" & class', "Straße\x00\ud800")


def palette(names: tuple[str, ...]) -> pictures.Palette:
    colors = colormaps.cityscapes() if len(names) == 19 else colormaps.ade20k()
    rows = [tuple(map(int, color)) for color in colors[: len(names)]]
    return pictures.Palette(names, tuple(rows), 255)


def counts(num_classes: int, seed: int = 0) -> np.ndarray:
    """Mostly right, some classes rare, the last but one never true, the last nowhere."""
    rng = np.random.default_rng(seed)
    sizes = 10 ** rng.uniform(2, 7, num_classes)
    sizes[-2:] = 0
    right = rng.uniform(0.2, 0.98, num_classes)
    others = rng.dirichlet(np.full(num_classes, 0.08), num_classes)
    found = sizes[:, None] * (others * (1 - right)[:, None] + np.diag(right))
    found[:, -1] = 0
    return found.astype(np.int64)


def extremes(names: tuple[str, ...], num_images: int, count: int = 2) -> Extremes:
    """What is kept of random images, the first of which has no label."""
    rng, kept = np.random.default_rng(0), Extremes(count, palette(names))
    for i in range(num_images):
        image = rng.integers(0, 256, (60, 90, 3)).astype("uint8")
        label = np.kron(rng.integers(0, len(names), (4, 6)), np.ones((15, 15), int))
        prediction = np.roll(label, i, axis=1)
        label = np.where(rng.random(label.shape) < 0.02, 255, label)
        score = ImageScore(f"{names[0]} {i}", math.nan if i == 0 else 1 / i, 0.5)
        kept.see(score, image, label, prediction)
    return kept


def metrics(steps: int = 3000) -> list[dict[str, float]]:
    """A loss that falls, with noise and one value that is no number."""
    rng = np.random.default_rng(0)
    rows = []
    for step in range(10, steps + 1, 10):
        loss = 2.5 * math.exp(-step / 900) + 0.4 + rng.normal(0, 0.05)
        rate = 0.007 * (1 - step / (steps + 1)) ** 0.9
        row = {"step": step, "loss": loss, "cross_entropy": loss - 0.2}
        rows.append({**row, "learning_rate": rate, "images_per_s": 12.5})
    rows[7]["loss"] = math.nan
    return rows


def report(names: tuple[str, ...] = CITYSCAPES, **fields) -> Report:
    """A report of these classes, complete unless `fields` say otherwise."""
    drawn = extremes(names, 8)
    images = tuple(ImageScore(f"image {i}", i / 8, 0.5) for i in range(1, 8))
    images += (ImageScore("nothing labelled", math.nan, math.nan),)
    outlines = Boundary(0.0075, 0.5, tuple(np.linspace(0, 1, len(names))))
    rows = tuple(map(tuple, counts(len(names)).tolist()))
    result = Result("val", 3000, 8, names, rows, images, outlines)
    model = ModelConfig(num_classes=len(names), genotype=DPC_TOP1).to_dict()
    given = {
        "result": result,
        "palette": palette(names),
        "dataset": "streets & <more>",
        "facts": (("images", "8"), ("checkpoint", "runs/a/ckpt-3000")),
        "best": drawn.best,
        "worst": drawn.worst,
        "metrics": metrics(),
        "cell": DPC_TOP1,
        "settings": {"model": model, "data": {"dataset_dir": "records/<a>"}},
        "commands": (("Training", "train.py --train_logdir='runs/a b'"),),
        "versions": (("keras", "3.15.1"),),
        "made": "2026-11-22 12:00 UTC",
    }
    return Report(**{**given, **fields})
