r"""A service for a while: a tenth of the requests hostile, a SIGTERM in the middle.

python benchmarks/serving_soak.py --minutes=15

Four clients send photos and compare each reply with what this process predicts; what
is refused (429, 503, no connection) they send again after a second, until it is
answered. A request is lost if its connection broke, or its reply was another, after it
was sent. Half way the service is told to stop, and started again. A row each minute.
"""

import argparse
import base64
import collections
import io
import json
import os
import pathlib
import random
import signal
import socket
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import predict_memory  # noqa: E402
import requests  # noqa: E402
import serving  # noqa: E402
from PIL import Image  # noqa: E402

import deeplab_dpc  # noqa: E402
from deeplab_dpc.evaluation import photos  # noqa: E402

FIELDS = ("benchmark", "minute", "resident_mib", "answered", "sent_again", "lost")
FIELDS += ("hostile_refused", "hostile_answered", "hostile_cut", "restarts")
FIELDS += ("cpus", "tensorflow", "keras", "commit")
CLIENTS = 4
PATH = "/v1/models/m:predict"


class Soak:
    """What clients share."""

    def __init__(self, bodies: list[bytes], labels: list[np.ndarray]):
        self.bodies, self.labels = bodies, labels
        self.address, self.counts = "", collections.Counter[str]()
        self.is_over = threading.Event()

    def client(self, seed: int) -> None:
        """Sends good requests, and one in ten that is not."""
        rng = random.Random(seed)
        while not self.is_over.is_set():
            if rng.random() < 0.1:
                self.counts[f"hostile_{hostile(self.address, rng)}"] += 1
            else:
                self.good(rng.randrange(len(self.bodies)))

    def good(self, number: int) -> None:
        """Sends a photo until it is answered, or lost."""
        while True:
            try:
                reply = requests.post(
                    self.address + PATH, self.bodies[number], timeout=120
                )
            except requests.ConnectionError as e:
                is_refused = "refused" in str(e) or "NewConnectionError" in str(e)
                if not is_refused:
                    self.counts["lost"] += 1
                    return
                status = 503
            else:
                status = reply.status_code
            if status not in (429, 503):
                break
            self.counts["sent_again"] += 1
            time.sleep(1)
            if self.is_over.is_set():
                return
        is_good = status == 200 and self.is_right(number, reply.json())
        self.counts["answered" if is_good else "lost"] += 1

    def is_right(self, number: int, reply: dict) -> bool:
        """Whether a reply has the labels that this process predicts."""
        png = base64.b64decode(reply["predictions"][0]["b64"])
        found = np.asarray(Image.open(io.BytesIO(png)))
        return np.array_equal(found, self.labels[number])


def hostile(address: str, rng: random.Random) -> str:
    """Sends what nobody should; whether it was `refused`, `answered` or `cut`."""
    body = rng.choice((b"", b"[" * 10_000, os.urandom(1000), large_body(), bomb_body()))
    try:
        if rng.random() < 0.3:
            return slow(address)
        reply = requests.post(address + PATH, body, timeout=120)
    except (requests.ConnectionError, OSError):
        return "cut"
    return "refused" if 400 <= reply.status_code < 500 else "answered"


def large_body() -> bytes:
    """Twice what a body may have."""
    return bytes(32_000_000)


def bomb_body() -> bytes:
    """A JPEG whose header promises 60,000 x 60,000 pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    content = bytearray(buffer.getvalue())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = (60_000).to_bytes(2) * 2
    rows = [{"b64": base64.b64encode(content).decode()}]
    return json.dumps({"signature_name": "encoded", "instances": rows}).encode()


def slow(address: str) -> str:
    """A body that never comes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        connection.sendall(head.encode() + b"{")
        return "refused" if b" 408 " in connection.recv(1000) else "cut"


def main() -> None:
    """Runs for as long as asked, and writes `results/serving_soak.csv`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=15)
    parser.add_argument("--seconds_a_minute", type=float, default=60.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        predict_memory.write_run(root / "run")
        bodies = serving.street_bodies(root / "streets")
        soak = Soak(bodies, in_process(root / "run", bodies))
        rows = soaked(soak, root / "run", given.minutes, given.seconds_a_minute)
    measuring.write("serving_soak", rows, FIELDS)


def in_process(run: pathlib.Path, bodies: list[bytes]) -> list[np.ndarray]:
    """The labels of all requests."""
    segmenter, found = deeplab_dpc.load(run), []
    for body in bodies:
        (image,) = json.loads(body)["instances"]
        pixels = photos.decode(base64.b64decode(image["b64"]), "image")
        found += [result.labels for result in segmenter.predict(pixels)]
    return found


def soaked(soak: Soak, run: pathlib.Path, minutes: int, minute_s: float) -> list[dict]:
    """A row for each minute."""
    rows: list[dict] = []
    threads = [threading.Thread(target=soak.client, args=(i,)) for i in range(CLIENTS)]
    port, restarts = "0", 0
    for half in (range(minutes // 2), range(minutes // 2, minutes)):
        with serving.serving(str(run), f"--port={port}") as service:
            soak.address, port = service.address, service.address.rpartition(":")[2]
            for thread in threads if not rows else ():
                thread.start()
            for minute in half:
                time.sleep(minute_s)
                rows.append(row(soak, service.pid, minute + 1, restarts))
            if half.stop < minutes:
                began = time.monotonic()
                os.kill(service.pid, signal.SIGTERM)
                restarts += 1
            else:
                soak.is_over.set()
                for thread in threads:
                    thread.join()
                rows.append(row(soak, service.pid, minute + 1, restarts))
        if half.stop < minutes:
            print(f"Stopped in {time.monotonic() - began:.1f} s.", flush=True)
    return rows


def row(soak: Soak, pid: int, minute: int, restarts: int) -> dict:
    """What is so far, also printed."""
    counts = dict.fromkeys(FIELDS[3:9], 0) | dict(soak.counts)
    resident = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    mib = int(resident) * os.sysconf("SC_PAGE_SIZE") // 2**20
    found = {"benchmark": "serving_soak", "minute": minute, "resident_mib": mib}
    found |= {**counts, "restarts": restarts, **measuring.machine()}
    print(*(found[name] for name in FIELDS[1:10]), sep="\t", flush=True)
    return found


if __name__ == "__main__":
    main()
