"""`--label_weights=balanced`: numbers from the data set's own figures."""

from absl import app, flags, logging

from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import balanced_weights

BALANCED = "balanced"


def resolve(values: flags.FlagValues) -> None:
    """Puts numbers in the place of `balanced`, if the flag says so.

    The run's config then has the numbers, so that a run resumes with the weights that
    it began with, whatever becomes of `dataset.json`.

    Raises:
        app.UsageError: If the data set has no figures of the split.
        DatasetError: If there is no data set, or its split has no labels.
    """
    if values["label_weights"].value != [BALANCED]:
        return
    manifest = Manifest.load(values.dataset_dir, values.dataset)
    split = values.train_split
    if split not in manifest.statistics:
        known = ", ".join(manifest.statistics) or "none"
        raise app.UsageError(
            f"--label_weights={BALANCED} needs the pixels of each class, but "
            f"dataset.json in {values.dataset_dir} has no statistics of split "
            f"{split!r} (it has: {known}). Convert the data set again, or give the "
            "weights as numbers."
        )
    weights = balanced_weights(manifest.statistics[split])
    logging.info(
        "Balanced label weights: %s.",
        ", ".join(f"{n} {w:.3g}" for n, w in zip(manifest.info.class_names, weights)),
    )
    values["label_weights"].value = [",".join(map(repr, weights))]
