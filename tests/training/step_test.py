"""One step of training, by hand; levers of speed and memory: the same, to rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import build_model
from deeplab_dpc.config import ConfigError, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import freeze_batch_norm
from deeplab_dpc.layers.precision import dtype_policy
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import optimizers, trainer
from deeplab_dpc.training.step import training_logits
from tests.training import tiny


def test_kernels_alone_decay_with_their_multiplier():
    """With no labelled pixel only L2 is left: `w - rate * factor * decay * w`."""
    model = tiny.logits_alone()
    variables = variables_by_tf1_name(model)
    kernel, biases = (variables[f"logits/semantic/{n}"] for n in ("weights", "biases"))
    biases.assign([1.0, 2.0])
    before = np.array(kernel)
    train = TrainConfig(
        weight_decay=0.1, base_learning_rate=0.5, last_layer_gradient_multiplier=3.0
    )
    ignored = tf.fill((1, 4, 4), 255)
    (out,) = tiny.steps_on(model, train, tf.ones((1, 4, 4, 3)), ignored)
    np.testing.assert_allclose(kernel, before * (1 - 0.5 * 3 * 0.1), rtol=1e-6)
    np.testing.assert_array_equal(biases, [1.0, 2.0])
    assert float(out["cross_entropy"]) == 0
    expected = 0.05 * np.sum(before.astype("float64") ** 2)
    np.testing.assert_allclose(out["regularization"], expected, rtol=1e-5)


def test_a_bias_moves_twice_as_far():
    """Two equal logits: the gradient of the bias is (1/2 - 1, 1/2) for class 0."""
    model = tiny.logits_alone()
    variables = variables_by_tf1_name(model)
    for variable in variables.values():
        variable.assign(np.zeros(variable.shape))
    train = TrainConfig(weight_decay=0.0, base_learning_rate=0.5)
    label = tf.zeros((1, 4, 4), tf.int32)
    tiny.steps_on(model, train, tf.ones((1, 4, 4, 3)), label)
    biases = variables["logits/semantic/biases"]
    np.testing.assert_allclose(biases, [0.5, -0.5], rtol=1e-6)
    kernel = np.asarray(variables["logits/semantic/weights"])
    np.testing.assert_allclose(kernel[0, 0], [[0.25, -0.25]] * 3, rtol=1e-6)


def _trained_kernel(**settings):
    """The logits' kernel after two steps on a batch with large gradients."""
    model = tiny.logits_alone()
    kernel = variables_by_tf1_name(model)["logits/semantic/weights"]
    kernel.assign(np.zeros(kernel.shape))
    train = TrainConfig(weight_decay=0.1, base_learning_rate=0.5, **settings)
    image, label = tf.fill((1, 4, 4, 3), 8.0), tf.zeros((1, 4, 4), tf.int32)
    tiny.steps_on(model, train, image, label, steps=2)
    return np.asarray(kernel)


def test_clipping_bounds_what_the_optimizer_gets():
    """The first gradient is (-4, 4) in three rows; the bias's (-1/2, 1/2) counts twice.

    Its norm is `sqrt(6 * 16 + 2)`; both steps go the same way.
    """
    whole, clipped = _trained_kernel(), _trained_kernel(clip_gradient_norm=0.01)
    first = 0.5 * 0.01 * 4 / np.sqrt(6 * 16 + 2)
    assert np.abs(whole).max() > 1
    assert first < np.abs(clipped).max() < 3 * first
    assert clipped[0, 0, 0, 0] > 0 > clipped[0, 0, 0, 1]


def test_clipping_sees_gradients_without_the_losss_scale():
    """float16 multiplies the loss by 32768 or so and divides the gradients again."""
    scaled = _trained_kernel(clip_gradient_norm=0.01, precision="mixed_float16")
    plain = _trained_kernel(clip_gradient_norm=0.01)
    np.testing.assert_allclose(scaled, plain, rtol=1e-4)


def test_an_image_pyramid_has_a_loss_for_each_scale_and_one_for_all():
    config = ModelConfig(num_classes=3, image_pyramid=(0.5, 1.0), depth_multiplier=0.1)
    model = build_model(config)
    images = np.random.default_rng(0).uniform(0, 255, (1, 33, 33, 3)).astype("float32")
    half, full, merged = training_logits(model)(images)
    assert half.shape == full.shape == merged.shape
    np.testing.assert_array_equal(merged, np.maximum(half, full))


MODEL = ModelConfig(
    num_classes=3, depth_multiplier=0.1, genotype=DPC_TOP1, crop_size=(33, 33)
)


