"""The heads of several candidates: one compiled step on one batch, and scoring."""

import hashlib
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.layers import ASPP, DensePredictionCell, Logits, idle_taps
from deeplab_dpc.layers.cell import DROPOUT_RATE
from deeplab_dpc.layers.precision import dtype_policy
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.search import context_modules
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.proxy.byte_dropout import ByteDropout
from deeplab_dpc.search.proxy.loss import UpsampledLoss
from deeplab_dpc.tf1 import tf1_name
from deeplab_dpc.training import losses, optimizers

_POLICY = {False: "float32", True: "mixed_bfloat16"}


class CandidateError(RuntimeError):
    """The training of one candidate failed."""


class Head:
    """What is trained of one candidate on a cache's features: context module, logits.

    The candidate is a cell, or None for ASPP with the rates 6, 12 and 18; with the
    seed it decides the first weights and the dropout. Taps that meet nothing but
    padding on the training views are zero, as in training.
    """

    def __init__(
        self, genotype: Genotype | None, cache: Cache, config: ProxyConfig, seed: int
    ):
        name = "ASPP" if genotype is None else genotype.to_json()
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        own_seed = int.from_bytes(digest[:4], "big") >> 1  # Below 2^31.
        state = random.getstate()
        random.seed(own_seed)  # Keras seeds initializers from `random`.
        try:
            with dtype_policy(_POLICY[config.proxy_fast_math]):
                self._context = _context_module(genotype, cache, config, own_seed)
            self._logits = Logits(cache.num_classes, name="logits")
            self._context.build((None, None, None, cache.channels))
            self._logits.build((None, None, None, self._context.filters))
        finally:
            random.setstate(state)
        for taps in idle_taps.find(self._context, cache.train.feature_size):
            taps.silence()
        layers = (self._context, self._logits)
        self.variables = [v for layer in layers for v in layer.trainable_variables]
        self.accumulators = [tf.Variable(tf.zeros(v.shape)) for v in self.variables]
        names, rules = list(map(tf1_name, self.variables)), TrainConfig()
        decay = config.proxy_weight_decay
        self.decays = [decay * losses.is_regularised(name) for name in names]  # L2.
        # On each gradient, L2 included.
        self.factors = [optimizers.gradient_multiplier(name, rules) for name in names]
        # Of the context module; multiply-adds on a validation image.
        cell = genotype or Genotype(tuple(b for _, b in context_modules.ASPP_BRANCHES))
        self.parameters, self.multiply_adds = context_modules.module_costs(
            cell, filters=self._context.filters, **cache.features
        )

    def __call__(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        """Features `[batch, h, w, channels]`, float32, to logits `[batch, h, w, n]`."""
        return self._logits(self._context(features, training=training))

    def branch_norms(self) -> tuple[float, ...]:
        """Those of a cell, see `context_modules`; the paper has no such of ASPP."""
        if not isinstance(self._context, DensePredictionCell):
            return ()
        kernel = np.asarray(self._context.projection.kernel)
        return context_modules.branch_norms(kernel, len(self._context.branches))


def _context_module(
    genotype: Genotype | None, cache: Cache, config: ProxyConfig, seed: int
) -> keras.layers.Layer:
    settings, stride = cache.manifest.settings, cache.output_stride
    crop_size = settings["model.image_pooling_crop_size"]
    is_bounded = settings["model.use_bounded_activation"]
    common: dict[str, Any] = {"activation": "relu6" if is_bounded else "relu"}
    common |= {"decay": config.proxy_batch_norm_decay, "seed": seed}
    module: keras.layers.Layer
    if genotype is None:
        common |= {"pooling_map_size": cache.manifest.pooling_size}
        module = ASPP(context_modules.aspp_rates(stride), name="aspp", **common)
    else:
        common |= {"pooling_crop_size": crop_size, "name": "meta_architecture"}
        module = DensePredictionCell(genotype, stride, **common)
    if config.proxy_fast_math:
        module.dropout = ByteDropout(DROPOUT_RATE, seed, dtype=module.dtype_policy)
    return module


class Step:
    """Trains heads on batches of a cache; each has its own loss, weights and fate."""

    def __init__(self, heads: Sequence[Head], cache: Cache, config: ProxyConfig):
        self._heads, self._config, self._cache = tuple(heads), config, cache
        shapes = (*cache.train.shape(config.proxy_batch_size), ())
        specs = map(tf.TensorSpec, shapes, (tf.float16, tf.uint8, tf.float32))
        self._run = _traced(self._step, *specs)

    def __call__(self, features: tf.Tensor, labels: tf.Tensor, step: int) -> tf.Tensor:
        """Makes step `step` (the first is 0); gives each candidate's cross-entropy
        before it, float32 `[candidates]`, nan where its gradients are not finite.
        """
        return self._run(features, labels, tf.constant(step, tf.float32))

    def _step(
        self, features: tf.Tensor, labels: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        config = self._config
        features, labels = tf.cast(features, tf.float32), tf.cast(labels, tf.int32)
        poly = config.proxy_learning_rate, config.proxy_steps, 0.0
        power = config.proxy_learning_power
        rate = keras.optimizers.schedules.PolynomialDecay(*poly, power)(step)
        loss_of, found = self._loss_against(labels), []
        for head in self._heads:
            values = [v.value for v in head.variables]
            with tf.GradientTape() as tape:
                logits = head(features, training=True)
            loss, pull = loss_of(logits)
            gradients = tape.gradient(logits, values, output_gradients=pull)
            _move(head, gradients, rate, config.proxy_momentum)
            # A ReLU makes 0 of what is no number, so that the loss alone may not tell.
            squares = tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients])
            found.append(tf.where(tf.math.is_finite(squares), loss, math.nan))
        return tf.stack(found)

    def _loss_against(self, labels: tf.Tensor) -> Callable[[tf.Tensor], Any]:
        """Of logits, at the labels' size or theirs: the loss, its gradient by them."""
        cache, stride = self._cache, self._config.proxy_label_stride
        if self._config.proxy_upsample_logits:
            classes = cache.num_classes, cache.ignore_label
            sizes = cache.train.feature_size, cache.train.crop_size
            wide = UpsampledLoss(*classes, *sizes, stride)
            targets = wide.targets(labels)
            return lambda logits: wide(logits, targets)
        small = losses.PixelLoss(cache.ignore_label, upsample_logits=False)

        def loss_of(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(logits)
                found = tf.math.divide_no_nan(*small(logits, labels, 0))
            return found, tape.gradient(found, logits)

        return loss_of


def _move(
    head: Head, gradients: Sequence[tf.Tensor], rate: tf.Tensor, momentum: float
) -> None:
    """What `optimizers.Momentum` does, L2 and factors included, in one operation."""
    each = head.variables, head.accumulators, gradients, head.decays, head.factors
    for variable, accumulator, gradient, decay, factor in zip(*each):
        if decay:
            gradient += decay * variable.value
        if factor != 1:
            gradient *= factor
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.value.handle,
            accum=accumulator.handle,
            lr=rate,
            grad=gradient,
            momentum=momentum,
        )


