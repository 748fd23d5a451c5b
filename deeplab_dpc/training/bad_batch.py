"""A copy of the batch on which training failed, to look at."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab_dpc import files


def save(
    folder: str | os.PathLike,
    step: int,
    batch: Mapping[str, np.ndarray],
    scalars: Mapping[str, float],
) -> pathlib.Path:
    """Writes `bad_batch_<step>/`: images and labels as PNGs, and the facts as JSON.

    The folder appears whole, or not at all. One that is there already stays as it is,
    and the new one gets another number at its end.

    Args:
        folder: The run folder.
        step: The step that failed (the first is 1).
        batch: `image` `[batch, height, width, 3]` in 0..255, `label` `[batch, height,
            width]` integers, and `name` `[batch]` bytes.
        scalars: What the step gave.

    Returns:
        The new folder.

    Raises:
        OSError: If it cannot be written.
    """
    new = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix=".bad_batch-"))
    try:
        images = [_write_image(new, i, batch) for i in range(len(batch["name"]))]
        facts = {
            "step": step,
            "scalars": {k: _json(float(v)) for k, v in scalars.items()},
            "images": images,
        }
        files.write_json(new / "batch.json", facts)
        new.chmod(0o755)
        return _name(new, pathlib.Path(folder) / f"bad_batch_{step}")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write_image(
    folder: pathlib.Path, i: int, batch: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    image, label = np.asarray(batch["image"][i]), np.asarray(batch["label"][i])
    is_finite = np.isfinite(image)
    seen = np.where(is_finite, image, 0)
    pixels = np.clip(np.round(seen), 0, 255).astype(np.uint8)
    files = {"image": f"{i:02d}_image.png", "label": f"{i:02d}_label.png"}
    _write_png(folder / files["image"], pixels)
    _write_png(folder / files["label"], np.clip(label, 0, 255)[..., None])
    ids, counts = np.unique(label, return_counts=True)
    return {
        "name": bytes(batch["name"][i]).decode(errors="replace"),
        **files,
        "not_finite_values": int(np.sum(~is_finite)),
        "smallest_value": float(seen.min()),
        "largest_value": float(seen.max()),
        "label_pixels": {str(k): int(n) for k, n in zip(ids, counts)},
    }


def _write_png(path: pathlib.Path, pixels: np.ndarray) -> None:
    path.write_bytes(tf.io.encode_png(pixels.astype(np.uint8)).numpy())


def _json(value: float) -> float | str:
    """JSON has no numbers for `nan` and `inf`; their names stand for them."""
    return value if np.isfinite(value) else str(value)


def _name(new: pathlib.Path, wanted: pathlib.Path) -> pathlib.Path:
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name}_{number}")
    new.rename(path)
    return path
