"""The original's logits for two models, kept in the project itself."""

import numpy as np
import pytest

from deeplab_dpc import ModelConfig, build_model, load_tf1_weights
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import resize_bilinear
from deeplab_dpc.tf1 import variables_by_tf1_name
from tests import goldens

CONFIGS = {
    "mobilenetv2_dpc": ModelConfig(num_classes=19, genotype=DPC_TOP1),
    "xception71_dpc": ModelConfig(
        num_classes=19,
        model_variant="xception_71",
        genotype=DPC_TOP1,
        decoder_output_stride=(4,),
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_and_classes_equal_the_originals(name):
    path = goldens.ROOT / "tests" / "small_goldens" / "os16_65x65.npz"
    stored = dict(np.load(path))
    model = build_model(CONFIGS[name])
    shapes = {n: v.shape for n, v in variables_by_tf1_name(model).items()}
    load_tf1_weights(model, {n: goldens.recipe_value(n, s) for n, s in shapes.items()})

    logits = model(stored["input"])

    assert goldens.deviation(stored, f"{name}/merged_logits", logits) < 1e-4
    labels = np.asarray(resize_bilinear(logits, (65, 65))).argmax(-1)
    np.testing.assert_array_equal(labels, stored[f"{name}/argmax"])
