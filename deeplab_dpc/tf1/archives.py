"""The folder that an archive of the model zoo unpacks to."""

import os
import pathlib
import re

from deeplab_dpc.tf1.sources import WeightsError

_SUFFIX = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")


def find_checkpoint(path: str | os.PathLike) -> str:
    """The prefix of the TF1 checkpoint that a folder, a prefix or one of its files is.

    Of several in a folder the `checkpoint` file, or the number at the end, tells the
    newest. A `WeightsError` is raised if there is none, or no telling which.
    """
    given = pathlib.Path(path)
    if given.is_dir():
        return str(_newest(given))
    prefix = given.with_name(_SUFFIX.sub("", given.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return str(prefix)
    if given.name.endswith((".tar.gz", ".tgz", ".tar", ".zip")):
        hint = f"Unpack it first: tar xzf {given}, and give the folder."
    else:
        hint = "Give the folder with the .index and .data files, or their prefix."
    raise WeightsError(f"{given} is no checkpoint: {prefix}.index is missing. {hint}")


def step_in_name(prefix: str) -> int:
    """The step in a prefix such as `model.ckpt-30000`; 0 without one."""
    match = re.search(r"-(\d+)$", prefix)
    return int(match[1]) if match else 0


def _newest(folder: pathlib.Path) -> pathlib.Path:
    found = sorted(p.with_name(p.stem) for p in folder.glob("*.index"))
    if not found:
        raise WeightsError(f"{folder} holds no checkpoint (*.index). {_hint(folder)}")
    if len(found) == 1:
        return found[0]
    named = _named_in_state(folder)
    if named in found:
        return named
    numbered = {step_in_name(p.name): p for p in found}
    if len(numbered) < len(found):
        names = ", ".join(p.name for p in found)
        raise WeightsError(
            f"{folder} holds {len(found)} checkpoints ({names}) and nothing says which "
            f"is meant; give one, such as {found[0]}."
        )
    return numbered[max(numbered)]


def _named_in_state(folder: pathlib.Path) -> pathlib.Path | None:
    """What the `checkpoint` file calls the newest, wherever the folder was then."""
    state = folder / "checkpoint"
    text = state.read_text(errors="replace") if state.is_file() else ""
    match = re.search(r'^model_checkpoint_path: "(.*)"', text, re.MULTILINE)
    return folder / pathlib.PurePath(match[1]).name if match else None


def _hint(folder: pathlib.Path) -> str:
    inner = sorted(p.parent for p in folder.glob("*/*.index"))
    if inner:
        return f"Did you mean {inner[0]}?"
    if (folder / "frozen_inference_graph.pb").is_file():
        return (
            "A frozen graph alone cannot be converted; take an archive that has "
            "model.ckpt.index and model.ckpt.data-00000-of-00001, too."
        )
    names = sorted(p.name for p in folder.iterdir())
    return f"It holds {', '.join(names[:8]) or 'nothing'}."
