r"""What bfloat16 gives and costs: speed and labels of a trained model on photos.

python benchmarks/precision.py MODEL PHOTOS...

The model is what `deeplab_dpc.load` lets compute with either: a run folder, published
weights by name, weights of the original. Each photo, as it is, is labelled with both
in turn.
"""

import functools
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402

from deeplab_dpc import load  # noqa: E402
from deeplab_dpc.evaluation import photos  # noqa: E402
from deeplab_dpc.segmenter import sources  # noqa: E402
from deeplab_dpc.segmenter.segmenter import Segmenter  # noqa: E402

NAME, ROUNDS = "precision", 5
FIELDS = ("benchmark", "model", "photo", "size", "labels_equal", *measuring.ALTERNATED)


def main(model: str, *given: str) -> None:
    """Labels all photos, prints what comes of it, writes `results/precision.csv`."""
    segmenters = {name: load(model, precision=name) for name in ("float32", "bfloat16")}
    rows = []
    for path in (path for source in given for path in sources.find(source)):
        rows += compare(segmenters, photos.read(path))
        for row in rows[-2:]:
            row |= {"benchmark": NAME, "model": os.path.basename(model)}
            row["photo"] = path.name
        print(
            "{photo}, {size}: bfloat16 {wall_ms} ms, {cpu_ratio} of float32's "
            "processor time, {labels_equal} of the labels equal".format(**rows[-1]),
            flush=True,
        )
    measuring.write(NAME, rows, FIELDS)


def compare(
    segmenters: dict[str, Segmenter], image: np.ndarray
) -> list[dict[str, object]]:
    """The rows of two that label an image in turn."""
    labels = {k: functools.partial(_labels, s, image) for k, s in segmenters.items()}
    exact, near = (find() for find in labels.values())
    what = {"size": "{}x{}".format(*exact.shape)}
    what["labels_equal"] = f"{np.mean(exact == near):.5f}"
    return [{**what, **row} for row in measuring.alternate(labels, ROUNDS)]


def _labels(segmenter: Segmenter, image: np.ndarray) -> np.ndarray:
    (result,) = segmenter.predict(image)
    return result.labels


if __name__ == "__main__":
    main(*sys.argv[1:])
