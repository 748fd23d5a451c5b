"""Keeps the checkpoint of the best score, whatever becomes of the others."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deeplab_dpc import checkpoint_files, files

_CANDIDATE = ".candidate"


class BestError(ValueError):
    """A kept checkpoint whose score cannot be compared with the ones to come."""


class GoneError(FileNotFoundError):
    """A checkpoint that is not there any more."""


class Best:
    """A folder with one checkpoint, `<name>.json` with its scores, and other files.

    The folder can be used like the run folder that the checkpoint is from; the files
    `beside` are copied there. Killed at any moment, it holds either the checkpoint
    before or the new one, with its score. `settings` (JSON types) are what the scores
    depend on: `BestError` if what is kept was scored with others; one that only one of
    the two knows is not compared.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        settings: Mapping[str, Any],
        beside: Sequence[pathlib.Path] = (),
    ):
        self.folder, self._beside = folder, beside
        self._settings = dict(settings)
        kept = self.scores()
        theirs = kept["settings"] if kept else {}
        if wrong := [k for k, v in self._settings.items() if theirs.get(k, v) != v]:
            shown = ", ".join(
                f"{k} {theirs[k]!r} there, now {self._settings[k]!r}" for k in wrong
            )
            raise BestError(
                f"{folder} keeps a checkpoint that was scored in another way "
                f"({shown}), so scores cannot be compared. Score as before, or move "
                "that folder away; eval.py also takes another --eval_logdir, which "
                "has a folder `best` of its own, or --nokeep_best_checkpoint."
            )

    def scores(self) -> dict[str, Any] | None:
        """What is kept of the best checkpoint's scores; None without one."""
        prefix = self._newest()
        if prefix is None:
            return None
        try:
            found = files.read_json(f"{prefix}.json")
            return {**found, "miou": found["miou"], "settings": found["settings"]}
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise BestError(
                f"{prefix}.json cannot be read ({e!r}), so nobody knows how good that "
                f"checkpoint is. Remove the folder {self.folder}."
            ) from e

    @contextlib.contextmanager
    def hold(self, prefix: str | os.PathLike) -> Iterator[str]:
        """The prefix of a checkpoint that stays while it is scored, even if training
        deletes it: its files are linked, or copied where that is impossible. Another
        process that scores checkpoints of the run waits. `GoneError` if it is gone
        already.
        """
        held = self.folder / _CANDIDATE
        with files.locked(self.folder.with_name(f".{self.folder.name}.lock")):
            shutil.rmtree(held, ignore_errors=True)
            held.mkdir()
            try:
                for file in _files(prefix):
                    try:
                        os.link(file, held / file.name)
                    except FileNotFoundError as e:
                        raise GoneError(2, "No such checkpoint", str(file)) from e
                    except OSError:  # Another file system, or one without links.
                        _copy(file, held / file.name)
                yield str(held / pathlib.Path(prefix).name)
            finally:
                shutil.rmtree(held, ignore_errors=True)

    def offer(self, held: str, scores: Mapping[str, Any]) -> bool:
        """Keeps what `hold` gave instead of the one before if its `miou` (0..1 or None)
        is higher; tells whether it is the best one now.
        """
        kept = self.scores()
        miou, than = scores["miou"], kept["miou"] if kept else None
        if miou is None or (than is not None and miou <= than):
            return False
        for file in self._beside:
            files.write(self.folder / file.name, file.read_bytes())
        name = pathlib.Path(held).name
        if self._newest() == str(self.folder / name):
            # Another checkpoint of this name: better none than half of each.
            (self.folder / checkpoint_files.STATE).unlink()
        moved = _files(held)
        for file in moved:
            os.replace(file, self.folder / file.name)
        kept = {**scores, "settings": self._settings}
        files.write_json(self.folder / f"{name}.json", kept)
        checkpoint_files.name(self.folder, [name])
        names = {file.name for file in moved} | {f"{name}.json"}
        for path in self.folder.glob(f"{name.rpartition('-')[0]}-*"):
            if path.name not in names:
                path.unlink()
        return True

    def _newest(self) -> str | None:
        kept = checkpoint_files.named(self.folder)[:1]
        return next((str(p) for p in kept if not checkpoint_files.damage(p)), None)


def _files(prefix: str | os.PathLike) -> list[pathlib.Path]:
    """The files of a checkpoint, its index last; `GoneError` if there is none."""
    found = checkpoint_files.of(prefix)
    if len(found) < 2 or found[-1].suffix != ".index":
        raise GoneError(2, "No such checkpoint", str(prefix))
    return found


def _copy(file: pathlib.Path, to: pathlib.Path) -> None:
    """Copies a file; an `OSError` names the copy, not the original."""
    try:
        shutil.copyfile(file, to)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(to)) from e
