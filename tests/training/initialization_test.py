"""First weights: tiny ones, and the original's ImageNet classifiers as TF1 files."""

import dataclasses
import json

import numpy as np
import pytest

from deeplab_dpc.config import MODEL_VARIANTS, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import WeightsError, variables_by_tf1_name
from deeplab_dpc.training import checkpoints, initialization
from tests import goldens
from tests.tf1 import zoo
from tests.training import tiny

LOGITS = ("logits/semantic/weights", "logits/semantic/biases")
CLASSES = ModelConfig(num_classes=3)


@pytest.fixture
def model():
    return tiny.build_model(CLASSES)


@pytest.fixture
def values(model):
    """A source's arrays: 1, 2, 3, ... in the order of the variables."""
    names = variables_by_tf1_name(model).items()
    return {n: np.full(v.shape, i + 1.0, "float32") for i, (n, v) in enumerate(names)}


def _write_npz(path, values) -> str:
    np.savez(path, **values)
    return str(path)


def _write_run(path, values) -> str:
    model = tiny.build_model(CLASSES)
    for name, variable in variables_by_tf1_name(model).items():
        variable.assign(values[name])
    checkpoints.save_once(model, path, 5)
    return str(path)


def _initialize(model, source, **train):
    train = TrainConfig(tf_initial_checkpoint=source, **train)
    return initialization.initialize(model, train)


def _arrays(model) -> dict[str, np.ndarray]:
    """A copy of each variable, by TF1 name."""
    return {name: np.array(v) for name, v in variables_by_tf1_name(model).items()}


def _differing(model, values) -> set[str]:
    """The variables that are not, to the bit, as here."""
    pairs = ((n, v, values[n]) for n, v in _arrays(model).items())
    return {name for name, ours, theirs in pairs if not np.array_equal(ours, theirs)}


@pytest.mark.parametrize(
    "write, name",
    [(_write_npz, "w.npz"), (zoo.write, "model.ckpt"), (_write_run, "run")],
)
def test_three_kinds_of_sources_give_the_same_weights(
    model, values, tmp_path, write, name
):
    done = _initialize(model, write(tmp_path / name, values))
    assert not _differing(model, values)
    assert len(done.report.loaded) == len(values) == 7
    assert not done.report.missing and not done.left_out


def test_what_a_classifier_has_too_much_is_counted(model, values, tmp_path):
    extra = {"MobilenetV2/Logits/biases": np.ones(4), "global_step": np.int64(9)}
    values = {n: v for n, v in values.items() if n not in LOGITS} | extra
    done = _initialize(model, _write_npz(tmp_path / "w.npz", values))
    assert set(done.report.missing) == set(LOGITS)
    assert "5 tensors loaded, 2 new" in done.lines()[0]
    assert "logits (2)" in done.lines()[1]


def test_last_layers_can_stay_new_and_those_of_other_classes_do(
    model, values, tmp_path
):
    before, source = _arrays(model), _write_npz(tmp_path / "w.npz", values)
    done = _initialize(model, source, initialize_last_layer=False)
    assert set(done.left_out) == set(done.report.missing) == set(LOGITS)
    values[LOGITS[0]], values[LOGITS[1]] = np.ones((1, 1, 8, 19)), np.ones(19)
    done = _initialize(model, _write_npz(tmp_path / "w.npz", values))
    assert set(done.left_out) == set(LOGITS)
    assert done.lines()[-1] == "Left out on purpose: logits (2)."
    assert not set(LOGITS) & _differing(model, before)


def test_another_backbone_or_width_is_an_error_that_names_it(model, values, tmp_path):
    values["MobilenetV2/weights"] = np.ones((3, 3, 3, 16), "float32")
    other = {"xception_65/weights": np.ones(3)}
    for found, words in (
        (other, "nothing for the backbone.*xception_65"),
        (values, r"weights \(3, 3, 3, 16\) instead of"),
    ):
        with pytest.raises(WeightsError, match=words):
            _initialize(model, _write_npz(tmp_path / "w.npz", found))
    (tmp_path / "empty").mkdir()
    for name in ("nothing", "nothing.npz", "empty"):
        with pytest.raises(WeightsError, match=f"tf_initial_checkpoint=.*{name}"):
            _initialize(model, str(tmp_path / name))


CLASSIFIERS = {
    "mobilenet_v2": ("mobilenet_v2_slim_65x97", 7),  # Conv_1 (5) and the logits (2).
    "xception_41": ("xception_41_65x97", 2),
    "xception_65": ("xception_65_65x97", 2),
    "xception_71": ("xception_71_65x97", 2),
    "resnet_v1_50_beta": ("resnet_v1_50_beta_65x97", 2),
}
HEAD = ("image_pooling", "aspp0", "concat_projection", "logits")


