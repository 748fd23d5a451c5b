"""Archives of the model zoo, and the folders that they unpack to."""

import contextlib
import gzip
import os
import pathlib
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator

from deeplab_dpc.formatting import clipped
from deeplab_dpc.tf1.sources import WeightsError, check_unpacked, reader

FROZEN_GRAPH = "frozen_inference_graph.pb"

_SUFFIX = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")
_ARCHIVE = re.compile(r"\.(tar\.gz|tgz|tar)$", re.IGNORECASE)
_WANTED = re.compile(r"[^.].*\.(index|data-\d+-of-\d+)|checkpoint")


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[tuple[str, pathlib.Path]]:
    """What `read_tensors` reads, and the run folder that is made of it by default.

    `path` is what `find_source` takes, or an archive: its checkpoint or frozen graph
    lies in a temporary folder until the block ends.
    """
    given = pathlib.Path(path)
    ending = _ARCHIVE.search(given.name)
    if not ending or not is_archive(given):
        source = find_source(given)
        yield source, pathlib.Path(source).parent / "run"
        return
    name = given.name[: ending.start()]
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        _unpack(given, pathlib.Path(folder))
        try:
            yield find_source(folder), given.with_name(f"{name}_run")
        except WeightsError as e:  # Also of the reader: the folder is gone by then.
            said = str(e).replace(f"{folder}/", "").replace(folder, "it")
            raise WeightsError(f"{given}: {said}") from e


def is_archive(path: str | os.PathLike) -> bool:
    """Whether this is a file whose name ends as an archive's does."""
    return bool(_ARCHIVE.search(os.fspath(path))) and os.path.isfile(path)


def find_source(path: str | os.PathLike) -> str:
    """The prefix of a TF1 checkpoint, an `.npz`, a frozen graph or Keras's weights.

    A folder, a checkpoint's prefix or one of its files is given, or the file itself. Of
    several checkpoints in a folder the `checkpoint` file, or the number at the end,
    tells the newest; a frozen graph counts where there is none. A `WeightsError` is
    raised if there is nothing, or no telling which.
    """
    given = pathlib.Path(path)
    if given.is_dir():
        return str(_newest(given))
    if reader(given) and given.is_file():
        return str(given)
    prefix = given.with_name(_SUFFIX.sub("", given.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return str(prefix)
    raise WeightsError(
        f"{given} is no checkpoint: {prefix}.index is missing. Give the folder with "
        "the .index and .data files, or their prefix, an archive of the model zoo "
        "(.tar.gz), a frozen graph (.pb) or an .npz."
    )


def step_in_name(prefix: str) -> int:
    """The step in a prefix such as `model.ckpt-30000`; 0 without one."""
    match = re.search(r"-(\d+)$", prefix)
    return int(match[1]) if match else 0


def _newest(folder: pathlib.Path) -> pathlib.Path:
    found = sorted(p.with_name(p.stem) for p in folder.glob("*.index"))
    if not found:
        graph = folder / FROZEN_GRAPH
        if graph.is_file():
            return graph
        raise WeightsError(f"{folder} holds no checkpoint (*.index). {_hint(folder)}")
    if len(found) == 1:
        return found[0]
    from deeplab_dpc import checkpoint_files  # Late: it needs TensorFlow.

    for named in checkpoint_files.named(folder)[:1]:
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


def _hint(folder: pathlib.Path) -> str:
    inner = sorted(p.parent for p in folder.glob("*/*.index"))
    if inner:
        return f"Did you mean {inner[0]}?"
    names = sorted(p.name for p in folder.iterdir())
    return f"It holds {', '.join(names[:8]) or 'nothing'}."


def _unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Puts an archive's checkpoint and frozen graph into a folder, all side by side.

    The archive is read to its end, where gzip's checksum is, before its members are
    looked at. One that is wanted must be a plain file inside the archive, and of one
    name there is one.
    """
    try:
        with open(archive, "rb") as file, tempfile.TemporaryFile(dir=folder) as plain:
            is_zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if is_zipped:
                with gzip.open(file) as stream:
                    while chunk := stream.read(2**20):
                        plain.write(chunk)
                        check_unpacked(archive, plain.tell())
                plain.seek(0)
            with tarfile.open(fileobj=plain if is_zipped else file, mode="r:") as tar:
                members = {m: name for m in tar if (name := _wanted_name(archive, m))}
                check_unpacked(archive, sum(m.size for m in members))
                for member, name in members.items():
                    with open(folder / name, "xb") as out:
                        shutil.copyfileobj(tar.extractfile(member) or plain, out)
    except FileExistsError as e:
        name = pathlib.Path(e.filename).name
        raise WeightsError(
            f"{archive} holds two files {name}; unpack it and give the right folder."
        ) from e
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise WeightsError(
            f"{archive} is damaged, or no .tar.gz: {clipped(str(e), 200)}. Download or "
            "copy it again."
        ) from e
    except OSError as e:
        e.filename = e.filename or str(folder)
        raise


def _wanted_name(archive: pathlib.Path, member: tarfile.TarInfo) -> str:
    """The name of a member that is of use, without its folders; or nothing."""
    path = pathlib.PurePosixPath(member.name)
    if member.isdir() or not (
        path.name == FROZEN_GRAPH or _WANTED.fullmatch(path.name)
    ):
        return ""
    if not member.isfile() or path.is_absolute() or ".." in path.parts:
        raise WeightsError(
            f"{archive} has the member {clipped(member.name)}, which is no plain file "
            "inside it; nothing was unpacked."
        )
    return path.name
