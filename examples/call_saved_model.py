r"""Segments photographs with an exported model: TensorFlow, NumPy and Pillow suffice.

python examples/call_saved_model.py EXPORT PHOTO... --output_dir=FOLDER

EXPORT is the folder of all versions, of which the newest is taken, or one of them.
"""

import argparse
import contextlib
import io
import itertools
import json
import os
import pathlib
import re
import sys
import time
from typing import Any

import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before TensorFlow is imported.
import tensorflow as tf  # noqa: E402

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")


def encoded(photo: pathlib.Path) -> bytes:
    """The file as it is if the export decodes its format, or else as a PNG."""
    with Image.open(photo, formats=FORMATS) as file:
        if file.format in ("BMP", "WEBP", "TIFF"):
            if getattr(file, "is_animated", False):
                raise OSError("it has several pictures; save one of them")
            buffer = io.BytesIO()
            ImageOps.exif_transpose(file).save(buffer, "PNG")
            return buffer.getvalue()
    return photo.read_bytes()


def version(export: pathlib.Path) -> pathlib.Path:
    """The SavedModel's own folder: the newest version."""
    if (export / "saved_model.pb").is_file():
        return export
    versions = [path for path in export.glob("*") if re.fullmatch("[0-9]+", path.name)]
    if not versions:
        sys.exit(f"{export} has no version of an export; export_model.py writes one.")
    return max(versions, key=lambda path: int(path.name))


def segmented(predict: Any, file: bytes) -> np.ndarray:
    """The classes' ids, `[height, width]` uint8, of a photo; earlier releases took one
    file a call, and gave pixels.
    """
    is_one = predict.structured_input_signature[1]["image"].shape.rank == 0
    found = predict(image=tf.constant(file if is_one else [file]))
    if "labels_png_bytes" not in found:
        return found["SemanticPredictions"][0].numpy().astype(np.uint8)
    return np.asarray(Image.open(io.BytesIO(found["labels_png_bytes"][0].numpy())))


def main(argv: list[str] | None = None) -> None:
    """Writes `<photo>.png`: each pixel is its class's id, shown in its colour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=pathlib.Path)
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args(argv)

    folder = version(arguments.export)
    with contextlib.chdir(folder):  # A path's [1] would be a pattern.
        model = tf.saved_model.load(".")
    facts = folder / "assets.extra" / "labels.json"
    if not facts.is_file():  # Earlier releases had it beside the model.
        facts = folder / "labels.json"
    classes = json.loads(facts.read_text())["classes"]
    colors = [part for one in classes for part in one["color"]]
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    written: set[str] = set()
    failed = []
    for photo in arguments.photos:
        began_s = time.perf_counter()
        try:
            labels = segmented(model.signatures["encoded"], encoded(photo))
        except (OSError, Image.DecompressionBombError, tf.errors.OpError) as e:
            failed.append(f"{photo}: {getattr(e, 'message', e)}")
            continue
        took_s = time.perf_counter() - began_s
        names = (
            f"{photo.stem}_{n}" if n > 1 else photo.stem for n in itertools.count(1)
        )
        name = next(name for name in names if name not in written)
        written.add(name)
        path = arguments.output_dir / f"{name}.png"
        picture = Image.fromarray(labels).convert("P")
        picture.putpalette(colors)
        picture.save(path)
        seen = ", ".join(classes[label]["name"] for label in np.unique(labels))
        print(f"{photo.name} -> {path}: {seen} ({took_s:.2f} s)")
    if failed:
        sys.exit("\n".join(["Not segmented:", *failed]))


if __name__ == "__main__":
    main()