def classifier(variant):
    name, _ = CLASSIFIERS[variant]
    text = (goldens.FOLDER / "imagenet" / f"variables_{name}.json").read_text()
    return {n: goldens.recipe_value(n, shape) for n, shape in json.loads(text)}


@goldens.needed
@pytest.mark.parametrize("variant", [v for v in CLASSIFIERS if v in MODEL_VARIANTS])
def test_a_classifier_fills_the_whole_backbone(variant, tmp_path):
    """Backbone to the bit; the head is new; what the classifier has too much counts."""
    weights = classifier(variant)
    source = zoo.write(tmp_path / "model.ckpt", weights, slots=True)
    model = build_model(ModelConfig(model_variant=variant))
    done = _initialize(model, source)
    extra = CLASSIFIERS[variant][1]
    assert len(done.report.unexpected) == extra
    assert len(done.report.loaded) == len(weights) - extra
    assert {n.split("/")[0] for n in done.report.missing} == set(HEAD)
    wanted = {n: v for n, v in _arrays(model).items() if n.startswith(HEAD)} | weights
    assert not _differing(model, wanted)
    assert f"{len(weights) - extra} tensors loaded" in done.lines()[0]
    assert f"{extra} of the source unused" in done.lines()[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A DeepLab checkpoint: MobileNet-v2, the published cell, a decoder, 19 classes."""
    path = tmp_path_factory.mktemp("trained") / "model.ckpt"
    weights = goldens.weights("mobilenetv2_dpc_decoder")
    return zoo.write(path, weights, slots=True), weights


NO_LAST = {"initialize_last_layer": False}
CELL = ModelConfig(num_classes=5, genotype=DPC_TOP1, decoder_output_stride=(4,))


@goldens.needed
@pytest.mark.parametrize(
    "train, scopes",
    [
        ({}, ("logits",)),
        ({"last_layers_contain_logits_only": True, **NO_LAST}, ("logits",)),
        (NO_LAST, ("logits", "meta_architecture", "decoder")),
    ],
)
def test_which_layers_a_deeplab_checkpoint_of_other_classes_leaves_new(
    trained, train, scopes
):
    """19 classes into 5: the logits never fit; the other last layers are a choice."""
    source, weights = trained
    model = build_model(CELL)
    done = _initialize(model, source, **train)
    new = {name for name in weights if name.startswith(scopes)}
    assert set(done.left_out) == set(done.report.missing) == new
    assert set(done.report.loaded) == set(weights) - new
    assert _differing(model, weights) == new
    for scope in scopes:
        assert f"{scope} (" in done.lines()[-1]


@goldens.needed
def test_the_same_classes_load_everything(trained):
    source, weights = trained
    done = _initialize(build_model(dataclasses.replace(CELL, num_classes=19)), source)
    assert set(done.report.loaded) == set(weights) and not done.left_out


@pytest.mark.parametrize("loads", [False, True])
def test_new_taps_that_no_crop_trains_start_at_zero(tmp_path, loads):
    """Of a crop's map of 15x20: rows of the cell's (18, 15), columns of its (6, 21)."""
    config = ModelConfig(num_classes=3, depth_multiplier=0.25, genotype=DPC_TOP1)
    train = TrainConfig(train_crop_size=(225, 305))
    model = build_model(config)
    cell = [f"meta_architecture/branch{i}_depthwise/depthwise_weights" for i in (1, 4)]
    done = None
    if loads:
        values = {n: v for n, v in _arrays(model).items() if n != cell[1]}
        done = _initialize(model, _write_npz(tmp_path / "w.npz", values))
    expected = _arrays(model)
    line = initialization.silence_idle_taps(model, config, train, done)
    expected[cell[1]][:, [0, 2]] = 0
    if not loads:
        expected[cell[0]][[0, 2]] = 0
    assert not _differing(model, expected)
    rows = "meta_architecture/branch1_depthwise (rate 18x15: rows), "
    assert line == (
        f"On a crop's feature map of 15x20 outer taps of {'' if loads else rows}"
        "meta_architecture/branch4_depthwise (rate 6x21: columns) meet padding alone: "
        "they start at zero and stay so. "
        f"--train_crop_size={225 if loads else 289},337 would train them."
    )
    wide = dataclasses.replace(train, train_crop_size=(289, 337))
    assert initialization.silence_idle_taps(model, config, wide, done) is None


def test_of_an_image_pyramid_the_largest_map_counts():
    scales = {"image_pyramid": (0.5, 1.5), "genotype": DPC_TOP1}
    config = ModelConfig(num_classes=3, depth_multiplier=0.25, **scales)
    model = build_model(config)
    trains = [TrainConfig(train_crop_size=(225, width)) for width in (225, 224)]
    silence = initialization.silence_idle_taps
    silenced = [silence(model, config, train, None) for train in trains]
    assert silenced[0] is None and "--train_crop_size=225,225" in silenced[1]
