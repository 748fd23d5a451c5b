r"""What the cache and training cells at once save a search; what building one costs.

python benchmarks/search.py

The paper's sizes at a third: images of 341x683, crops of 257x257, batches of 8. In one
run, alternatives in turn: a step of the published cell on cached features, and trained
end to end (records decoded, augmented, through the backbone), the backbone frozen or
not; four cells one after another and at once; and what a cell costs before its first
step (layers, tracing, TensorFlow's first call), as a share of a trial of 60 s.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import dataclasses  # noqa: E402
import pathlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from deeplab_dpc.config import (  # noqa: E402
    DataConfig,
    EvalConfig,
    ModelConfig,
    TrainConfig,
)
from deeplab_dpc.data import pipeline, records  # noqa: E402
from deeplab_dpc.data.dataset_info import DatasetInfo, known  # noqa: E402
from deeplab_dpc.genotypes import DPC_TOP1, Genotype  # noqa: E402
from deeplab_dpc.model import build_model  # noqa: E402
from deeplab_dpc.search.cache import Cache, write_cache  # noqa: E402
from deeplab_dpc.search.config import (  # noqa: E402
    CacheConfig,
    ProxyConfig,
    SpaceConfig,
)
from deeplab_dpc.search.proxy.head import Head, Scoring, Step  # noqa: E402
from deeplab_dpc.search.proxy.proxy import (  # noqa: E402
    training_batches,
    validation_batches,
)
from deeplab_dpc.search.space import Space  # noqa: E402
from deeplab_dpc.tf1 import variables_by_tf1_name  # noqa: E402
from deeplab_dpc.training.loop import Loop  # noqa: E402
from deeplab_dpc.training.run_folder import RunConfig  # noqa: E402
from deeplab_dpc.training.state import TrainState  # noqa: E402

NAME = "search"
IMAGE, CROP, BATCH = (341, 683), (257, 257), 8
NUM_IMAGES = 8
STEPS, ROUNDS, AT_ONCE = 1, 5, 4
TRIAL_MS = 60e3
Call = Callable[[], object]


def main() -> None:
    """Runs all cases and writes `results/search.csv`."""
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(pathlib.Path(folder, "records"))
        settings = CacheConfig(num_views=2, images_per_shard=16)
        cache = write_cache(pathlib.Path(folder, "cache"), run, settings)
        rows = [*cached(cache, run), *at_once(cache), *overhead(cache)]
    measuring.write(NAME, rows)


def cached(cache: Cache, run: RunConfig) -> list[dict[str, object]]:
    """A step of the published cell on the cache, and end to end."""
    small = {"proxy_upsample_logits": False}
    trained = dataclasses.replace(run, model=_with_cell(run.model))
    frozen = dataclasses.replace(run.train, freeze_backbone=True)
    xception = dataclasses.replace(trained.model, model_variant="xception_65")
    calls = {
        "cache": _steps(cache, [DPC_TOP1]),
        "cache, labels at logits": _steps(cache, [DPC_TOP1], **small),
        "frozen MobileNet-v2": _whole(dataclasses.replace(trained, train=frozen)),
        "MobileNet-v2": _whole(trained),
        "Xception-65": _whole(dataclasses.replace(trained, model=xception)),
    }
    rows = _timed("a step of dpc_top1", calls)
    for row in rows:
        an_hour = 3600e3 / float(row["median_ms"]) / ProxyConfig().proxy_steps  # type: ignore[arg-type]
        print(f"{row['alternative']}: {an_hour:.3f} cells of 30,000 steps an hour")
    return rows


def at_once(cache: Cache) -> list[dict[str, object]]:
    """Four cells of the space one after another, and in one step."""
    rows = []
    for upsample in (True, False):
        settings = {"proxy_upsample_logits": upsample}
        single = [_steps(cache, [cell], **settings) for cell in _cells()]
        calls = {
            "one after another": lambda single=single: [call() for call in single],
            "at once": _steps(cache, _cells(), **settings),
        }
        where = "labels' size" if upsample else "logits' size"
        rows += _timed(f"steps of {AT_ONCE} cells, loss at {where}", calls)
    return rows


def overhead(cache: Cache) -> list[dict[str, object]]:
    """What a cell costs beside its steps, against a trial of 60 s.

    In seconds of one core, which is what building and tracing take of an idle one.
    """
    config = ProxyConfig(proxy_batch_size=BATCH)
    features, labels = next(iter(training_batches(cache, BATCH, 1, seed=0)))
    scored = next(validation_batches(cache))
    spent_ms = []
    for cell in [DPC_TOP1, *_cells(), *_cells(1)]:
        began = time.process_time()
        head = Head(cell, cache, config, seed=0)
        step, scoring = Step([head], cache, config), Scoring([head], cache)
        built_s = time.process_time() - began
        calls_s = _first_call_s(step, features, labels, 0)
        calls_s += _first_call_s(scoring, *scored)
        spent_ms.append(1e3 * (built_s + calls_s))
    # The first cell also loads what TensorFlow loads once a process.
    times_ms = {"a trial of 60 s": [TRIAL_MS], "before its steps": spent_ms[1:]}
    return measuring.rows_of(NAME, "overhead of a cell", times_ms)


def _first_call_s(call: Callable, *arguments: object) -> float:
    """How much longer the first call takes than the second."""
    spent_s = []
    for _ in range(2):
        began = time.process_time()
        np.asarray(call(*arguments))
        spent_s.append(time.process_time() - began)
    return max(spent_s[0] - spent_s[1], 0)


def make_run(folder: pathlib.Path) -> RunConfig:
    """Records of textured images, weights for MobileNet-v2, and settings for both."""
    folder.mkdir(parents=True)
    city, draw = known("cityscapes"), np.random.default_rng(0)
    sizes = {"train": NUM_IMAGES, "val": NUM_IMAGES}
    for split, count in sizes.items():
        examples = [
            _record(draw, f"{split}{i}", city.num_classes) for i in range(count)
        ]
        records.write_shard(folder / records.shard_name(split, 0, 1), examples)
    info = DatasetInfo(
        city.name, city.class_names, city.colors, city.ignore_label, sizes
    )
    info.save(folder)
    model = ModelConfig(num_classes=info.num_classes)
    values = {
        k: v.numpy() for k, v in variables_by_tf1_name(build_model(model)).items()
    }
    np.savez(folder / "weights.npz", **values)
    train = TrainConfig(
        train_crop_size=CROP,
        train_batch_size=BATCH,
        tf_initial_checkpoint=str(folder / "weights.npz"),
    )
    data = DataConfig(dataset_dir=str(folder))
    return RunConfig(model, data, train, EvalConfig(eval_crop_size=IMAGE), info)


def _record(draw: np.random.Generator, name: str, num_classes: int) -> bytes:
    """An image of blocks with noise, and a label of blocks."""
    blocks = [-(-side // 16) for side in IMAGE]
    coarse = draw.integers(0, 200, (*blocks, 3), dtype=np.uint8)
    image = coarse.repeat(16, 0).repeat(16, 1)[: IMAGE[0], : IMAGE[1]]
    image = image + draw.integers(0, 56, image.shape, dtype=np.uint8)
    label = draw.integers(0, num_classes, (*blocks, 1), dtype=np.uint8)
    label = label.repeat(16, 0).repeat(16, 1)[: IMAGE[0], : IMAGE[1]]
    encoded = tf.io.encode_png(image).numpy(), tf.io.encode_png(label).numpy()
    record = records.Record(name, encoded[0], "png", IMAGE, encoded[1])
    return records.encode(record)


def _cells(seed: int = 0) -> list[Genotype]:
    space, rng = Space.from_config(SpaceConfig()), np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(AT_ONCE)]


def _with_cell(model: ModelConfig) -> ModelConfig:
    return dataclasses.replace(model, genotype=DPC_TOP1)


def _steps(cache: Cache, cells: Sequence[Genotype], **settings: object) -> Call:
    """A function that makes some steps of these cells on the cache."""
    config = ProxyConfig(proxy_batch_size=BATCH, **settings)
    step = Step([Head(cell, cache, config, seed=0) for cell in cells], cache, config)
    batches = iter(training_batches(cache, BATCH, config.proxy_steps, seed=0))

    def run() -> object:
        made = [step(*next(batches), number) for number in range(STEPS)]
        return made[-1].numpy()

    return run


def _whole(run: RunConfig) -> Call:
    """A function that makes as many steps as `train.py` does."""
    strategy = tf.distribute.get_strategy()
    folder, name = str(run.data.dataset_dir), run.train.train_split
    split = pipeline.Split(run.dataset, folder, name, run.data)
    batches = pipeline.training_batches(split, run.train)
    stream = strategy.experimental_distribute_dataset(batches)
    loop = Loop(TrainState.build(run, strategy), strategy, stream)
    return lambda: loop.train_until(loop.step + STEPS)


def _timed(case: str, calls: dict[str, Call]) -> list[dict[str, object]]:
    times_ms: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(ROUNDS + 1):
        for name, call in calls.items():
            took_s = _seconds(call)
            if round_number:
                times_ms[name].append(1e3 * took_s / STEPS)
    return measuring.rows_of(NAME, f"{case}, {BATCH} x {CROP[0]}x{CROP[1]}", times_ms)


def _seconds(call: Call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
