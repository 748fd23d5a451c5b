r"""Which models convert to which formats, and how many labels are TensorFlow's.

python benchmarks/formats.py --image_dir=photos

Every backbone, with and without cell, decoder, pooling and image pyramid, with random
weights; each file is run in its own runtime. Prints the table of g3doc/export_model.md.
"""

import argparse
import math
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from collections.abc import Sequence  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from benchmarks import measuring  # noqa: E402
from deeplab_dpc import scenes  # noqa: E402
from deeplab_dpc.config import DataConfig, ModelConfig  # noqa: E402
from deeplab_dpc.evaluation import photos  # noqa: E402
from deeplab_dpc.export import formats  # noqa: E402
from deeplab_dpc.export.assets import Serving  # noqa: E402
from deeplab_dpc.export.converters import Prediction  # noqa: E402
from deeplab_dpc.export.versions import ExportError  # noqa: E402
from deeplab_dpc.genotypes import DPC_TOP1  # noqa: E402
from deeplab_dpc.inference import Averaging  # noqa: E402
from deeplab_dpc.layers.folding import Folded  # noqa: E402
from deeplab_dpc.model import build_model  # noqa: E402

NAME = "formats"
FIELDS = "model", "format", "size", "agreement", "images", "reason"
SIZE, MOST = (129, 161), (225, 305)  # Of a fixed size; what is seen of photos.
DPC, ASPP = {"genotype": DPC_TOP1}, {"atrous_rates": (6, 12, 18)}
DECODER = {"decoder_output_stride": (4,)}
MODELS = {
    "MobileNet-v2, pooling": {},
    "MobileNet-v2, ASPP": ASPP,
    "MobileNet-v2, DPC": DPC,
    "MobileNet-v2, DPC, decoder": DPC | DECODER,
    "MobileNet-v2, ASPP, no pooling": ASPP | {"add_image_level_feature": False},
    "MobileNet-v2, pooling windows of 65 x 65": {"image_pooling_crop_size": (65, 65)},
    "MobileNet-v2, DPC, image pyramid 0.75, 1": DPC | {"image_pyramid": (0.75, 1.0)},
    "MobileNet-v2, no context module": {"aspp_with_batch_norm": False},
    "Xception-41, ASPP": {"model_variant": "xception_41"} | ASPP,
    "Xception-65, ASPP, decoder": {"model_variant": "xception_65"} | ASPP | DECODER,
    "Xception-71, DPC, decoder": {"model_variant": "xception_71"} | DPC | DECODER,
    "ResNet-50, ASPP": {"model_variant": "resnet_v1_50_beta"} | ASPP,
    "ResNet-101, DPC": {"model_variant": "resnet_v1_101_beta"} | DPC,
}
AROUND = {
    "MobileNet-v2, DPC, scales 0.75, 1, flipped": Serving(Averaging((0.75, 1.0), True)),
    "MobileNet-v2, DPC, images resized": Serving(data=DataConfig(min_resize_value=97)),
    "MobileNet-v2, DPC, labels resized": Serving(Averaging(upsample_logits=False)),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Converts all, prints the table and writes `results/formats.csv`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image_dir", help="Photos; rendered streets by default.")
    parser.add_argument("--only", default="", help="Models whose name has this.")
    given = parser.parse_args(arguments)
    images = _images(given.image_dir)
    rows = []
    for name in (*MODELS, *AROUND):
        if given.only in name:
            config = ModelConfig(**MODELS.get(name, DPC))
            rows += measure(name, config, AROUND.get(name, Serving()), images)
    print("\n".join(table(rows)))
    if not given.only:
        measuring.write(NAME, rows, FIELDS)


def measure(
    name: str, config: ModelConfig, serving: Serving, images: Sequence[np.ndarray]
) -> list[dict[str, object]]:
    """A row for each format, of a fixed and of any size."""
    model = _model(config, images)
    rows = []
    for format in formats.WRITERS:
        for size in (SIZE, None):
            agreement, reason = _tried(format, Prediction(model, serving, size), images)
            words = format, "dynamic" if size is None else "fixed", agreement
            row = dict(zip(FIELDS, (name, *words, len(images), reason)))
            print(*row.values(), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def _tried(
    format: str, prediction: Prediction, images: Sequence[np.ndarray]
) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            found = formats.convert(format, prediction, folder, images)
        except ExportError as e:
            return "", str(e)
    is_same = found.agreement >= formats.AGREEMENT["none"]
    return f"{found.agreement:.6f}", "" if is_same else "other labels"


def _model(config: ModelConfig, images: Sequence[np.ndarray]) -> keras.Model:
    """With random weights, none of whose classes rules."""
    model = build_model(config, seed=0)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        kind = variable.path.rpartition("/")[2]
        if kind in ("moving_variance", "gamma"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif kind in ("moving_mean", "beta"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    logits = model(
        np.stack([formats.fitted(x, SIZE) for x in images]).astype("float32")
    )
    for variable in model.weights:
        if variable.path.endswith("/biases"):
            mean = ops.mean(logits, (0, 1, 2))
            variable.assign(variable - mean)
    Folded(model).fold()
    return model


def _images(folder: str | None) -> list[np.ndarray]:
    if folder is None:
        rng = np.random.default_rng(0)
        return [scenes.render(rng, SIZE)[0] for _ in range(4)]
    paths = photos.in_folder(pathlib.Path(folder))
    return [photos.read(path)[: MOST[0], : MOST[1]] for path in paths]


def table(rows: Sequence[dict[str, object]]) -> list[str]:
    """A line for each model: percent of the labels, fixed / dynamic."""
    columns = list(formats.WRITERS)
    lines = [f"| model | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in dict.fromkeys(row["model"] for row in rows):
        cells = []
        for format in columns:
            those = [r for r in rows if (r["model"], r["format"]) == (name, format)]
            cells.append(" / ".join(map(_cell, those)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(row: dict[str, object]) -> str:
    if row["reason"]:
        return "refused"
    return f"{math.floor(1e5 * float(str(row['agreement']))) / 1e3:.3f}"


if __name__ == "__main__":
    main()
