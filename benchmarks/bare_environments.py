r"""Exports in environments that have a runtime alone: the labels beside the run's.

python benchmarks/bare_environments.py RUN PHOTOS

An environment is made for each format, and its runtime installed, in the version that
is used here. Photos are padded to the size of the largest, in the file of any size by
the file itself. Prints the table of g3doc/export_model.md.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402

from benchmarks import bare_runtime, measuring  # noqa: E402
from deeplab_dpc.config import ExportConfig  # noqa: E402
from deeplab_dpc.evaluation import photos  # noqa: E402
from deeplab_dpc.export import formats  # noqa: E402
from deeplab_dpc.export.versions import FILES  # noqa: E402
from deeplab_dpc.runs import Run  # noqa: E402

NAME = "bare_environments"
FIELDS = "format", "package", "size", "photo", "pixels", "differing"
PACKAGES = {
    "saved_model": "tensorflow",
    "onnx": "onnxruntime",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
}
Images = Mapping[str, np.ndarray]


def main(run: str, folder: str) -> None:
    """Runs all, prints the table and writes `results/bare_environments.csv`."""
    paths = photos.in_folder(pathlib.Path(folder))
    images = {path.name: photos.read(path) for path in paths}
    rows = []
    with tempfile.TemporaryDirectory() as root:
        for name in PACKAGES:
            python = environment(pathlib.Path(root, name), name)
            rows += measure(run, images, name, python, folder)
    print("\n".join(table(rows)))
    measuring.write(NAME, rows, FIELDS)


def package(name: str) -> str:
    """What runs a format, such as `openvino==2026.4.1`."""
    return f"{PACKAGES[name]}=={metadata.version(PACKAGES[name])}"


def environment(folder: pathlib.Path, name: str) -> pathlib.Path:
    """The Python of a new environment in which a format can be run, and no more."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = python, "-m", "pip", "install", "--quiet", package(name)
    subprocess.run(install, check=True)
    return python


def measure(
    run: str | pathlib.Path,
    images: Images,
    name: str,
    python: pathlib.Path,
    image_dir: str | None = None,
) -> list[dict[str, object]]:
    """A row for each image and a format's file, of a fixed size and of any; the files
    are checked on the photos of a folder, or on the run's data.
    """
    size = (
        max(x.shape[0] for x in images.values()),
        max(x.shape[1] for x in images.values()),
    )
    opened = Run.open(run, evaluation={"eval_crop_size": size})
    expected = dict(zip(images, opened.predict(images.values())))
    padded = {key: formats.fitted(x, size) for key, x in images.items()}
    rows = []
    for kind, settings, given in (
        ("fixed", {"image_size": size}, padded),
        ("any", {"dynamic_size": True, "crop_size": size}, images),
    ):
        settings = ExportConfig(format=(name,), image_dir=image_dir, **settings)
        with tempfile.TemporaryDirectory() as folder:
            file = opened.export(folder, settings).folder / FILES[name]
            found = labels(python, name, file, given)
        for key, wanted in expected.items():
            height, width = wanted.shape
            differing = np.sum(found[key][:height, :width] != wanted)
            row = name, package(name), kind, key, wanted.size, differing
            print(*row, file=sys.stderr, flush=True)
            rows.append(dict(zip(FIELDS, row)))
    return rows


def labels(
    python: pathlib.Path, name: str, file: pathlib.Path, images: Images
) -> dict[str, np.ndarray]:
    """What a file gives for images, in a process of another Python."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = (pathlib.Path(folder, f"{x}.npz") for x in ("given", "found"))
        np.savez(given, **images)
        command = python, bare_runtime.__file__, name, file, given, found
        subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, check=True)
        return dict(np.load(found))


def table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """A line for each photo: pixels whose label differs, fixed / any size."""
    columns = list(dict.fromkeys(str(row["package"]) for row in rows))
    heads = (column.replace("==", " ") for column in columns)
    lines = [f"| photo | pixels | {' | '.join(heads)} |"]
    lines += ["|---" * (len(columns) + 2) + "|"]
    for photo in dict.fromkeys(row["photo"] for row in rows):
        of_photo = [row for row in rows if row["photo"] == photo]
        cells = [
            " / ".join(str(r["differing"]) for r in of_photo if r["package"] == column)
            for column in columns
        ]
        pixels = f"{int(str(of_photo[0]['pixels'])):,}"
        lines.append(f"| {photo} | {pixels} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
