"""Settings for a first good model, by the data and the machine, with reasons."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from deeplab_dpc.data.manifest import Manifest, statistics_of
from deeplab_dpc.formatting import count

_EPOCHS = 28  # Of the recipe's steps; 700 steps of 4 crops of 100 images.
_STEPS = 500, 30_000
_BATCH = {False: 4, True: 12}  # Crops of a step, without a GPU and with one.
_LARGEST_CROP = {False: 513, True: 769}
_GIB_PER_MEGAPIXEL = 8.0  # Of memory, of the crops of a step: measured, rounded up.
_FEWEST = 4  # Crops of which batch norm can be trained.
_SCORINGS = 5  # In a training.
FLAGS = (
    *("dense_prediction_cell_json", "decoder_output_stride", "tf_initial_checkpoint"),
    *("train_crop_size", "eval_crop_size", "train_batch_size", "fine_tune_batch_norm"),
    *("batch_norm_decay", "training_number_of_steps", "base_learning_rate"),
    *("label_weights", "eval_interval_steps"),
)
"""What the recipe chooses."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """A flag's value, as text, and why."""

    flag: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"--{self.flag}={self.value}  ({self.reason})"


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a machine has."""

    memory_gib: float
    has_gpu: bool

    @classmethod
    def this(cls) -> "Machine":
        """This one. A GPU's own memory is taken for as large as need be."""
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return dataclasses.replace(cls.without_gpu(), has_gpu=bool(gpus))

    @classmethod
    def without_gpu(cls) -> "Machine":
        """This one's processors, with all its memory: what is not free may be kept
        files alone.
        """
        pages, size = (os.sysconf(n) for n in ("SC_PHYS_PAGES", "SC_PAGE_SIZE"))
        return cls(pages * size / 2**30, has_gpu=False)


def choose(
    dataset_dir: str | os.PathLike[str], machine: Machine, given: Mapping[str, Any]
) -> list[Choice]:
    """What `train.py --recipe=auto` trains, unless flags say otherwise.

    Args:
        dataset_dir: A data set with the figures that every converter writes.
        machine: What there is to compute on.
        given: Flags that were given, by name: they are not chosen, and what depends on
            them follows them. `train_split` and `eval_split` must be there.

    Raises:
        DatasetError: If the data set's statistics are missing.
    """
    info = Manifest.load(dataset_dir).info
    split, numbers = info.part(given["train_split"])
    found = statistics_of(dataset_dir, split, "--recipe=auto", "leave out --recipe.")
    crop, why_crop = _crop(found.heights_px[1], found.widths_px[1], machine)
    height, width = map(int, given.get("train_crop_size", crop))
    batch, why_batch = _batch(height * width / 1e6, machine)
    batch = int(given.get("train_batch_size", batch))
    steps, why_steps = _steps(len(numbers), batch)
    steps = int(given.get("training_number_of_steps", steps))
    trained = batch >= _FEWEST
    window = max(steps // 10, 1)
    choices = [
        Choice(
            "dense_prediction_cell_json",
            "top1",
            "the published cell; 4 points ahead of ASPP on CamVid after 300 steps",
        ),
        Choice("decoder_output_stride", "4", "outlines at a quarter of the size"),
        Choice("tf_initial_checkpoint", "imagenet", "of so few images nothing else"),
        Choice("train_crop_size", f"{height},{width}", why_crop),
        Choice("eval_crop_size", f"{height},{width}", "padded as in training"),
        Choice("train_batch_size", str(batch), why_batch),
        Choice(
            "fine_tune_batch_norm",
            str(trained).lower(),
            f"batch norm {'learns' if trained else 'would not learn'} from "
            f"{count(batch, 'crop')} at a time",
        ),
        Choice(
            "batch_norm_decay",
            f"{min(max(1 - 1 / window, 0.9), 0.9997):.4g}",
            f"its averages are over the last {window} of {count(steps, 'step')}",
        ),
        Choice("training_number_of_steps", str(steps), why_steps),
        Choice("base_learning_rate", "0.03", "for few steps of small batches"),
        Choice("label_weights", "sqrt_balanced", "rare classes count more"),
    ]
    if given["eval_split"].partition("[")[0] in info.split_sizes:
        every = max(steps // _SCORINGS, 1)
        why = f"{_SCORINGS} scores on the way; the best checkpoint is kept"
        choices.append(Choice("eval_interval_steps", str(every), why))
    return [choice for choice in choices if choice.flag not in given]


def _crop(height: int, width: int, machine: Machine) -> tuple[tuple[int, int], str]:
    """Of images of this median size: all of one, or as much as is affordable."""
    largest = _LARGEST_CROP[machine.has_gpu]
    rows, columns = (-(-(side - 1) // 16) * 16 + 1 for side in (height, width))
    crop = min(rows, largest), min(columns, largest)
    if crop == (rows, columns):
        return crop, f"a whole image of {height}x{width}: the cell looks far"
    return crop, f"of images of {height}x{width}, as much as a step can take"


def _batch(megapixels: float, machine: Machine) -> tuple[int, str]:
    wanted = _BATCH[machine.has_gpu]
    fitting = int(machine.memory_gib / (_GIB_PER_MEGAPIXEL * megapixels))
    if machine.has_gpu or fitting >= wanted:
        return wanted, "what a step needs for batch norm, and no more"
    return max(
        fitting, 1
    ), f"of {machine.memory_gib:.0f} GiB of memory a step takes no more"


def _steps(num_images: int, batch: int) -> tuple[int, str]:
    wanted = round(_EPOCHS * num_images / batch)
    steps = min(max(wanted, _STEPS[0]), _STEPS[1])
    epochs = f"each of {count(num_images, 'image')} about"
    return steps, f"{epochs} {count(round(steps * batch / num_images), 'time')}"
