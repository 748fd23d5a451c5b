r"""A service under 1, 4, 16 and 64 clients, against the same model in this process.

python benchmarks/serving.py
python benchmarks/serving.py --models=run,run/export/1/model.xml

Each client sends photos one after the other. Without --models the model is MobileNet-v2
with the published cell and a decoder, of random weights: as a run folder, in
TensorFlow, and as OpenVINO of any size. Rounds of all cases follow each other; a case's
times are those of all rounds. `cpu_s` are the processor's seconds
an image, of the service alone, or of this process for `in process`.
"""

import argparse
import base64
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import predict_memory  # noqa: E402
import requests  # noqa: E402

import deeplab_dpc  # noqa: E402
from deeplab_dpc.evaluation import photos  # noqa: E402
from deeplab_dpc.runs import Run  # noqa: E402

FIELDS = ("benchmark", "case", "clients", "p50_ms", "p95_ms", "p99_ms", "images_per_s")
FIELDS += ("cpu_s", "reply_bytes", "images", "cpus", "tensorflow", "keras", "commit")
SIZE, CLIENTS, BATCH_SIZES, IMAGES = (321, 321), (1, 4, 16, 64), (1, 4), 64


def main() -> None:
    """Runs all cases and writes `results/serving.csv`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=lambda text: text.split(","))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        root = pathlib.Path(name)
        bodies = street_bodies(root / "streets")
        models = given.models or written(root)
        cases = {}
        for model in models:
            cases[pathlib.Path(model).name, "in process"] = InProcess(model)
            for size in BATCH_SIZES:
                service = stack.enter_context(serving(model, f"--batch_size={size}"))
                key = pathlib.Path(model).name, f"batches of {size}"
                cases[key] = service
        measuring.write("serving", measured(cases, bodies, given.rounds), FIELDS)


def written(root: pathlib.Path) -> list[str]:
    """A run folder, and an export of it for OpenVINO."""
    predict_memory.write_run(root / "tensorflow")
    how = {"format": ("openvino",), "dynamic_size": True}
    settings = deeplab_dpc.ExportConfig(image_dir=str(root / "streets"), **how)
    Run.open(root / "tensorflow").export(root / "openvino", settings)
    return [str(root / "tensorflow"), str(root / "openvino")]


class InProcess:
    """The model in this process: a photo's bytes in, a PNG of labels out."""

    clients = (1,)

    def __init__(self, model: str):
        self.segmenter = deeplab_dpc.load(model)

    def ask(self, body: bytes) -> int:
        """Answers a request; gives the bytes of the reply."""
        (row,) = json.loads(body)["instances"]
        pixels = photos.decode(base64.b64decode(row["b64"]), "image")
        (result,) = self.segmenter.predict(pixels)
        buffer = io.BytesIO()
        result.picture("ids").save(buffer, "PNG")
        return len(buffer.getvalue())

    def cpu_s(self) -> float:
        """The processor's seconds so far."""
        return time.process_time()


class Service:
    """A service in a process of its own."""

    clients = CLIENTS

    def __init__(self, address: str, pid: int):
        self.address, self.pid = address, pid

    def ask(self, body: bytes) -> int:
        """Sends a request; gives the bytes of the reply."""
        url = f"{self.address}/v1/models/m:predict"
        reply = requests.post(url, body, timeout=300)
        reply.raise_for_status()
        return len(reply.content)

    def cpu_s(self) -> float:
        """The processor's seconds so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(model: str, *arguments: str) -> Iterator[Service]:
    """A service of a model, called m, until the block ends."""
    program = "deeplab_dpc.programs.serve"
    command = [sys.executable, "-m", program, f"--model=m={model}", "--port=0"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            found = re.match(r"(http://\S+) serves", process.stdout.readline())
            assert found, "The service did not start."
            service = Service(found[1], process.pid)
            while requests.get(f"{service.address}/v2/health/ready").status_code != 200:
                time.sleep(0.1)
            yield service
        finally:
            process.terminate()
            process.wait()


def street_bodies(folder: pathlib.Path) -> list[bytes]:
    """Requests with a street each."""
    bodies = []
    for path in predict_memory.render(folder, [SIZE] * 8):
        rows = [{"b64": base64.b64encode(path.read_bytes()).decode()}]
        body = {"signature_name": "encoded", "instances": rows}
        bodies.append(json.dumps(body).encode())
    return bodies


def measured(cases: dict, bodies: list[bytes], rounds: int) -> list[dict[str, object]]:
    """A row for each case and number of clients."""
    keys = [(key, n) for key, case in cases.items() for n in case.clients]
    times: dict = {key: [] for key in keys}
    walls, cpus, sizes = (dict.fromkeys(keys, 0.0) for _ in range(3))
    for number in range(rounds + 1):  # The first warms up.
        for key, clients in keys:
            case, began = cases[key], time.perf_counter()
            before = case.cpu_s()
            found = asked(case, bodies, clients, IMAGES if number else 8)
            if number:
                times[key, clients] += [ms for ms, _ in found]
                walls[key, clients] += time.perf_counter() - began
                cpus[key, clients] += case.cpu_s() - before
                sizes[key, clients] = np.mean([size for _, size in found])
    return [
        row((*key, n), times[key, n], walls[key, n], cpus[key, n], sizes[key, n])
        for key, n in keys
    ]


def asked(case, bodies: list[bytes], clients: int, images: int) -> list:
    """Milliseconds and bytes of each reply."""

    def one(number: int) -> tuple[float, int]:
        began = time.perf_counter()
        size = case.ask(bodies[number % len(bodies)])
        return 1e3 * (time.perf_counter() - began), size

    if clients == 1:
        return list(map(one, range(images)))
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(images)))


def row(key: tuple, times_ms: list, wall_s: float, cpu_s: float, size: float) -> dict:
    """A row of the table, also printed."""
    model, case, clients = key
    p50, p95, p99 = np.percentile(times_ms, (50, 95, 99))
    found = {
        "benchmark": "serving",
        "case": f"{model}, {case}",
        "clients": clients,
        "p50_ms": f"{p50:.1f}",
        "p95_ms": f"{p95:.1f}",
        "p99_ms": f"{p99:.1f}",
        "images_per_s": f"{len(times_ms) / wall_s:.2f}",
        "cpu_s": f"{cpu_s / len(times_ms):.4f}",
        "reply_bytes": round(size),
        "images": len(times_ms),
        **measuring.machine(),
    }
    print(*(found[name] for name in FIELDS[1:9]), sep="\t", flush=True)
    return found


if __name__ == "__main__":
    main()
