"""The folder of a training run: its config, its record, its checkpoints."""

import contextlib
import dataclasses
import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import keras
from absl import logging

from deeplab_dpc import checkpoint_files, files
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import as_flag, count, some
from deeplab_dpc.new_folder import filled
from deeplab_dpc.settings import flat
from deeplab_dpc.training import checkpoints, run_record
from deeplab_dpc.training.checkpoints import RunFolderError

CONFIG_FILE = "config.json"
MAY_CHANGE = (
    "data.dataset_dir",
    "data.skip_bad_records",
    "train.early_stopping_patience",
    "train.eval_interval_steps",
    "train.log_steps",
    "train.save_interval_secs",
    "train.save_summaries_secs",
    "train.save_summaries_images",
    "train.max_to_keep",
)
"""What may differ when a run resumes; and everything about evaluation."""

Path = str | os.PathLike


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything a run is made of, and all that evaluation and export need to know."""

    model: ModelConfig  # The model; its `num_classes` are the data set's.
    data: DataConfig  # Where the records are.
    train: TrainConfig  # How it is trained.
    eval: EvalConfig  # How it is to be evaluated.
    dataset: DatasetInfo  # The data set's classes, colours, ignored label and sizes.

    def to_dict(self) -> dict[str, Any]:
        """All settings as JSON types, by part."""
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: part.to_dict() for name, part in parts.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunConfig":
        """Reads what `to_dict` gave; any of several errors if it was something else."""
        kinds: dict[str, Any] = {f.name: f.type for f in dataclasses.fields(cls)}
        return cls(**{k: kind.from_dict(values[k]) for k, kind in kinds.items()})

    def save(self, folder: Path) -> None:
        """Writes `config.json`, whole or not at all."""
        files.write_json(pathlib.Path(folder, CONFIG_FILE), self.to_dict())

    @classmethod
    def load(cls, folder: Path) -> "RunConfig":
        """Reads what `save` wrote; else a `RunFolderError` says what is there."""
        path = files.local(folder) / CONFIG_FILE
        if not path.is_file():
            advice = "Give the --train_logdir of a run of train.py."
            if any(path.parent.glob("*.ckpt*.index")):
                advice = (
                    "If this is a TF1 checkpoint of the original, convert it first: "
                    f"python convert_checkpoint.py {as_flag('checkpoint_dir', folder)}"
                )
            raise RunFolderError(
                f"{folder} is no run folder: it has no {CONFIG_FILE}. "
                f"{_contents(path.parent)} {advice}"
            )
        with files.readable(path, RunFolderError):
            return cls.from_dict(files.read_json(path))

    def differences(self, other: "RunConfig") -> dict[str, tuple[Any, Any]]:
        """What two runs differ in: `{"train.seed": (self's, other's)}`."""
        mine, theirs = flat(self.to_dict()), flat(other.to_dict())
        names = sorted(mine.keys() | theirs.keys())
        pairs = {name: (mine.get(name), theirs.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def restore_model(model: keras.Model, source: Path, use_ema: bool | None = None) -> int:
    """Gives a model the weights of a run, by name, all or none; gives the run's steps.

    The source is a run folder (its newest checkpoint counts) or a checkpoint's prefix.
    `RunFolderError` if there is no checkpoint, it is another model's, or it lacks the
    averages that `use_ema=True` asks for (None: those that there are).
    """
    prefix = os.fspath(files.local(source))
    if os.path.isdir(prefix):
        prefix = checkpoint_files.newest(source) or ""
        if not prefix:
            contents = _contents(pathlib.Path(source))
            raise RunFolderError(f"{source} holds no checkpoint yet. {contents}")
    elif not os.path.exists(f"{prefix}.index"):
        raise RunFolderError(
            f"{prefix} is neither a folder nor a checkpoint ({prefix}.index does not "
            "exist). Give a run folder, or a prefix such as RUN/ckpt-30000."
        )
    weights = checkpoints.read_weights(prefix, use_ema)
    checkpoints.assign(checkpoints.weights_by_name(model), weights, prefix)
    return checkpoints.read_step(prefix)


def check_writable(folder: Path) -> None:
    """Tries, without a trace, whether `folder` can be written (`RunFolderError`)."""
    folder = files.local(folder).absolute()
    existing = _existing(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".writable-"):
            pass
    except OSError as e:
        raise RunFolderError(
            f"No run can be written to {folder}: {existing}: {e.strerror}. Give "
            "another folder."
        ) from e


def check_space(folder: Path, checkpoint_bytes: int, num_checkpoints: int) -> None:
    """Checks that the checkpoints still to come fit on the disk (`RunFolderError`)."""
    path = pathlib.Path(folder).absolute()
    kept = len(list(path.glob(f"{checkpoints.NAME}-*.index")))
    needed = checkpoint_bytes * max(num_checkpoints + 1 - kept, 1)
    free = shutil.disk_usage(_existing(path)).free
    if free < needed:
        raise RunFolderError(
            f"{folder} has {free / 2**20:,.0f} MiB free, but "
            f"{count(num_checkpoints, 'checkpoint')} of "
            f"{checkpoint_bytes / 2**20:,.0f} MiB, and one more while it is written, "
            f"need {needed / 2**20:,.0f} MiB. Free some space, or lower --max_to_keep."
        )


def check_resumable(config: RunConfig, folder: Path) -> str | None:
    """The newest checkpoint's prefix, from which a run of this config resumes, or None.
    `RunFolderError` if the folder's run has another config, or is another program's.
    """
    path = pathlib.Path(folder)
    newest = checkpoint_files.newest(path) if path.is_dir() else None
    if newest is None:
        return None
    if not (path / CONFIG_FILE).is_file():
        raise RunFolderError(
            f"{folder} has checkpoints, but no {CONFIG_FILE}: they are not a run's of "
            "this program. Give an empty folder; to start from those weights, "
            f"pass {as_flag('tf_initial_checkpoint', newest)}."
        )
    there, steps = RunConfig.load(path), "train.training_number_of_steps"
    differences = {
        name: pair
        for name, pair in there.differences(config).items()
        if not name.startswith("eval.") and name not in MAY_CHANGE
    }
    was, now = differences.get(steps, (0, 0))
    if was < now:
        del differences[steps]
    if differences:
        pairs = [(k, *map(repr, pair)) for k, pair in differences.items()]
        changed = [f"  {name}: {was} there, now {now}\n" for name, was, now in pairs]
        raise RunFolderError(
            f"{folder} holds a run with other settings:\n{''.join(changed)}"
            "Resume it with its own settings; or move it away, or give another folder; "
            f"with {as_flag('tf_initial_checkpoint', folder)} that begins with its "
            "weights."
        )
    if was < now:
        logging.info(
            "%s was to have %s, now %s: the learning rate follows the schedule of %s "
            "from here on.",
            *(folder, count(was, "step"), f"{now:,}", count(now, "step")),
        )
    return newest


def claimed(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Makes this process the one that trains in a folder, or a `LockedError`."""
    return files.claimed(pathlib.Path(folder, ".train.lock"))