class Scoring:
    """Confusion counts of heads on a cache's validation batches."""

    def __init__(self, heads: Sequence[Head], cache: Cache):
        self._heads, self._cache = tuple(heads), cache
        specs = map(tf.TensorSpec, cache.val.shape(None), (tf.float16, tf.uint8))
        self._run = _traced(self._count, *specs)

    def __call__(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Counts of a batch, int64 `[candidates, classes, classes]`, rows true; -1
        everywhere for a candidate whose logits are not finite.
        """
        return self._run(tf.constant(features), tf.constant(labels)).numpy()

    def _count(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        features, labels = tf.cast(features, tf.float32), tf.cast(labels, tf.int32)
        size = self._cache.num_classes
        is_counted = tf.reshape(labels != self._cache.ignore_label, [-1])
        true = tf.boolean_mask(tf.reshape(labels, [-1]), is_counted)
        found = []
        for head in self._heads:
            logits = head(features, training=False)
            wide = resize_bilinear(logits, labels.shape[1:3])
            classes = tf.argmax(wide, axis=-1, output_type=tf.int32)
            predicted = tf.boolean_mask(tf.reshape(classes, [-1]), is_counted)
            pairs = true * size + predicted
            counts = tf.math.bincount(pairs, minlength=size**2, maxlength=size**2)
            is_finite = tf.reduce_all(tf.math.is_finite(logits))
            counts = tf.where(is_finite, tf.cast(counts, tf.int64), -1)
            found.append(tf.reshape(counts, [size, size]))
        return tf.stack(found)


def _traced(function: Callable, *signature: tf.TensorSpec) -> Callable[..., Any]:
    """The function as a graph, traced at once."""
    graph = tf.function(function, autograph=False, input_signature=signature)
    return graph.get_concrete_function()
