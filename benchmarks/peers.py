r"""What labelling an image takes here and with what one would take instead.

make bench-peers

That makes an environment for each peer (`.venv-peer-NAME`, see the Makefile for the
versions) and runs this. Peers are processes that label one image each in turn, with so
many threads; `cpu_ratio` is to ours in float32, folded. ONNX Runtime and OpenVINO run
our export. segmentation_models_pytorch has the backbone (of timm), but its own context
module and decoder, and a side of 512 instead of 513. Weights are random.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import inference  # noqa: E402
import measuring  # noqa: E402

from deeplab_dpc.export import converters, formats, versions  # noqa: E402
from deeplab_dpc.export.assets import Serving  # noqa: E402
from deeplab_dpc.model import build_model  # noqa: E402

NAME, SIDE, ROUNDS = "peers", 513, 8
FIELDS = ("benchmark", "model", "threads", "version", *measuring.ALTERNATED)
FOLDER = pathlib.Path(__file__).parent
PACKAGES = {
    "ours": "tensorflow",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "smp": "segmentation-models-pytorch",
}
"""Whose version tells, by the first word of a peer's kind."""
RUNTIMES = "ours", "ours, bfloat16", "onnxruntime", "openvino", "openvino, bfloat16"
SMP = "smp", "smp, torch.compile", "smp, bfloat16", "smp, bfloat16, torch.compile"
KINDS = {
    "MobileNet-v2 + DPC": RUNTIMES,
    "Xception-71 + DPC": (*RUNTIMES, *SMP),
}
"""The peers of each model."""


class Peer(contextlib.ExitStack):
    """A process that labels an image each time it is called."""

    def __init__(self, kind: str, model: str, threads: int):
        super().__init__()
        name = kind.partition(",")[0]
        program = sys.executable
        if name != "ours":
            program = str(FOLDER.parent / f".venv-peer-{name}/bin/python")
        command = [program, str(FOLDER / "peer.py"), kind, model]
        process = subprocess.Popen(
            [*command, str(SIDE), str(threads)],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.callback(process.communicate)
        assert process.stdin and process.stdout
        self._asked, self._answers = process.stdin, process.stdout
        if self._answers.readline() != "ready\n":
            raise SystemExit(f"{kind} did not start; make bench-peers installs it.")
        code = (
            f"from importlib import metadata as m; print(m.version({PACKAGES[name]!r}))"
        )
        version = subprocess.check_output([program, "-c", code], text=True).strip()
        self.version = f"{PACKAGES[name]} {version}"

    def __call__(self) -> tuple[float, float]:
        """Wall and processor milliseconds of one image."""
        print(file=self._asked, flush=True)
        wall, cpu = map(float, self._answers.readline().split())
        return wall, cpu


def main() -> None:
    """Measures all peers with each model and number of threads; writes the rows."""
    rows = []
    cores = int(str(measuring.machine()["cpus"]))
    for model, kinds in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            files = exported(model, pathlib.Path(folder))
            given = {kind: files.get(kind.partition(",")[0], model) for kind in kinds}
            for threads in range(1, min(cores, 2) + 1):
                rows += measured(model, given, threads)
    measuring.write(NAME, rows, FIELDS)


def exported(model: str, folder: pathlib.Path) -> dict[str, str]:
    """Our model as files that other runtimes take, by the runtime's name."""
    built = build_model(inference.MODELS[model][0])
    prediction = converters.Prediction(built, Serving(), (SIDE, SIDE))
    found = {"onnxruntime": "onnx", "openvino": "openvino"}
    for runtime, name in found.items():
        path = folder / versions.FILES[name]
        formats.WRITERS[name](prediction, path)
        found[runtime] = str(path)
    return found


def measured(
    model: str, given: dict[str, str], threads: int
) -> list[dict[str, object]]:
    """A row for each kind of peer, which is given a file, or the model's name."""
    with contextlib.ExitStack() as stack:
        peers = {
            kind: stack.enter_context(Peer(kind, what, threads))
            for kind, what in given.items()
        }
        rows = measuring.alternate(peers, ROUNDS, took=lambda ask: ask())
    for row in rows:
        row |= {"benchmark": NAME, "model": model, "threads": threads}
        row["version"] = peers[str(row["alternative"])].version
        print(
            "{model:20s} {threads} threads {alternative:30s} {wall_ms:>8} ms, "
            "{cpu_ms:>8} ms of processor time, {cpu_ratio} x".format(**row),
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