def create(config: RunConfig, folder: Path, is_new: bool = True) -> None:
    """Writes the run's config, flags and cell, and records this start; whole or not."""
    path = files.local(folder).absolute()
    with new_folder(path) if is_new else contextlib.nullcontext(path) as into:
        settings = [config.model, config.data, config.train, config.eval]
        run_record.record_settings(into, settings, config.model.genotype, path)
        config.save(into)
    if not is_new:
        run_record.record_start(path)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[pathlib.Path]:
    """A folder to fill; it gets its name, which must be new, at the end."""
    path = files.local(folder).absolute()
    if path.exists():
        raise RunFolderError(f"{folder} is there already; give another, or delete it.")
    try:
        with filled(path) as new:
            yield new
            run_record.record_start(new)
    except OSError as e:
        if e.errno != errno.ENOTEMPTY:
            raise
        raise RunFolderError(
            f"Another process has just begun {folder}; wait for it, or give another."
        ) from e


def _existing(path: pathlib.Path) -> pathlib.Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(p for p in (path, *path.parents) if p.exists())


def _contents(folder: pathlib.Path) -> str:
    if not folder.is_dir():
        return "There is no such folder."
    names = sorted(p.name for p in folder.iterdir())
    return f"It holds: {some(names, 8)}." if names else "It is empty."
