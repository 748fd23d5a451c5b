"""The original's training runs, made by our own step."""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Iterator
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import build_model
from deeplab_dpc import model as model_module
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import freeze_batch_norm
from deeplab_dpc.tf1 import load_tf1_weights, variables_by_tf1_name
from deeplab_dpc.training import losses, optimizers
from deeplab_dpc.training.step import ReplicaStep
from tests import goldens
from tests.training import tiny

PICKED = 12  # Values that are stored of each variable.


class StubBackbone(keras.layers.Layer):
    """Constant features, whatever the images: then nothing is chaotic."""

    decoder_units = (("stride_4", 1),)

    def __init__(self, features: dict[str, np.ndarray], **kwargs):
        super().__init__(**kwargs)
        self.features = features

    def call(self, x):
        return {k: tf.constant(v) for k, v in self.features.items()}

    def compute_output_shape(self, shape):
        return {k: (None, *v.shape[1:]) for k, v in self.features.items()}


@dataclasses.dataclass
class GoldenRun:
    """One run of the original: its facts, what was stored, and our model."""

    file: str
    facts: dict
    stored: dict[str, np.ndarray]
    model: keras.Model
    train: TrainConfig

    @functools.cached_property
    def optimizer(self) -> keras.optimizers.Optimizer:
        optimizer = optimizers.build_optimizer(self.train)
        optimizer.build(self.model.trainable_variables)
        return optimizer

    def steps(self, number: int | None = None) -> Iterator[dict[str, float]]:
        """Makes the steps, or so many; gives the losses and the rate of each.

        One step alone is made without a graph, which would take longer to make.
        """
        if not self.train.fine_tune_batch_norm:
            freeze_batch_norm(self.model)
        loss = losses.PixelLoss.from_config(self.train, self.facts["classes"], 255)
        step = ReplicaStep(self.model, self.optimizer, loss, self.train)
        strategy = tf.distribute.get_strategy()
        number = number or self.facts["steps"]
        on_replica = functools.partial(strategy.run, step)
        if number > 1:
            on_replica = tf.function(on_replica)
        for i in range(number):
            rate = float(self.optimizer.learning_rate)
            out = on_replica((self._batch(i),))
            assert bool(out["is_finite"])
            scalars = {k: float(v) for k, v in out.items() if not v.shape.rank}
            yield scalars | {"rate": rate}

    def _batch(self, i: int) -> dict[str, tf.Tensor]:
        label = self.stored[f"label_{i}"][..., 0].astype("int32")
        image = self.stored[f"image_{i}"]
        if not image.size:
            image = np.zeros((*label.shape, 3))
        return {"image": tf.constant(image, tf.float32), "label": tf.constant(label)}

    def values(self) -> dict[str, np.ndarray]:
        """The model's variables by TF1 name."""
        variables = variables_by_tf1_name(self.model).items()
        return {name: np.asarray(v) for name, v in variables}

    def accumulators(self) -> dict[str, np.ndarray]:
        """The momentum of each trainable variable, by the variable's TF1 name."""
        names = {v.path: n for n, v in variables_by_tf1_name(self.model).items()}
        slots = self.optimizer.accumulators
        pairs = zip(self.model.trainable_variables, slots, strict=True)
        return {names[v.path]: np.asarray(slot) for v, slot in pairs}


FACTS = {
    path.stem: json.loads(path.read_text())
    for path in sorted(goldens.FOLDER.glob("train/*.json"))
    if not path.stem.startswith("checkpoint_names")
}
NUDGES = 16


def load(name: str) -> GoldenRun:
    """The run before its first step, its weights those of the recipe."""
    facts = FACTS[name]
    stored = goldens.arrays(f"train/{name}")
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    settings = {k: v for k, v in facts["train_flags"].items() if k in fields}
    settings["decay_steps"] = int(settings["decay_steps"])
    settings["train_crop_size"] = tuple(map(int, settings["train_crop_size"]))
    with _backbone_of(facts, stored):
        model = build_model(_config(facts))
    assert set(variables_by_tf1_name(model)) == set(facts["var_names"])
    _fill(model)
    train = TrainConfig(**settings)
    return GoldenRun(f"train/{name}.npz", facts, stored, model, train)


