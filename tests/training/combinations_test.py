"""Any legal combination of settings trains; any other is refused before data is read.

Two hundred combinations are drawn with a seed; CI tries some of them, among which each
value of each setting occurs. Each changes a few settings, among them ones that do not go
together. It must either be refused with a word while settings, model and loss are made,
or make a step on a tiny batch with a finite loss.
"""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import config as configs
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training import trainer
from deeplab_dpc.training.loop import Loop
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.state import TrainState
from tests import nightly

SIZE = 33
SAMPLE = 24
INFO = DatasetInfo("noise", ("a", "b", "c"), ((0, 0, 0),) * 3, 255, {"train": 4})


def switched(config: configs.ModelConfig | configs.TrainConfig, *names: str) -> dict:
    """Switches that are not at their defaults."""
    return {name: [not getattr(config, name)] for name in names}


MODEL = {
    "model_variant": ["mobilenet_v2"],
    "output_stride": [8, 16, 32],
    "decoder_output_stride": [(4,), None],
    "genotype": [DPC_TOP1],
    "atrous_rates": [(6, 12, 18), (1, 2)],
    "aspp_convs_filters": [16],
    "logits_kernel_size": [3],
    "image_pooling_crop_size": [(17, 17)],
    "image_pooling_stride": [(2, 2)],
    "image_pyramid": [(0.5, 1.0)],
    "merge_method": ["avg"],
    "batch_norm_decay": [0.9],
    "divisible_by": [8],
} | switched(
    configs.ModelConfig(),
    *("decoder_use_separable_conv", "add_image_level_feature", "aspp_with_batch_norm"),
    *("aspp_with_separable_conv", "aspp_with_concat_projection"),
    "use_bounded_activation",
)
TRAIN = {
    "optimizer": ["adam", "adamw"],
    "learning_policy": ["step", "cosine", "multi_steps"],
    "slow_start_step": [2],
    "slow_start_burnin_type": ["linear"],
    "last_layer_gradient_multiplier": [10.0],
    "label_weights": [(1.0, 2.0, 0.5), (1.0, 2.0)],
    "top_k_percent_pixels": [0.25],
    "hard_example_mining_step": [10],
    "hard_example_mining": ["image"],
    "precision": ["mixed_bfloat16"],
    "gradient_accumulation_steps": [2],
    "steps_per_execution": [3],
    "ema_decay": [0.99],
    "weight_decay": [0.0],
} | switched(
    configs.TrainConfig(),
    *("last_layers_contain_logits_only", "upsample_logits", "fine_tune_batch_norm"),
    *("sync_batch_norm", "jit_compile", "freeze_backbone"),
)
DRAW = np.random.default_rng(0)
BATCH = {
    "image": DRAW.uniform(0, 255, (4, SIZE, SIZE, 3)).astype("f4"),
    "label": DRAW.choice([0, 1, 2, 255], (4, SIZE, SIZE)).astype("i4"),
    "name": np.array([b"noise"] * 4),
}


def draw(random: np.random.Generator) -> tuple[dict, dict]:
    """Four of the model's settings and four of the training's, with other values."""
    chosen = []
    for table in (MODEL, TRAIN):
        names = random.choice(sorted(table), 4, replace=False)
        chosen.append({n: table[n][random.integers(len(table[n]))] for n in names})
    return chosen[0], chosen[1]


def combinations() -> list[tuple[dict, dict]]:
    """Those that bring a value which none before them has; then the others."""
    new, others, seen = [], [], set()
    for seed in range(4):
        random = np.random.default_rng(seed)
        for _ in range(50):
            drawn = draw(random)
            values = {(k, str(v)) for settings in drawn for k, v in settings.items()}
            (others if values <= seen else new).append(drawn)
            seen |= values
    legal = {**MODEL, **TRAIN}.items()
    assert seen == {(k, str(v)) for k, values in legal for v in values}
    assert len(new) <= SAMPLE
    return [*new, *others]


def attempt(model: dict, train: dict) -> str:
    """What becomes of a combination: what refuses it, or `trained`."""
    keras.utils.clear_session()
    try:
        size, small = (SIZE, SIZE), {"num_classes": 3, "depth_multiplier": 0.1}
        config = RunConfig(
            configs.ModelConfig(crop_size=size, **small, **model),
            configs.DataConfig(dataset_dir="nowhere"),
            configs.TrainConfig(train_batch_size=4, train_crop_size=size, **train),
            configs.EvalConfig(),
            INFO,
        )
        trainer.check_shares(config.train, 1)
        strategy = tf.distribute.get_strategy()
        batches = tf.data.Dataset.from_tensors(BATCH).repeat()
        loop = Loop(TrainState.build(config, strategy), strategy, batches)
    except configs.ConfigError as e:
        assert len(str(e)) > 30
        return "refused"
    means = loop.train_until(1)
    assert np.isfinite(means["loss"]) and means["loss"] > 0
    return "trained"


@pytest.mark.slow
@pytest.mark.parametrize("group", range(4))
def test_any_combination_trains_or_is_refused(group):
    tf.config.run_functions_eagerly(True)  # Tracing would take most of the time.
    found: collections.Counter[str] = collections.Counter()
    chosen = combinations()[group : nightly.of(SAMPLE, 200) : 4]
    try:
        for model, train in chosen:
            try:
                found[attempt(model, train)] += 1
            except Exception as e:
                raise AssertionError(f"{model} and {train}") from e
    finally:
        tf.config.run_functions_eagerly(False)
    assert found["trained"] >= len(chosen) / 5, found
    assert found["refused"] >= len(chosen) / 10, found
