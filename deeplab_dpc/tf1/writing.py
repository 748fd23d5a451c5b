"""Our weights as a TF1 checkpoint, under the original's names."""

import os
import pathlib
import tempfile

import keras
import numpy as np

from deeplab_dpc.tf1.loading import STEP, WeightsError
from deeplab_dpc.tf1.names import variables_by_tf1_name

_DATA = ".data-00000-of-00001"


def save_tf1_checkpoint(
    model: keras.Model, prefix: str | os.PathLike, step: int = 0
) -> str:
    """Writes a TF1 V2 checkpoint that the original's `Saver` restores; gives its
    prefix.

    `<prefix>.index` appears last, so that there is a whole checkpoint or none; then the
    folder's `checkpoint` file names it as the newest, as TF1 does. `step` is the value
    of `global_step`, which the original's programs restore, too. `WeightsError` if a
    file of the checkpoint exists, which is never replaced, or a weight is not finite.
    """
    import tensorflow as tf

    path = pathlib.Path(prefix)
    for suffix in (".index", _DATA):
        if path.with_name(path.name + suffix).exists():
            raise WeightsError(
                f"{path}{suffix} is there already; give another prefix, or delete it."
            )
    arrays = {n: np.asarray(v) for n, v in variables_by_tf1_name(model).items()}
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise WeightsError(
            f"{len(bad)} tensors have NaN or infinite values, such as {bad[0]}; "
            "nothing was written."
        )
    arrays[STEP] = np.asarray(step, np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as new:
        written = os.path.join(new, path.name)
        _write(written, arrays)
        for suffix in (_DATA, ".index"):
            os.replace(written + suffix, f"{path}{suffix}")
    tf.compat.v1.train.update_checkpoint_state(str(path.parent), path.name)
    return str(path)


def _write(prefix: str, arrays: dict[str, np.ndarray]) -> None:
    import tensorflow as tf

    names = sorted(arrays)
    try:
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[arrays[name] for name in names],
        )
    except tf.errors.OpError as e:
        raise OSError(f"{prefix} cannot be written: {e.message}") from e