def nearby(name: str) -> Iterator[GoldenRun]:
    """The run, then others whose weights differ by their last bits.

    A value within rounding of 0 is above it on one processor and below it on another,
    where the ReLU lets no gradient through; so it is on one side in some of them.
    """
    yield load(name)
    if FACTS[name]["train_flags"]["fine_tune_batch_norm"] is False:
        yield from _beyond_zero(load(name))
    for seed in range(NUDGES):
        run, rng = load(name), np.random.default_rng(seed)
        for variable in run.model.weights:
            nudge = 2.0**-22 * rng.uniform(-1, 1, variable.shape)
            variable.assign(np.asarray(variable) * (1 + nudge))
        yield run


def _beyond_zero(run: GoldenRun) -> Iterator[GoldenRun]:
    """The run with the projection's value that is nearest to 0 just beyond it, if one
    is at 0: its batch norm's offset moves it.
    """
    freeze_batch_norm(run.model)
    layer = run.model.get_layer("meta_architecture").projection.norm
    seen: list[np.ndarray] = []
    call = type(layer).call

    def watched(norm, x, **options):
        y = call(norm, x, **options)
        if norm is layer:
            seen.append(np.asarray(y))
        return y

    with mock.patch.object(type(layer), "call", watched):
        run.model(run._batch(0)["image"], training=False)
    values = seen[0]
    at = np.unravel_index(np.abs(values).argmin(), values.shape)
    if abs(values[at]) < 2**-22 * np.abs(values).max():
        offset = np.array(layer.beta.value)
        offset[at[-1]] -= 4 * values[at]
        layer.beta.assign(offset)
        yield run


def _config(facts: dict) -> ModelConfig:
    flags, train = dict(facts["flags"]), facts["train_flags"]
    for name in ("decoder_output_stride", "image_pooling_crop_size"):
        if name in flags:
            flags[name] = tuple(map(int, flags[name]))
    return ModelConfig(
        num_classes=facts["classes"],
        genotype=DPC_TOP1 if facts["dpc_top1"] else None,
        output_stride=train["output_stride"],
        atrous_rates=train["atrous_rates"],
        image_pyramid=train["image_pyramid"],
        **flags,
    )


def _backbone_of(facts: dict, stored: dict[str, np.ndarray]):
    """A patch that puts the constant features of a `head_` run in."""
    if "stub_channels" not in facts:
        return contextlib.nullcontext()
    batch, height, width = stored["label_0"].shape[:3]
    features = {}
    for name, stride, channels, seed in (
        ("features", 16, facts["stub_channels"], 500),
        ("stride_4", 4, 256, 501),
    ):
        shape = (batch, (height - 1) // stride + 1, (width - 1) // stride + 1, channels)
        values = np.random.default_rng(seed).standard_normal(shape)
        features[name] = values.astype("float32")
    stub = StubBackbone(features, name="stub")
    return mock.patch.object(model_module, "make_backbone", lambda config: stub)


def _fill(model: keras.Model) -> None:
    """Gives the model the recipe's weights and takes its dropout away."""
    variables = variables_by_tf1_name(tiny.without_dropout(model)).items()
    values = {n: goldens.recipe_value(n, list(v.shape)) for n, v in variables}
    load_tf1_weights(model, values)


def distance(
    run: GoldenRun, tensors: dict[str, np.ndarray], key: str, of_each: bool
) -> float:
    """How far tensors are from the stored ones: samples, mean, deviation, largest value.

    It is the largest deviation over the tensor's own largest magnitude, or with
    `of_each=False` over that of all tensors.
    """
    what, names = ("vars", "var_names") if "vars" in key else ("grad", "grad_names")
    ends = np.cumsum(run.stored[f"{what}|slice_len"])
    stats, deviations = run.stored[f"{key}|stats"], []
    starts = [0, *ends[:-1]]
    for i, name in enumerate(run.facts[names]):
        wide = tensors[name].ravel().astype(np.float64)
        found = [wide.mean(), wide.std(), np.abs(wide).max()]
        errors = [np.abs(found - stats[i, :3]).max()]
        if f"{key}|slice" in run.stored:
            sample = run.stored[f"{key}|slice"][starts[i] : ends[i]]
            picked = wide[goldens.pick(wide.size, PICKED)]
            errors.append(np.abs(picked - sample).max())
        deviations.append(max(errors))
    assert len(deviations) == len(ends)
    if of_each:
        return (np.array(deviations) / np.maximum(stats[:, 2], 1e-30)).max()
    return max(deviations) / stats[:, 2].max()
