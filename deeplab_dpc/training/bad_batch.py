"""A copy of the batch on which training failed, to look at."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab_dpc import files, new_folder


def save(
    folder: str | os.PathLike,
    step: int,
    batch: Mapping[str, np.ndarray],
    scalars: Mapping[str, float],
) -> pathlib.Path:
    """Writes `bad_batch_<step>/`, whole or not at all: images and labels as PNGs, and
    the facts as JSON. A second one of a step (the first is 1) gets a number at its end.
    A batch has `image` `[batch, height, width, 3]` in 0..255, `label` `[batch, height,
    width]` integers, and `name` `[batch]` bytes; `scalars` are what the step gave.
    """
    path, number = pathlib.Path(folder) / f"bad_batch_{step}", 1
    while path.exists():
        number += 1
        path = path.with_name(f"bad_batch_{step}_{number}")
    with new_folder.filled(path) as new:
        facts = {
            "step": step,
            # JSON has no numbers for `nan` and `inf`; their names stand for them.
            "scalars": {
                k: float(v) if np.isfinite(v) else str(float(v))
                for k, v in scalars.items()
            },
            "images": [_write_image(new, i, batch) for i in range(len(batch["name"]))],
        }
        files.write_json(new / "batch.json", facts)
    return path


def _write_image(
    folder: pathlib.Path, i: int, batch: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    image, label = np.asarray(batch["image"][i]), np.asarray(batch["label"][i])
    is_finite = np.isfinite(image)
    seen = np.where(is_finite, image, 0)
    names = {kind: f"{i:02d}_{kind}.png" for kind in ("image", "label")}
    pixels = {"image": np.round(seen), "label": label[..., None]}
    for kind, name in names.items():
        png = tf.io.encode_png(np.clip(pixels[kind], 0, 255).astype(np.uint8))
        (folder / name).write_bytes(png.numpy())
    ids, counts = np.unique(label, return_counts=True)
    return {
        "name": bytes(batch["name"][i]).decode(errors="replace"),
        **names,
        "not_finite_values": int(np.sum(~is_finite)),
        "smallest_value": float(seen.min()),
        "largest_value": float(seen.max()),
        "label_pixels": {str(k): int(n) for k, n in zip(ids, counts)},
    }