def trained(policy="float32", model=MODEL, **settings):
    """Losses and weights after three steps on one batch, dropout off.

    Without a graph, whose making would take most of the time, but for XLA.
    """
    train = TrainConfig(base_learning_rate=0.1, precision=policy, **settings)
    keras.utils.set_random_seed(0)
    with dtype_policy(policy):
        net = tiny.without_dropout(build_model(model, seed=1))
    freeze_batch_norm(net)
    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, (4, 33, 33)).astype("int32")
    label[0] = 255  # Parts differ in their number of labels.
    image = draw.uniform(0, 255, (4, 33, 33, 3)).astype("float32")
    batch = tf.constant(image), tf.constant(label)
    found = [float(out["loss"]) for out in tiny.steps_on(net, train, *batch, steps=3)]
    return found, [np.asarray(v) for v in net.trainable_variables]


@pytest.fixture(scope="module")
def plain():
    return trained()


@pytest.mark.parametrize(
    "settings, rtol, atol",
    [
        ({"gradient_accumulation_steps": 2}, 5e-6, 1e-6),
        ({"gradient_accumulation_steps": 4}, 5e-6, 1e-6),
        pytest.param({"jit_compile": True}, 1e-5, 1e-5, marks=pytest.mark.slow),
    ],
)
def test_accumulated_parts_and_xla_compute_the_same(plain, settings, rtol, atol):
    found, weights = trained(**settings)
    np.testing.assert_allclose(found, plain[0], rtol=rtol)
    for a, b in zip(weights, plain[1]):
        np.testing.assert_allclose(a, b, atol=atol)


def test_accumulation_with_another_divisor_a_part_is_refused():
    with pytest.raises(ConfigError, match="gradient_accumulation_steps=2 with hard"):
        trained(gradient_accumulation_steps=2, top_k_percent_pixels=0.5)
    with pytest.raises(ConfigError, match="with an image pyramid"):
        pyramid = ModelConfig(num_classes=3, image_pyramid=(0.5, 1.0))
        trained(gradient_accumulation_steps=2, upsample_logits=False, model=pyramid)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_follows_float32(plain, policy):
    """bfloat16 has 8 bits, float16 11: relative errors of 2^-8 a rounding, added up."""
    found, weights = trained(policy=policy)
    tolerance = 2e-2 if policy == "mixed_bfloat16" else 3e-3
    np.testing.assert_allclose(found, plain[0], rtol=tolerance)
    assert {w.dtype for w in weights} == {np.dtype("float32")}
    moved = [np.abs(a - b).max() for a, b in zip(weights, plain[1])]
    assert 0 < max(moved) < 0.05


def test_float16_scales_its_loss_and_skips_a_step_that_overflows():
    train = TrainConfig(precision="mixed_float16")
    optimizer = optimizers.build_optimizer(train)
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    scale = float(optimizer.scale_loss(1.0))
    optimizer.apply([tf.constant([np.inf])], [variable])
    assert float(variable[0]) == 1.0
    assert float(optimizer.scale_loss(1.0)) == scale / 2
    optimizer.apply([tf.constant([scale / 2])], [variable])
    np.testing.assert_allclose(float(variable[0]), 1 - train.base_learning_rate)


def test_several_steps_in_a_call_are_the_same_steps(train, reports):
    """Seven steps, four a call, a line every five: calls of 4, 1, 2."""
    runs, settings = [], {"training_number_of_steps": 7, "log_steps": 5}
    for steps in (1, 4):
        run = train(str(steps), steps_per_execution=steps, **settings)
        runs.append((tiny.everything(run), {**reports}))
        reports.clear()
    (one, lines), (four, lines_of_four) = runs
    np.testing.assert_equal(four, one)
    assert list(lines) == list(lines_of_four) == [5, 7]
    for step in lines:
        for name in ("loss", "cross_entropy", "learning_rate"):
            assert lines[step][name] == pytest.approx(lines_of_four[step][name], 1e-6)


def test_batches_that_cannot_be_cut_are_refused():
    train = TrainConfig(train_batch_size=6, gradient_accumulation_steps=2)
    trainer.check_shares(train, 3)
    with pytest.raises(ConfigError, match="2 equal parts on each of 2.*multiple of 4"):
        trainer.check_shares(train, 2)


@pytest.mark.parametrize(
    "replicas, settings, warns",
    [
        (1, {}, False),
        (4, {}, True),
        (4, {"sync_batch_norm": True}, False),
        (4, {"fine_tune_batch_norm": False}, False),
        (1, {"gradient_accumulation_steps": 4}, True),
    ],
)
def test_few_images_a_batch_norm_are_warned_of(caplog, replicas, settings, warns):
    with caplog.at_level("WARNING"):
        trainer.check_shares(TrainConfig(train_batch_size=8, **settings), replicas)
    assert ("sees too few crops at a time, 2: " in caplog.text) == warns
