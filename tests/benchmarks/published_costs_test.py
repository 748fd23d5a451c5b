import functools
import json
import math

import pytest

from benchmarks import published_costs
from benchmarks.published_costs import CITYSCAPES, RATES, TABLE_1, VOC, ZOO
from deeplab_dpc import ModelConfig, costs
from deeplab_dpc.genotypes import DPC_TOP1
from tests import goldens

measure = functools.cache(costs.measure)
DPC, ASPP = {"genotype": DPC_TOP1}, {"atrous_rates": RATES}


def xception(layers, module):
    variant = f"xception_{layers}"
    return {"model_variant": variant, "decoder_output_stride": (4,), **module}


GOLDEN = {
    "mobilenetv2_aspp0_voc_513": (VOC, {}),
    "mobilenetv2_dm05_voc_513": (VOC, {"depth_multiplier": 0.5}),
    "mobilenetv2_aspp0_cityscapes_1025x2049": (CITYSCAPES, {}),
    "xception65_aspp_decoder_voc_513": (VOC, xception(65, ASPP)),
    "xception65_aspp_decoder_cityscapes": (CITYSCAPES, xception(65, ASPP)),
    "xception71_dpc_decoder_cityscapes": (CITYSCAPES, xception(71, DPC)),
    "xception71_aspp_decoder_cityscapes": (CITYSCAPES, xception(71, ASPP)),
    "mobilenetv2_dpc_cityscapes": (CITYSCAPES, DPC),
    "mobilenetv2_aspp618_cityscapes": (CITYSCAPES, ASPP),
}


def cost_json(key):
    return json.loads((goldens.FOLDER / "cost.json").read_text())[key]


@pytest.mark.slow
@goldens.needed
@pytest.mark.parametrize("name", GOLDEN)
def test_what_tf1s_profiler_counts_is_explained(name):
    """Its float operations halved, to one of the last stored digit (0.0001 B)."""
    stored = cost_json("whole_model_tfprof_float_ops_over_2_billion")[name]
    size, settings = GOLDEN[name]
    classes = {"num_classes": 21 if size == VOC else 19}
    counts = costs.zoo_countings(measure(ModelConfig(**classes, **settings), size))
    assert abs(counts["profiler"] / 1e9 - stored["without_softmax"]) < 1e-4
    if "conv_plus_depthwise_only" in stored:
        assert abs(counts["padded"] / 1e9 - stored["conv_plus_depthwise_only"]) < 1e-4


def test_the_zoos_multiply_adds():
    """Within 0.0114 B of 418.64, and within 0.7 % of the smallest, 0.88."""
    for published in ZOO:
        found = measure(published.config, published.image_size)
        counts = costs.zoo_countings(found)
        off = {k: n / 1e9 - published.billions for k, n in counts.items()}
        assert abs(off["profiler"]) < 0.0115, published.name
        assert abs(off["profiler"]) < 0.007 * published.billions, published.name
        assert abs(off["profiler"]) < abs(off["padded"]) < abs(off["convolutions"])


@goldens.needed
@pytest.mark.parametrize("row", TABLE_1, ids=lambda row: row.name)
def test_table_1s_counts_are_the_stored_ones(row):
    key = row.name.lower().replace("-", "_").replace(" ", "")
    stored = cost_json("rows")[key]
    found = measure(row.config, row.image_size)
    module = costs.context_convolutions(found)
    kernels = sum(math.prod(c.kernel_shape) for c in module)
    true = stored.get("conv_weights_true", stored.get("conv_weights_in_cell"))
    assert kernels == true
    counts = costs.context_countings(found)
    assert counts["convolutions"] == stored["madds_plain"]
    assert counts["profiler"] == stored["madds_tfprof_style"]
    printed = costs.kernels_as_printed(module)
    assert printed == stored.get("conv_weights_one_of_each_kind", true)
    assert round(printed / 1e6, 2) == row.kernels == cost_json("paper_table1")[key][0]
    assert row.billions == cost_json("paper_table1")[key][1]


def test_which_counting_gives_table_1s_digits():
    """The profiler's gives three of the four; plain convolutions give the other."""
    exact = {"convolutions": [], "one add": [], "profiler": []}
    for row in TABLE_1:
        counts = costs.context_countings(measure(row.config, row.image_size))
        for counting, count in counts.items():
            if round(count / 1e9, 2) == row.billions:
                exact[counting].append(row.name)
    assert exact["profiler"] == [row.name for row in TABLE_1[1:]]
    assert exact["convolutions"] == [TABLE_1[0].name]


def test_both_tables_are_printed(monkeypatch):
    monkeypatch.setattr(published_costs, "ZOO", ZOO[-1:])
    monkeypatch.setattr(published_costs, "TABLE_1", TABLE_1[1:2])
    lines = published_costs.report()
    assert lines[2] == (
        "| mobilenetv2_dm05_voc | 513x513 | 0.88 | 0.8675 (-0.0125) | "
        "0.8684 (-0.0116) | 0.8739 (-0.0061) | 0.8738 (-0.0062) |"
    )
    assert lines[6] == (
        "| MobileNet-v2 + DPC | 0.36 M | 356,160 | 356,160 | 3.00 | "
        "2.9864 (-0.0136) | 2.9971 (-0.0029) | 2.9987 (-0.0013) |"
    )
