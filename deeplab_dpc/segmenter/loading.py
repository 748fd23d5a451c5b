"""What can be loaded, and how."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras

from deeplab_dpc import checkpoint_files, checksums, files, weights
from deeplab_dpc.config import MAX_MEGAPIXELS, DataConfig
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.export import assets, runtimes, versions
from deeplab_dpc.export.runtimes import MissingError
from deeplab_dpc.formatting import clipped, count, without_nodes
from deeplab_dpc.inference import Averaging
from deeplab_dpc.layers.precision import predicting
from deeplab_dpc.model import build_model
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.networks import ExportedNetwork, KerasNetwork, Network
from deeplab_dpc.segmenter.segmenter import Segmenter
from deeplab_dpc.tf1 import archives, load_tf1_weights
from deeplab_dpc.training.from_tf1 import Tf1Run
from deeplab_dpc.training.run_folder import CONFIG_FILE, RunConfig

Classes = DatasetInfo | Sequence[str] | str | os.PathLike[str] | None
Settings = Mapping[str, Any]


class LoadError(ValueError):
    """What cannot be loaded as a model."""


def load(
    what: Run | str | os.PathLike[str],
    classes: Classes = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    precision: str | None = None,
) -> Segmenter:
    """A trained model, ready for images.

    >>> segmenter = load("runs/first")
    >>> for result in segmenter.predict("photos"):
    ...     print(result.name, result.labels.shape, max(result.shares()))
    cat (9, 7) ...
    dog (8, 8) ...
    >>> segmenter.class_names
    ('sky', 'road', 'car')

    Args:
        what: A run folder, or a checkpoint in it, or a `Run`; what
            `export_model.py` wrote, of which the newest version counts, or one
            version; a `.keras` file of a model of `build_model`;
            published weights by name; or weights of the original: an archive of its
            model zoo, packed or not, a checkpoint's prefix, a frozen graph or an
            `.npz` of arrays by TF1 name.
        classes: Their names in the order of the ids, the name of a known data set, a
            folder with a `dataset.json`, or a `DatasetInfo`. By default what `what`
            says; of the original's weights a known data set with so many classes.
        max_megapixels: How many millions of pixels the network sees at once, see
            `Segmenter`; each takes about 0.3 GB of memory.
        precision: `"float32"` or `"bfloat16"`, the numbers that the network computes
            with; by default the run's, which are float32 unless it says otherwise.
            An export and a `.keras` file have their own, and a `Run` has.

    Raises:
        LoadError: If this is none of these, has another number of classes, or computes
            with numbers of its own.
        ValueError: Of other kinds, in words, for what is damaged.
    """
    given = {} if precision is None else {"precision": precision}
    if isinstance(what, Run):
        _check_free("The Run", given)
        return Segmenter(_from_run(what, classes), max_megapixels)
    path = files.local(what)
    for kind in KINDS:
        if kind.fits(path):
            return Segmenter(kind.read(path, classes, given), max_megapixels)
    found = "There is no such file or folder" if not path.exists() else "It is another"
    accepted = "".join(f"\n  {kind.words}" for kind in KINDS)
    raise LoadError(
        f"{clipped(str(what), 200)} is no model that can be loaded. {found}; give one "
        f"of these:{accepted}\n{weights.hint(str(what))}"
    )


class Kind(NamedTuple):
    """One kind of what can be loaded."""

    words: str
    fits: Callable[[pathlib.Path], bool]
    # The last are settings of the evaluation that were given.
    read: Callable[[pathlib.Path, Classes, Settings], Network]


def _is_run(path: pathlib.Path) -> bool:
    meant = checkpoint_files.meant(path)
    folder = meant if meant.is_dir() else meant.parent
    return (meant.is_dir() or _is_prefix(meant)) and (folder / CONFIG_FILE).is_file()


def _is_prefix(path: pathlib.Path) -> bool:
    return path.with_name(f"{path.name}.index").is_file()


def _from_run(run: Run, classes: Classes) -> Network:
    return _network(run.model(), run.config, classes, run.averaging)


def _network(
    model: keras.Model, config: RunConfig, classes: Classes, averaging: Averaging
) -> Network:
    info = _info(classes, config.dataset)
    return KerasNetwork(model, info, averaging, config.data, config.eval.eval_crop_size)


def _check_free(what: object, given: Settings) -> None:
    """Refuses to give a precision to what has one already."""
    if given:
        raise LoadError(
            f"{what} computes with numbers of its own; precision="
            f"{given['precision']!r} is for a run folder or weights of the original. "
            "Otherwise Run.open(folder, evaluation={'precision': 'bfloat16'}), or "
            "export_model.py --precision=bfloat16, makes one that computes with others."
        )


def _from_export(path: pathlib.Path, classes: Classes, given: Settings) -> Network:
    _check_free(path, given)
    folder = path.parent if path.is_file() else versions.meant(path) or path
    file = path if path.is_file() else versions.model_file(folder)
    if file is None:
        raise LoadError(
            f"{folder} is the newest version in {path}, but has no saved_model.pb or "
            "file of another format. If that is an export, copy it anew, or load "
            "another version."
        )
    labels = assets.labels_file(folder)
    if not labels.is_file():
        raise LoadError(
            f"{file} has no {labels.relative_to(folder)} beside it, so export_model.py "
            "did not write it, or not all of it was copied."
        )
    checksums.check(folder, assets.FOLDER)
    with files.readable(labels, LoadError):
        facts = files.read_json(labels)
        told = {"name": facts["dataset"], "split_sizes": {}}
        told |= {name: facts[name] for name in ("classes", "ignore_label")}
        resizes = facts["resizing"]["min_resize_value"] is not None
        info = DatasetInfo.from_dict(told)
    info = _info(classes, info)
    is_saved_model = file.suffix == ".pb"
    with _reading(*(folder, "a SavedModel") if is_saved_model else (file, "a model")):
        runtime = runtimes.opened(file)
    if runtime.num_classes not in (None, info.num_classes):
        raise LoadError(
            f"{labels} names {count(info.num_classes, 'class')}, but the SavedModel "
            f"has {runtime.num_classes}; they are not of one export."
        )
    return ExportedNetwork(runtime, info, resizes)


def _is_export(path: pathlib.Path) -> bool:
    """Whether it is a version, the folder of all, or a file in one."""
    if path.suffix == ".keras":  # It may be one of build_model.
        return path.is_file() and assets.labels_file(path.parent).is_file()
    return runtimes.is_export(path) or versions.meant(path) is not None


@contextlib.contextmanager
def _reading(path: pathlib.Path, kind: str) -> Iterator[None]:
    """TensorFlow and Keras raise nearly anything for damaged files."""
    try:
        yield
    except MissingError:
        raise
    except Exception as e:
        said = clipped(without_nodes(str(e)), 300)
        raise LoadError(
            f"{path} cannot be read as {kind} ({said}). Copy it again."
        ) from e


def _from_keras(path: pathlib.Path, classes: Classes, given: Settings) -> Network:
    _check_free(path, given)
    with _reading(path, "a Keras model"):
        model = keras.models.load_model(path, compile=False)
        inputs, outputs = model.input_shape, model.output_shape
    if len(inputs) != 4 or inputs[-1] != 3 or len(outputs) != 4:
        raise LoadError(
            f"{path} turns {inputs} into {outputs}; a model of build_model makes of "
            "images [batch, height, width, 3] logits [batch, h, w, classes]."
        )
    info = _info(classes, _numbered(outputs[-1]))
    return KerasNetwork(model, info, Averaging(), DataConfig())


def _from_name(name: pathlib.Path, classes: Classes, given: Settings) -> Network:
    entry = weights.find(str(name))
    if entry.num_classes is None:
        raise LoadError(
            f"{name} is a backbone alone, without classes: give it to train.py's "
            "--tf_initial_checkpoint."
        )
    known = {**entry.settings, **entry.data_settings, "dataset": entry.dataset}
    with archives.opened(weights.path(str(name))) as (source, _):
        return _from_tf1_source(source, classes, {**known, **given})


def _from_tf1(path: pathlib.Path, classes: Classes, given: Settings) -> Network:
    with archives.opened(path) as (source, _):
        return _from_tf1_source(source, classes, given)


def _from_tf1_source(source: str, classes: Classes, given: Settings) -> Network:
    if classes is not None:
        is_known = classes in dataset_info.known_names()
        given = {**given, "dataset": classes if is_known else None}
    found = Tf1Run.read(source, given)
    with predicting(found.config.eval.precision):
        model = build_model(found.config.model)
    load_tf1_weights(model, found.weights)
    averaging = Averaging.from_config(found.config.eval, found.config.model)
    return _network(model, found.config, classes, averaging)


def _is_tf1(path: pathlib.Path) -> bool:
    endings = ".npz", ".pb", ".tar.gz", ".tgz", ".tar"
    is_file = path.name.lower().endswith(endings)
    return path.is_dir() or _is_prefix(path) or (is_file and path.is_file())


KINDS = (
    Kind(
        "the name of published weights (`deeplab-dpc weights list`)",
        weights.is_name,
        _from_name,
    ),
    Kind(
        "a run folder (train.py's --train_logdir), or a checkpoint in it",
        _is_run,
        lambda path, classes, given: _from_run(
            Run.open(path, evaluation=given), classes
        ),
    ),
    Kind(
        "what export_model.py wrote, a SavedModel or another format: the folder of its "
        "versions, one of them, or a file in it",
        _is_export,
        _from_export,
    ),
    Kind(
        "a .keras file of a model of build_model",
        lambda path: path.suffix == ".keras" and path.is_file(),
        _from_keras,
    ),
    Kind(
        "weights of the original: an archive of its model zoo (.tar.gz) or its folder, "
        "a checkpoint's prefix, a frozen graph (.pb), an .npz by TF1 name",
        _is_tf1,
        _from_tf1,
    ),
)
"""In the order in which they are tried; another format is another line here."""


def _info(classes: Classes, own: DatasetInfo) -> DatasetInfo:
    """The classes that are given, or the model's own."""
    if classes is None:
        return own
    if isinstance(classes, DatasetInfo):
        info = classes
    elif isinstance(classes, str) and classes in dataset_info.known_names():
        info = dataset_info.known(classes)
    elif isinstance(classes, str | os.PathLike):
        if not os.path.isdir(classes):
            raise LoadError(
                f"The classes {clipped(str(classes), 200)} are of no known data set ("
                f"{', '.join(dataset_info.known_names())}), and there is no such "
                "folder."
            )
        info = DatasetInfo.load(classes)
    else:
        names = tuple(map(str, classes))
        colors = colormaps.distinct([None] * len(names))
        info = DatasetInfo("own", names, colors, 255, {})
    if info.num_classes != own.num_classes:
        raise LoadError(
            f"The model has {count(own.num_classes, 'class')}, but {info.num_classes} "
            f"are given: {clipped(', '.join(info.class_names), 200)}."
        )
    return info


def _numbered(num_classes: int) -> DatasetInfo:
    """Classes that nobody has named."""
    names = tuple(f"class {i}" for i in range(num_classes))
    return DatasetInfo("unknown", names, colormaps.pascal_colors(num_classes), 255, {})
