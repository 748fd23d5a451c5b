r"""Computes a backbone's features once and keeps them, for `search.py run`.

python search.py cache --dataset_dir=records/city --cache_dir=caches/city \
    --tf_initial_checkpoint=imagenet --train_crop_size=513,513

Random views of the training split (crops, scales and flips as train.py draws
them) and the whole images of the evaluation split. The same command goes on where a
stopped one ended.
"""

from __future__ import annotations

import pathlib

from absl import flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import lazily, train
from deeplab_dpc.programs.search import flags as shared
from deeplab_dpc.search.config import CacheConfig

with lazily.imported():
    from deeplab_dpc.search import cache


TOPICS = {
    "From where to where": (
        *("dataset_dir", "train_split", "eval_split", "cache_dir"),
    ),
    "Backbone": ("model_variant", "output_stride", "tf_initial_checkpoint"),
    "Views": (
        *("train_crop_size", "eval_crop_size", "num_views"),
        *("min_scale_factor", "max_scale_factor"),
    ),
}


def define_flags(values: flags.FlagValues) -> None:
    for config in (ModelConfig, DataConfig, TrainConfig, EvalConfig, CacheConfig):
        config_flags.define(config, values)
    config_flags.define_cell(values)
    flags.mark_flag_as_required("dataset_dir", values)
    flags.mark_flag_as_required("tf_initial_checkpoint", values)
    shared.define(values, "cache_dir", None, "Where the features go.", required=True)


def main(values: flags.FlagValues) -> None:
    run = train.run_config(values)
    settings = config_flags.config_from(CacheConfig, None, values)
    found = cache.write_cache(pathlib.Path(values.cache_dir), run, settings)
    print(found.describe(), flush=True)
