"""Which devices of which machines share each step."""

import json
import os
from collections.abc import Callable

import tensorflow as tf

from deeplab_dpc.config import ConfigError

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def make(num_clones: int, batch_size: int) -> tf.distribute.Strategy:
    """One replica a device: `num_clones` of the machine's GPUs, or without any its
    logical CPUs; 0 takes all. The machines that `TF_CONFIG` names work together, which
    must be known before TensorFlow computes anything. `ConfigError` if there are fewer
    devices, too few images for them, or `TF_CONFIG` describes no workers.
    """
    workers = num_workers()
    if workers > 1:
        return _multi_worker(num_clones, batch_size, workers)
    list_devices = tf.config.list_logical_devices
    names = [d.name for d in list_devices("GPU") or list_devices("CPU")]
    if num_clones > len(names):
        raise ConfigError(
            f"num_clones={num_clones}, but this machine has {len(names)}: "
            f"{', '.join(names)}. 0 takes all."
        )
    names = names[: num_clones or len(names)]
    if batch_size < len(names):
        raise ConfigError(
            f"train_batch_size={batch_size} leaves some of {len(names)} devices "
            f"without an image; raise it, or let only {batch_size} train "
            f"(CUDA_VISIBLE_DEVICES; train.py's --num_clones={batch_size})."
        )
    if len(names) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(names)


def num_workers() -> int:
    """Machines that `TF_CONFIG` names, 1 without it; `ConfigError` if it is wrong."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 1
    try:
        facts = json.loads(text)
        cluster, task = facts["cluster"], facts["task"]
        workers = [*cluster.get("chief", []), *cluster["worker"]]
        known = task["type"] in cluster and set(cluster) <= {"chief", "worker"}
        if not known or not 0 <= int(task["index"]) < len(cluster[task["type"]]):
            raise ValueError(f"task {task} is none of the cluster's {cluster}")
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise ConfigError(
            f"TF_CONFIG={text!r} cannot be used ({type(e).__name__}: {e}). It looks "
            f"like {_EXAMPLE}, with another index on each machine. Unset it to train "
            "on this machine alone."
        ) from e
    return len(workers)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes what all workers share: checkpoints, logs."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


def distribute(
    strategy: tf.distribute.Strategy,
    batches: Callable[..., tf.data.Dataset],
) -> tf.distribute.DistributedDataset:
    """The batches of each step, shared out to the replicas. `batches` gives whole ones;
    with `share=(i, n)` the i-th of n parts, and with `parts=k` each of these as k
    batches.
    """
    if num_workers() == 1:
        return strategy.experimental_distribute_dataset(batches())

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        share = (context.input_pipeline_id, context.num_input_pipelines)
        parts = context.num_replicas_in_sync // context.num_input_pipelines
        return batches(share=share, parts=parts)

    return strategy.distribute_datasets_from_function(of_worker)


def _multi_worker(
    num_clones: int, batch_size: int, workers: int
) -> tf.distribute.Strategy:
    gpus = tf.config.list_physical_devices("GPU")
    if num_clones > max(len(gpus), 1):
        raise ConfigError(
            f"num_clones={num_clones}, but this machine has {len(gpus)} GPUs. 0 takes "
            "all."
        )
    if gpus and num_clones:
        tf.config.set_visible_devices(gpus[:num_clones], "GPU")
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ConfigError(
            f"train_batch_size={batch_size} cannot be shared evenly by {replicas} "
            f"replicas on {workers} machines; choose a multiple of {replicas}."
        )
    return strategy
