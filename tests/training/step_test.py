"""One step of training, by hand."""

import numpy as np
import tensorflow as tf

from deeplab_dpc import build_model
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.tf1.names import variables_by_tf1_name
from deeplab_dpc.training import losses, optimizers
from deeplab_dpc.training.step import ReplicaStep, training_logits
from tests.training import tiny


def test_kernels_alone_decay_with_their_multiplier():
    """With no labelled pixel only L2 is left: `w - rate * factor * decay * w`."""
    model = tiny.logits_alone()
    variables = variables_by_tf1_name(model)
    kernel = variables["logits/semantic/weights"]
    biases = variables["logits/semantic/biases"]
    biases.assign([1.0, 2.0])
    before = np.array(kernel)
    train = TrainConfig(
        weight_decay=0.1, base_learning_rate=0.5, last_layer_gradient_multiplier=3.0
    )
    optimizer = optimizers.build_optimizer(train)
    step = ReplicaStep(model, optimizer, losses.PixelLoss(255), train)
    batch = {"image": tf.ones((1, 4, 4, 3)), "label": tf.fill((1, 4, 4), 255)}

    out = tf.distribute.get_strategy().run(step, (batch,))

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
    optimizer = optimizers.build_optimizer(train)
    step = ReplicaStep(model, optimizer, losses.PixelLoss(255), train)
    batch = {"image": tf.ones((1, 4, 4, 3)), "label": tf.zeros((1, 4, 4), tf.int32)}

    tf.distribute.get_strategy().run(step, (batch,))

    np.testing.assert_allclose(
        variables["logits/semantic/biases"], [0.5, -0.5], rtol=1e-6
    )
    kernel = np.asarray(variables["logits/semantic/weights"])
    np.testing.assert_allclose(kernel[0, 0], [[0.25, -0.25]] * 3, rtol=1e-6)


def _trained_kernel(**settings):
    """The logits' kernel after two steps on a batch with large gradients."""
    model = tiny.logits_alone()
    kernel = variables_by_tf1_name(model)["logits/semantic/weights"]
    kernel.assign(np.zeros(kernel.shape))
    train = TrainConfig(weight_decay=0.1, base_learning_rate=0.5, **settings)
    optimizer = optimizers.build_optimizer(train)
    optimizer.build(model.trainable_variables)
    step = ReplicaStep(model, optimizer, losses.PixelLoss(255), train)
    batch = {"image": tf.fill((1, 4, 4, 3), 8.0), "label": tf.zeros((1, 4, 4), "int32")}
    for _ in range(2):
        tf.distribute.get_strategy().run(step, (batch,))
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
    np.testing.assert_allclose(
        scaled, _trained_kernel(clip_gradient_norm=0.01), rtol=1e-4
    )


def test_an_image_pyramid_has_a_loss_for_each_scale_and_one_for_all():
    config = ModelConfig(num_classes=3, image_pyramid=(0.5, 1.0), depth_multiplier=0.1)
    model = build_model(config)
    images = np.random.default_rng(0).uniform(0, 255, (1, 33, 33, 3)).astype("float32")

    half, full, merged = training_logits(model)(images)

    assert half.shape == full.shape == merged.shape
    np.testing.assert_array_equal(merged, np.maximum(half, full))
