"""What it costs to count the classes that each step predicts, beside the step itself.

Rows in results/class_counts.csv. MobileNet-v2 with the published cell is the smallest
model, so that its steps are the shortest.
"""

import numpy as np
import tensorflow as tf
from measuring import compare, write

from deeplab_dpc import build_model
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training import collapse, losses, optimizers
from deeplab_dpc.training.step import ReplicaStep

NAME = "class_counts"
# Crop, batch, classes, decoder's strides.
CASES = ((257, 4, 11, None), (257, 2, 151, (4,)), (513, 1, 19, (4,)))


def case(
    crop: int, batch: int, classes: int, strides: tuple[int, ...] | None
) -> list[dict[str, object]]:
    """A whole step, which counts, and the counting alone on logits of its size."""
    config = ModelConfig(
        num_classes=classes, genotype=DPC_TOP1, decoder_output_stride=strides
    )
    model, train = build_model(config, seed=0), TrainConfig()
    optimizer = optimizers.build_optimizer(train)
    optimizer.build(model.trainable_variables)
    step = ReplicaStep(model, optimizer, losses.PixelLoss(255), train)
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (batch, crop, crop, 3)).astype("float32")
    labels = tf.constant(random.integers(0, classes, (batch, crop, crop)), tf.int32)
    inputs = {"image": tf.constant(images), "label": labels}
    logits = model(inputs["image"], training=False)
    strategy = tf.distribute.get_strategy()
    whole = tf.function(lambda: strategy.run(step, (inputs,))["class_counts"])
    counting = tf.function(lambda: collapse.class_counts(logits, labels, 255))
    return compare(
        NAME,
        f"{batch}x{crop}x{crop}, {classes} classes, 1/{(strides or (16,))[0]}",
        {
            "step, counting included": lambda: whole().numpy(),
            "counting alone": lambda: counting().numpy(),
        },
        repeats=10,
    )


if __name__ == "__main__":
    write(NAME, [row for values in CASES for row in case(*values)])
