"""What a run folder says about how it was made: commands, flags, versions, commit."""

import contextlib
import dataclasses
import datetime
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from typing import Any

import tensorflow as tf

from deeplab_dpc import files
from deeplab_dpc.formatting import as_flag
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.settings import Config

COMMAND_FILE = "command.txt"
FLAGS_FILE = "flags.txt"
GENOTYPE_FILE = "genotype.json"
STARTS_FILE = "starts.json"
_LIBRARIES = ("tensorflow", "keras", "numpy", "tf-models-official", "deeplab_dpc")
_CODE = pathlib.Path(__file__).parents[1]


def record_start(folder: pathlib.Path) -> None:
    """Appends this start of the program to the folder's record of its starts.
    `command.txt` has a person's view of it, `starts.json` all that is known: a list
    with an object for each start, each file whole or as it was.
    """
    start = _this_start()
    path = folder / COMMAND_FILE
    before = path.read_bytes() if path.exists() else b""
    ran = ", ".join(f"{name} {v}" for name, v in start["versions"].items())
    commit = f", commit {start['commit']}" if start["commit"] else ""
    changed = " with changes" if start["is_changed"] else ""
    command = shlex.join(start["command"])
    new = f"{command}\n# {ran}{commit}{changed}\n"
    files.write(path, before + new.encode("utf-8", "surrogateescape"))
    starts = None
    with contextlib.suppress(OSError, ValueError):
        starts = files.read_json(folder / STARTS_FILE)
    # A file that somebody broke counts for nothing.
    starts = starts if isinstance(starts, list) else []
    files.write_json(folder / STARTS_FILE, [*starts, start])


def record_settings(
    folder: pathlib.Path,
    settings: list[Config],
    genotype: Genotype | None,
    name: pathlib.Path,
) -> None:
    """Writes a flagfile, and the cell for its flag; `name` will be the folder's."""
    same = as_flag("flagfile", name / FLAGS_FILE)
    lines = [
        "# What was not at its default. Give another folder to train the same:",
        f"# python train.py {same} --train_logdir=...",
    ]
    for config in settings:
        lines += _flag_lines(config)
    if genotype is not None:
        files.write(folder / GENOTYPE_FILE, genotype.to_json() + "\n")
        cell = "top1" if genotype == DPC_TOP1 else name / GENOTYPE_FILE
        lines.append(f"--dense_prediction_cell_json={cell}")
    files.write(folder / FLAGS_FILE, "".join(f"{line}\n" for line in lines))


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that count, by name."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "not installed"
    return found


def _this_start() -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    # The commit counts if this code is one of the checkout's files.
    is_tracked = _git("ls-files", "--error-unmatch", str(_CODE / "__init__.py"))
    commit = None if is_tracked is None else _git("rev-parse", "HEAD")
    return {
        "command": sys.argv,
        "time": now.isoformat(timespec="seconds"),
        "versions": versions(),
        "commit": commit,
        "is_changed": bool(commit and _git("status", "--porcelain", "-uno")),
        "platform": platform.platform(),
        "num_cpus": os.cpu_count(),
        "devices": [_device(d) for d in tf.config.list_physical_devices()],
    }


def _flag_lines(config: Config) -> list[str]:
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not field.metadata["flag"] or value == field.default:
            continue
        values = value if isinstance(value, tuple) else (value,)
        text = f"--{field.name}={','.join(map(str, values))}"
        switch = f"--{'' if value else 'no'}{field.name}"
        lines.append(switch if isinstance(value, bool) else text)
    return lines


def _git(*arguments: str) -> str | None:
    """What git says about the checkout that the code lies in; None if it says no."""
    command = ["git", "--no-optional-locks", "-C", str(_CODE), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _device(device: tf.config.PhysicalDevice) -> str:
    """Its kind; of a GPU the model, too."""
    details = {}
    if device.device_type == "GPU":
        details = tf.config.experimental.get_device_details(device)
    model = details.get("device_name")
    return f"{device.device_type} ({model})" if model else device.device_type
