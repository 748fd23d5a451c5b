"""What is trained of a candidate: its context module and the logits."""

import contextlib
import hashlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.layers import ASPP, DensePredictionCell, Logits
from deeplab_dpc.layers.cell import feature_map_size
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.context_modules import (
    ASPP_BRANCHES,
    aspp_rates,
    branch_norms,
    module_costs,
)
from deeplab_dpc.tf1 import tf1_name
from deeplab_dpc.training import losses, optimizers


class CandidateError(RuntimeError):
    """The training of one candidate failed."""


class Head:
    """Layers and variables of one candidate on a cache's features.

    The candidate is a cell, or None for ASPP with the rates 6, 12 and 18; with the
    seed it decides the first weights and the dropout.

    Attributes:
        variables: What is trained.
        accumulators: Momentum's, one for each variable.
        decays: The factor of L2 on each.
        factors: The factor on each gradient, L2 included.
        parameters: Values of the context module that are trained.
        multiply_adds: Of the context module on a validation image.
    """

    def __init__(
        self, genotype: Genotype | None, cache: Cache, config: ProxyConfig, seed: int
    ):
        name = "ASPP" if genotype is None else genotype.to_json()
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        own_seed = int.from_bytes(digest[:4], "big") >> 1  # Below 2^31.
        with _seeded(own_seed):
            self._context = _context_module(genotype, cache, config, own_seed)
            self._logits = Logits(cache.num_classes, name="logits")
            self._context.build((None, None, None, cache.channels))
            self._logits.build((None, None, None, self._context.filters))
        self.variables = [
            *self._context.trainable_variables,
            *self._logits.trainable_variables,
        ]
        self.accumulators = [tf.Variable(tf.zeros(v.shape)) for v in self.variables]
        names = [tf1_name(v) for v in self.variables]
        self.decays = [
            config.proxy_weight_decay * losses.is_regularised(name) for name in names
        ]
        self.parameters, self.multiply_adds = module_costs(
            genotype or Genotype(tuple(branch for _, branch in ASPP_BRANCHES)),
            cache.channels,
            cache.val.feature_size,
            self._context.filters,
            _pooling_map_size(cache),
        )
        rules = TrainConfig()
        self.factors = [optimizers.gradient_multiplier(name, rules) for name in names]

    def __call__(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        """Features `[batch, h, w, channels]`, float32, to logits `[batch, h, w, n]`."""
        return self._logits(self._context(features, training=training))

    def branch_norms(self) -> tuple[float, ...]:
        """For each branch of a cell, the L1 norm of the weights that join it to the
        output. ASPP has no such figure in the paper, and so none here.
        """
        if not isinstance(self._context, DensePredictionCell):
            return ()
        kernel = np.asarray(self._context.projection.kernel)
        return branch_norms(kernel, len(self._context.branches))


def _context_module(
    genotype: Genotype | None, cache: Cache, config: ProxyConfig, seed: int
) -> keras.layers.Layer:
    settings = cache.manifest.settings
    is_bounded = settings["model.use_bounded_activation"]
    common: dict[str, Any] = {
        "activation": "relu6" if is_bounded else "relu",
        "decay": config.proxy_batch_norm_decay,
        "seed": seed,
    }
    if genotype is None:
        map_size = _pooling_map_size(cache)
        rates = aspp_rates(cache.output_stride)
        return ASPP(rates, pooling_map_size=map_size, name="aspp", **common)
    return DensePredictionCell(
        genotype,
        cache.output_stride,
        pooling_crop_size=settings["model.image_pooling_crop_size"],
        name="meta_architecture",
        **common,
    )


def _pooling_map_size(cache: Cache) -> tuple[int, int] | None:
    """The features whose grid the poolings mean; None: those that are seen."""
    crop_size = cache.manifest.settings["model.image_pooling_crop_size"]
    return feature_map_size(crop_size, cache.output_stride)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Initializers made meanwhile are seeded: Keras seeds them from `random`."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
