r"""What a second process saves at conversion, and how much memory many images need.

python benchmarks/conversion.py

Two parts: images of Cityscapes's size (1024 x 2048 PNGs with their labels) by one
process and by two, in turn; and 7,000, 14,000 and 28,000 tiny images, of which the
largest resident memory of each process is told. Each conversion is a program of its
own, and its start counts.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image, ImageFilter  # noqa: E402

NAME = "conversion"
PROGRAM = pathlib.Path(__file__).parent.parent / "datasets/build_folder_data.py"
CLASSES = 19
LARGE, NUM_LARGE, ROUNDS = (1024, 2048), 400, 2
TINY, NUM_TINY = (32, 48), (7_000, 14_000, 28_000)
MEMORY_FIELDS = (
    "benchmark",
    "images",
    "process",
    "peak_mib",
    "images_per_s",
    "cpus",
    "tensorflow",
    "keras",
    "commit",
)
_POLL_S = 0.05


def main() -> None:
    """Runs both parts; writes `results/conversion.csv` and `conversion_memory.csv`."""
    measuring.write(NAME, two_processes())
    measuring.write(f"{NAME}_memory", memory(), MEMORY_FIELDS)


def two_processes() -> list[dict[str, object]]:
    """Images/s by one process and by two, everything counted, from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        compose(root, LARGE, NUM_LARGE, distinct=8)
        case = f"{NUM_LARGE} images of {LARGE[0]}x{LARGE[1]}"

        def convert(workers: int) -> None:
            finish(start(root, root / "out", workers))

        rows = measuring.compare(
            NAME,
            case,
            {
                "one process": lambda: convert(1),
                "two processes": lambda: convert(2),
            },
            repeats=ROUNDS,
            warm_up=0,
        )
        for row in rows:
            rate = NUM_LARGE / (float(str(row["median_ms"])) / 1e3)
            print(f"{row['alternative']:16s} {rate:.1f} images/s")
        return rows


def memory() -> list[dict[str, object]]:
    """The largest memory of the program and of its largest worker, by images."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in NUM_TINY:
            root = pathlib.Path(folder) / str(number)
            compose(root, TINY, number, distinct=number)
            began = time.perf_counter()
            program = start(root, root / "out", workers=2)
            peaks = watch(program)
            finish(program)
            rate = number / (time.perf_counter() - began)
            parent = peaks.pop(program.pid)
            largest = {"parent": parent, "largest worker": max(peaks.values())}
            rows += [_memory_row(number, rate, *item) for item in largest.items()]
    return rows


def _memory_row(
    number: int, rate: float, process: str, peak_bytes: int
) -> dict[str, object]:
    row = {
        "benchmark": NAME,
        "images": number,
        "process": process,
        "peak_mib": round(peak_bytes / 2**20),
        "images_per_s": f"{rate:.0f}",
        **measuring.machine(),
    }
    print(f"{number} images, {process}: {row['peak_mib']} MiB, {rate:.0f} images/s")
    return row


def compose(
    root: pathlib.Path, size: tuple[int, int], number: int, distinct: int
) -> None:
    """Writes a data set of textured images in the layout of one's own data.

    Only `distinct` files of each kind are drawn; the others are links to these, so that
    a small disk holds them all. A converter reads and decodes each as if it were new.
    """
    for name in ("images", "labels", "lists"):
        (root / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(number):
        paths = [root / f"{kind}/{i:06d}.png" for kind in ("images", "labels")]
        if i < distinct:
            for path, picture in zip(paths, draw(rng, size)):
                picture.save(path)
        else:
            for path in paths:
                os.link(path.with_stem(f"{i % distinct:06d}"), path)
    (root / "lists/train.txt").write_text("\n".join(f"{i:06d}" for i in range(number)))
    classes = [f"class {i}" for i in range(CLASSES)]
    (root / "classes.json").write_text(json.dumps({"classes": classes}))


def draw(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """An image and its label: patches of some classes, each with its colour, and grain.

    At 1024 x 2048 the image takes about 2.4 MB as a PNG, as Cityscapes's do.
    """
    height, width = size
    cells = rng.integers(0, CLASSES, (max(2, height // 64), max(2, width // 64)))
    cells = cells.astype(np.uint8)
    label = Image.fromarray(cells).resize((width, height), Image.Resampling.NEAREST)
    label = label.filter(ImageFilter.ModeFilter(9))
    colors = rng.integers(0, 256, (CLASSES, 3))
    shade = np.linspace(0, 40, width)[None, :, None]
    grain = rng.normal(0, 1.5, (height, width, 1))
    pixels = colors[np.asarray(label)] * 0.8 + shade + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), label


def start(
    root: pathlib.Path, output: pathlib.Path, workers: int
) -> subprocess.Popen[str]:
    """Starts the converter for one's own data."""
    arguments = {
        "image_dir": root / "images",
        "label_dir": root / "labels",
        "list_dir": root / "lists",
        "classes_json": root / "classes.json",
        "output_dir": output,
        "num_workers": workers,
        "num_shards": 8,
    }
    command = [sys.executable, PROGRAM, *(f"--{k}={v}" for k, v in arguments.items())]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


def finish(program: subprocess.Popen[str]) -> None:
    """Waits for a conversion; stops with what it said if it failed."""
    _, errors = program.communicate()
    if program.returncode:
        raise RuntimeError(errors)


def watch(program: subprocess.Popen[str]) -> dict[int, int]:
    """The largest resident memory of a program and of each child, bytes by process."""
    peaks: dict[int, int] = {}
    drain = threading.Thread(target=program.wait, daemon=True)
    drain.start()
    while drain.is_alive():
        for pid in (program.pid, *_children(program.pid)):
            peaks[pid] = max(peaks.get(pid, 0), _peak_bytes(pid))
        time.sleep(_POLL_S)
    return peaks


def _children(pid: int) -> list[int]:
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(child) for child in path.read_text().split()]
    except OSError:
        return []


def _peak_bytes(pid: int) -> int:
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split() for line in lines if line.startswith("VmHWM")]
    return int(found[0][1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
