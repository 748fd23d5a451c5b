"""Three steps of the original's own training, on the whole network."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import build_model
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import DensePredictionCell, Logits, freeze_batch_norm
from deeplab_dpc.tf1 import load_tf1_weights
from deeplab_dpc.tf1.names import variables_by_tf1_name
from deeplab_dpc.training import losses, optimizers
from deeplab_dpc.training.step import ReplicaStep, training_logits
from tests import goldens

FLAGS = [
    "weight_decay",
    "fine_tune_batch_norm",
    "upsample_logits",
    "hard_example_mining_step",
    "top_k_percent_pixels",
    "learning_policy",
    "base_learning_rate",
    "learning_rate_decay_step",
    "learning_rate_decay_factor",
    "training_number_of_steps",
    "learning_power",
    "slow_start_step",
    "slow_start_learning_rate",
    "end_learning_rate",
    "momentum",
    "optimizer",
    "adam_learning_rate",
    "adam_epsilon",
    "last_layer_gradient_multiplier",
    "last_layers_contain_logits_only",
]
RUNS = (
    "mnv2dpc_noft_mult1",
    pytest.param("mnv2dpc_noft_hardmining", marks=pytest.mark.slow),
    pytest.param("mnv2dpc_noft_slowstart_step", marks=pytest.mark.slow),
    pytest.param("mnv2dpc_noft_129x161", marks=pytest.mark.slow),
)


def _run_facts(run):
    path = goldens.FOLDER / f"train/{run}.json"
    return json.loads(path.read_text()), goldens.arrays(f"train/{run}")


def _model(facts) -> keras.Model:
    crop = tuple(map(int, facts["train_flags"]["train_crop_size"]))
    config = ModelConfig(
        num_classes=facts["classes"],
        genotype=DPC_TOP1,
        crop_size=crop,
        model_variant=facts["flags"]["model_variant"],
    )
    return _filled(build_model(config), facts)


def _filled(model, facts) -> keras.Model:
    """The model with the recipe's weights and without dropout."""
    shapes = {n: tuple(v.shape) for n, v in variables_by_tf1_name(model).items()}
    assert set(shapes) == set(facts["var_names"])
    values = {n: goldens.recipe_value(n, shape) for n, shape in shapes.items()}
    load_tf1_weights(model, values)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


def _steps(model, facts, stored):
    """Makes the run's three steps; gives the log's rows."""
    train = TrainConfig(**{name: facts["train_flags"][name] for name in FLAGS})
    optimizer = optimizers.build_optimizer(train)
    if not train.fine_tune_batch_norm:
        freeze_batch_norm(model)
    loss = losses.PixelLoss.from_config(train, facts["classes"], 255)
    step = ReplicaStep(model, optimizer, loss, train)
    strategy = tf.distribute.get_strategy()
    optimizer.build(model.trainable_variables)
    on_replica = tf.function(lambda batch: strategy.run(step, (batch,)))
    for i in range(3):
        rate = float(optimizer.learning_rate)
        image = tf.constant(stored[f"image_{i}"], tf.float32)
        label = tf.constant(stored[f"label_{i}"].astype("int32"))
        label = tf.reshape(label, label.shape[:3])
        out = on_replica({"image": image, "label": label})
        assert bool(out["is_finite"])
        parts = ("cross_entropy", "regularization", "loss")
        yield (i, rate, *(float(out[name]) for name in parts))


@goldens.needed
@pytest.mark.parametrize("run", RUNS)
def test_three_steps_are_the_originals(run):
    facts, stored = _run_facts(run)
    model = _model(facts)
    ours = list(_steps(model, facts, stored))

    np.testing.assert_allclose(ours, stored["log"][:, :5], rtol=2e-5)
    _check_variables(model, facts, stored)


def _check_variables(model, facts, stored) -> None:
    """Compares samples of all variables after three steps."""
    variables = variables_by_tf1_name(model)
    lengths = stored["vars|slice_len"]
    ends = np.cumsum(lengths)
    for name, end, length, stats in zip(
        facts["var_names"], ends, lengths, stored["vars_after3|stats"]
    ):
        value = np.asarray(variables[name]).ravel()
        picked = value[goldens.pick(value.size, 12)]
        expected = stored["vars_after3|slice"][end - length : end]
        np.testing.assert_allclose(
            picked, expected, rtol=1e-4, atol=2e-5 * stats[2], err_msg=name
        )


@goldens.needed
@pytest.mark.slow
def test_three_steps_of_adam_have_the_originals_losses():
    """Adam divides by the gradient's own size, so tiny gradients move by noise."""
    facts, stored = _run_facts("mnv2dpc_noft_adam")
    ours = np.array(list(_steps(_model(facts), facts, stored)))
    np.testing.assert_allclose(ours[:, 2:], stored["log"][:, 2:5], rtol=2e-3)


