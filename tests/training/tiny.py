"""A data set of noise and a run config whose model trains in milliseconds a step."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.layers import BatchNorm, Logits
from deeplab_dpc.training import checkpoints, losses, optimizers
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.step import ReplicaStep
from tests import small_records


def write_dataset(folder: pathlib.Path, num_images: int = 7) -> DatasetInfo:
    """Writes a data set `train` of three classes whose label is the brightest channel."""
    random, pictures = np.random.default_rng(1), {}
    for i in range(num_images):
        coarse = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        image = coarse.repeat(8, axis=0).repeat(8, axis=1)
        label = image.argmax(axis=-1)
        label[:2] = 255
        pictures[f"noise{i}"] = image, label
    sizes = {"train": small_records.write(folder, "train", pictures)}
    colors = ((128, 0, 0), (0, 128, 0), (0, 0, 128))
    info = DatasetInfo("noise", ("red", "green", "blue"), colors, 255, sizes)
    info.save(folder)
    return info


def run_config(dataset_dir: pathlib.Path, info: DatasetInfo, **train) -> RunConfig:
    """A run of six steps with a rate that moves."""
    size, steps = (17, 17), {"training_number_of_steps": 6, "log_steps": 1}
    settings = {"base_learning_rate": 0.01, "train_batch_size": 2, **steps, **train}
    return RunConfig(
        ModelConfig(num_classes=info.num_classes, crop_size=size),
        DataConfig(dataset_dir=str(dataset_dir)),
        TrainConfig(**{"train_crop_size": size, **settings}),
        EvalConfig(eval_split="train"),
        info,
    )


def everything(run: pathlib.Path) -> dict[str, np.ndarray]:
    """Weights, slots and averages of a run's newest checkpoint."""
    newest, found = checkpoint_files.newest(run), {}
    for part in ("model", "optimizer", "averages"):
        values = checkpoints.read(newest, part).items()
        found |= {f"{part}/{path}": value for path, value in values}
    return found


def build_model(
    config: ModelConfig, seed: int | None = None, channels: int = 8
) -> keras.Model:
    """Stands for the real one: a backbone of one layer, a dropout, logits."""
    images = keras.Input((None, None, 3), name="images")
    x = keras.layers.Rescaling(2 / 255, offset=-1)(images)
    x = _Conv(channels, name="MobilenetV2")(x)
    x = keras.layers.Dropout(0.1, seed=seed)(x)
    return keras.Model(images, Logits(config.num_classes, name="logits")(x))


def logits_alone() -> keras.Model:
    """A kernel and biases for two classes, right on the images."""
    images = keras.Input((None, None, 3))
    return keras.Model(images, Logits(2, name="logits")(images))


def steps_on(model, train: TrainConfig, image, label, averages=None, steps=1):
    """What each of some steps of training on one batch gives."""
    optimizer = optimizers.build_optimizer(train)
    optimizer.build(model.trainable_variables)
    loss = losses.PixelLoss.from_config(train, model.output_shape[-1], 255)
    step = ReplicaStep(model, optimizer, loss, train, averages)
    batch = ({"image": image, "label": label},)
    return [tf.distribute.get_strategy().run(step, batch) for _ in range(steps)]


def build_wide(config: ModelConfig, seed: int | None = None) -> keras.Model:
    """The same model with a checkpoint of a megabyte, which takes a while to save."""
    return build_model(config, seed, channels=2500)


def build_without_dropout(config: ModelConfig, seed: int | None = None) -> keras.Model:
    """The same model, of which nothing depends on how a batch is shared."""
    return without_dropout(build_model(config, seed))


def without_dropout(model: keras.Model) -> keras.Model:
    """The model, whose dropouts drop nothing."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


class _Conv(keras.layers.Layer):
    """A strided convolution with batch norm, under TF1's names."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, shape):
        kernel = (3, 3, 3, self.channels)
        self.weights_ = self.add_weight(kernel, "glorot_uniform", name="weights")
        self.norm = BatchNorm(0.9, name="BatchNorm")
        self.norm.build((None, None, None, self.channels))

    def call(self, x, training=None):
        y = tf.nn.conv2d(x, self.weights_, 4, "SAME")
        return keras.ops.relu(self.norm(y, training=training))
