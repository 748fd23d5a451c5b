r"""Segments photographs with an exported model: TensorFlow, NumPy and Pillow suffice.

python examples/call_saved_model.py EXPORT_FOLDER PHOTO... --output_dir=FOLDER
"""

import argparse
import pathlib
import time

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps


def main() -> None:
    """Writes `<photo>.png` with the class of each pixel as a grey value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export_folder", type=pathlib.Path)
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    model = tf.saved_model.load(str(arguments.export_folder))
    predict = model.signatures["serving_default"]
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    for number, photo in enumerate(arguments.photos):
        with Image.open(photo, formats=("JPEG", "PNG", "BMP", "WEBP")) as file:
            if file.mode.startswith("I"):
                raise SystemExit(f"{photo} has 16 bits a channel; save it with 8.")
            image = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
        began_s = time.perf_counter()
        labels = predict(images=tf.constant(image[None]))["SemanticPredictions"][
            0
        ].numpy()
        took_s = time.perf_counter() - began_s
        before = [other.stem for other in arguments.photos[:number]]
        again = f"_{before.count(photo.stem) + 1}" if photo.stem in before else ""
        path = arguments.output_dir / f"{photo.stem}{again}.png"
        Image.fromarray(labels.astype(np.uint8)).save(path)
        found = ", ".join(map(str, np.unique(labels)))
        print(f"{photo.name} -> {path}: classes {found} ({took_s:.2f} s)")


if __name__ == "__main__":
    main()