@goldens.needed
@pytest.mark.slow
def test_the_loss_of_batch_norm_training_is_the_originals():
    """Only the first: on random weights the run is chaotic after it."""
    facts, stored = _run_facts("mnv2dpc_ft_161x193_lr1e-4")
    ours = next(_steps(_model(facts), facts, stored))
    np.testing.assert_allclose(ours, stored["log"][0, :5], rtol=1e-4)


def test_kernels_alone_decay_with_their_multiplier():
    """With no labelled pixel only L2 is left: `w - rate * factor * decay * w`."""
    images = keras.Input((None, None, 3))
    model = keras.Model(images, Logits(2, name="logits")(images))
    variables = variables_by_tf1_name(model)
    kernel = variables["logits/semantic/weights"]
    biases = variables["logits/semantic/biases"]
    biases.assign([1.0, 2.0])
    before = np.array(kernel)
    train = TrainConfig(
        weight_decay=0.1,
        base_learning_rate=0.5,
        last_layer_gradient_multiplier=3.0,
    )
    step = ReplicaStep(
        model, optimizers.build_optimizer(train), losses.PixelLoss(255), train
    )
    batch = {"image": tf.ones((1, 4, 4, 3)), "label": tf.fill((1, 4, 4), 255)}

    out = tf.distribute.get_strategy().run(step, (batch,))

    np.testing.assert_allclose(kernel, before * (1 - 0.5 * 3 * 0.1), rtol=1e-6)
    np.testing.assert_array_equal(biases, [1.0, 2.0])
    assert float(out["cross_entropy"]) == 0
    expected = 0.05 * np.sum(before.astype("float64") ** 2)
    np.testing.assert_allclose(out["regularization"], expected, rtol=1e-5)


def test_a_bias_moves_twice_as_far():
    """Two equal logits: the gradient of the bias is (1/2 - 1, 1/2) for class 0."""
    images = keras.Input((None, None, 3))
    model = keras.Model(images, Logits(2, name="logits")(images))
    variables = variables_by_tf1_name(model)
    for variable in variables.values():
        variable.assign(np.zeros(variable.shape))
    train = TrainConfig(weight_decay=0.0, base_learning_rate=0.5)
    step = ReplicaStep(
        model, optimizers.build_optimizer(train), losses.PixelLoss(255), train
    )
    batch = {"image": tf.ones((1, 4, 4, 3)), "label": tf.zeros((1, 4, 4), tf.int32)}

    tf.distribute.get_strategy().run(step, (batch,))

    np.testing.assert_allclose(
        variables["logits/semantic/biases"], [0.5, -0.5], rtol=1e-6
    )
    kernel = np.asarray(variables["logits/semantic/weights"])
    np.testing.assert_allclose(kernel[0, 0], [[0.25, -0.25]] * 3, rtol=1e-6)


def test_an_image_pyramid_has_a_loss_for_each_scale_and_one_for_all():
    config = ModelConfig(num_classes=3, image_pyramid=(0.5, 1.0), depth_multiplier=0.1)
    model = build_model(config)
    images = np.random.default_rng(0).uniform(0, 255, (1, 33, 33, 3)).astype("float32")

    half, full, merged = training_logits(model)(images)

    assert half.shape == full.shape == merged.shape
    np.testing.assert_array_equal(merged, np.maximum(half, full))


def _head(facts) -> keras.Model:
    """The cell and the logits on given features."""
    features = keras.Input((None, None, facts["stub_channels"]))
    cell = DensePredictionCell(DPC_TOP1, name="meta_architecture")
    logits = Logits(facts["classes"], name="logits")
    return _filled(keras.Model(features, logits(cell(features))), facts)


@goldens.needed
@pytest.mark.parametrize("run", ["head_dpc320_ft", "head_dpc320_ft_mult10"])
def test_a_head_trains_with_batch_norm_as_the_originals(run):
    """The features stand for the backbone, so that nothing is chaotic."""
    facts, stored = _run_facts(run)
    labels = stored["label_0"]
    height, width = ((n - 1) // 16 + 1 for n in labels.shape[1:3])
    shape = (len(labels), height, width, facts["stub_channels"])
    features = np.random.default_rng(500).standard_normal(shape)
    images = {f"image_{i}": features.astype("float32") for i in range(3)}
    model = _head(facts)

    ours = list(_steps(model, facts, {**stored, **images}))

    np.testing.assert_allclose(ours, stored["log"][:, :5], rtol=2e-5)
    _check_variables(model, facts, stored)
