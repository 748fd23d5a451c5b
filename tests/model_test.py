import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from deeplab_dpc import Branch, ConfigError, Genotype, ModelConfig, build_model
from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import BatchNorm, resize_bilinear
from deeplab_dpc.tf1 import tf1_name, variables_by_tf1_name
from tests import goldens, nightly

DPC = ModelConfig(num_classes=5, genotype=DPC_TOP1)
DECODED = {"decoder_output_stride": (4,)}
SCALED = {"image_pyramid": (0.5, 1.0)}


def images(*size, seed=0):
    shape = (1, *size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def filled(config):
    return goldens.fill(build_model(config))


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 50)])
def test_logits_have_the_image_size_over_the_stride_rounded_up(size):
    rows, columns = (-(-n // 16) for n in size)
    assert filled(DPC)(images(*size)).shape == (1, rows, columns, 5)


def test_uint8_and_float_images_give_the_same():
    model, x = filled(DPC), images(33, 49)
    np.testing.assert_array_equal(model(x), model(x.astype(np.float32)))


def test_images_in_one_batch_do_not_mix():
    model = filled(DPC)
    pair = np.concatenate([images(33, 33), images(33, 33, seed=1)])
    both = np.asarray(model(pair))
    tolerance = 1e-4 * np.abs(both).max()
    np.testing.assert_allclose(both[1:], model(pair[1:]), atol=tolerance)


def test_a_full_model_survives_a_keras_file(tmp_path):
    settings = {"use_bounded_activation": True, **DECODED, **SCALED}
    config = ModelConfig(num_classes=4, genotype=DPC_TOP1, **settings)
    model, x = filled(config), images(33, 49)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model(x), loaded(x))


OPENING = """
import json, sys, keras
for path, expected in json.load(open(sys.argv[1])).items():
    loaded = keras.saving.load_model(path)
    model = keras.models.clone_model(keras.models.model_from_json(loaded.to_json()))
    assert [v.path for v in model.weights] == [v.path for v in loaded.weights]
    y = loaded(keras.ops.full((1, 33, 49, 3), 99.0))
    assert abs(keras.ops.convert_to_numpy(y) - expected).max() < 1e-5, path
"""


def in_fresh_process(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", *map(str, arguments)],
        cwd=goldens.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_keras_load_in_fresh_process(tmp_path):
    """Of every backbone, with and without a cell: `load_model` and its siblings."""
    expected = {}
    for i, variant in enumerate(MODEL_VARIANTS[: nightly.of(1, 6)]):
        for genotype in (None, DPC_TOP1):
            config = ModelConfig(model_variant=variant, genotype=genotype)
            path, model = tmp_path / f"{i}{genotype is None}.keras", build_model(config)
            model.save(path)
            y = model(np.full((1, 33, 49, 3), 99.0, "float32"))
            expected[str(path)] = np.asarray(y).tolist()
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    code = f"import deeplab_dpc, keras{OPENING}"
    in_fresh_process(code, tmp_path / "expected.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import keras, deeplab_dpc",
        "from deeplab_dpc import ModelConfig; import tensorflow as tf; tf.keras.Model",
        "import importlib.util, deeplab_dpc; importlib.util.find_spec('keras')",
        "import deeplab_dpc.layers.base",
        "import deeplab_dpc.backbones.xception",
    ],
)
def test_keras_knows_our_layers_in_any_order_of_imports(imports):
    """In a fresh process, and nothing of ours stays in the way of later imports."""
    in_fresh_process(
        f"{imports}\nimport inspect, sys, keras; assert inspect.getsource(keras)\n"
        "names = 'MobileNetV2', 'Xception', 'ResNetV1Beta', 'DensePredictionCell'\n"
        "known = keras.saving.get_custom_objects()\n"
        "assert {f'deeplab_dpc>{n}' for n in (*names, 'ASPP', 'Decoder')} <= set(known)\n"
        "assert not any('deeplab' in type(f).__module__ for f in sys.meta_path)"
    )


@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_and_near_under_any_policy(name, policy):
    x = images(65, 65)
    config = dataclasses.replace(DPC, **DECODED)
    exact = np.asarray(filled(config)(x))
    policy(name)
    mixed = filled(config)
    y = mixed(x)
    assert "float32" in str(y.dtype)
    assert {str(v.dtype) for v in mixed.trainable_variables} == {"float32"}
    assert np.abs(np.asarray(y) - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="unknown sizes")
def test_one_trace_serves_every_size():
    import tensorflow as tf

    branches = Branch.conv3x3(-1, (1, 6)), Branch.pyramid_pooling(0, (2, 4))
    settings = {"genotype": Genotype(branches), **DECODED, **SCALED}
    model = filled(ModelConfig(num_classes=3, **settings))
    traced = tf.function(model, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for size in ((33, 65), (50, 47), (96, 128)):
        x = images(*size).astype(np.float32)
        expected = np.asarray(model(x))
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(traced(x), expected, atol=tolerance)


def test_a_decoder_stride_without_features_is_refused():
    config = ModelConfig(model_variant="xception_41", decoder_output_stride=(8,))
    words = r"decoder_output_stride=8.*xception_41.*\[4\]"
    with pytest.raises(ConfigError, match=words):
        build_model(config)


@pytest.mark.parametrize(
    "merge, combine", [("max", np.maximum), ("avg", lambda a, b: (a + b) / 2)]
)
def test_an_image_pyramid_merges_the_scales_logits(merge, combine):
    config = ModelConfig(num_classes=3, merge_method=merge, **SCALED)
    model = filled(config)
    scales = [model.get_layer(f"scale_{s}").output for s in ("0.50", "1.00")]
    x = images(65, 49)
    first, second = keras.Model(model.input, scales)(x)
    np.testing.assert_allclose(model(x), combine(first, second), atol=1e-5)


@pytest.mark.parametrize("settings", [{}, SCALED])
def test_logits_at_the_images_size_are_the_logits_resized(settings):
    config = ModelConfig(num_classes=3, **settings)
    x = images(50, 33)
    found = goldens.fill(build_model(config, output="image"))(x)
    np.testing.assert_array_equal(found, resize_bilinear(filled(config)(x), (50, 33)))
    with pytest.raises(ConfigError, match="output='labels'.*'logits', 'image'"):
        build_model(config, output="labels")


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="slow elsewhere")
def test_keras_fits_and_predicts_at_the_images_size(tmp_path):
    """Two halves of two colours, the border ignored; the file goes on from there."""
    keras.utils.set_random_seed(0)
    labels = np.tile(np.arange(65) > 32, (2, 65, 1)).astype("uint8")
    photos = np.repeat(labels[..., None] * 200, 3, axis=-1)
    truth = np.where(np.arange(65) == 32, 255, labels)
    config = ModelConfig(num_classes=2, depth_multiplier=0.25, aspp_convs_filters=8)
    model = build_model(config, seed=0, output="image")
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    losses = model.fit(photos, truth, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    found = model.predict(photos, verbose=0)
    assert found.shape == (2, 65, 65, 2) and found.dtype == np.float32
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.predict(photos, verbose=0), found, atol=1e-5)


def test_without_a_context_module_the_logits_sum_over_the_rates():
    config = ModelConfig(
        num_classes=3,
        aspp_with_batch_norm=False,
        atrous_rates=(6, 12),
        logits_kernel_size=3,
    )
    names = variables_by_tf1_name(build_model(config))
    heads = {n: tuple(v.shape) for n, v in names.items() if not n.startswith("Mobile")}
    kernels = dict.fromkeys(["semantic/weights", "semantic_1/weights"], (3, 3, 320, 3))
    biases = dict.fromkeys(["semantic/biases", "semantic_1/biases"], (3,))
    assert heads == {f"logits/{n}": s for n, s in (kernels | biases).items()}


def test_the_same_seed_gives_the_same_weights():
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        models.append(build_model(DPC, seed=3))
    for a, b in zip(models[0].weights, models[1].weights):
        np.testing.assert_array_equal(a, b)


SMALL_GOLDENS = {
    "mobilenetv2_dpc": {},
    "xception71_dpc": {"model_variant": "xception_71", **DECODED},
}


@pytest.mark.parametrize("name", SMALL_GOLDENS)
def test_logits_and_classes_equal_the_originals(name):
    """Those that the project itself keeps."""
    path = goldens.ROOT / "tests" / "small_goldens" / "os16_65x65.npz"
    stored = dict(np.load(path))
    settings = {"genotype": DPC_TOP1, **SMALL_GOLDENS[name]}
    logits = filled(ModelConfig(num_classes=19, **settings))(stored["input"])
    assert goldens.deviation(stored, f"{name}/merged_logits", logits) < 1e-4
    resized = resize_bilinear(logits, (65, 65))
    labels = keras.ops.convert_to_numpy(resized).argmax(-1)
    np.testing.assert_array_equal(labels, stored[f"{name}/argmax"])


FOLDERS = pytest.mark.parametrize(
    "folder",
    ["mobilenetv2_dpc", "mobilenetv2_aspp", "xception71_dpc"]
    + ["xception65_aspp", "resnet50beta_aspp"],
)


@goldens.needed
@FOLDERS
def test_initial_values_are_drawn_as_in_the_original(folder):
    """Each kernel's deviation within 6 standard errors: 1 false alarm in 1e6 models."""
    file = f"initializers/{folder}.json"
    stored = goldens.read(file)
    keras.utils.set_random_seed(0)
    ours = variables_by_tf1_name(goldens.first_model(folder))
    assert sorted(ours) == sorted(name for name, _, _ in stored["variables"])
    for name, shape, kind in stored["variables"]:
        value = np.asarray(ours[name])
        assert list(value.shape) == shape
        if kind["kind"] in ("ones", "zeros"):
            assert (value == kind["value"]).all(), name
            continue
        if kind["kind"] == "truncated_normal":
            # A normal cut at 2 sigma has deviation 0.87962566 sigma.
            deviation, largest = 0.87962566 * kind["stddev"], 2 * kind["stddev"]
        else:
            assert kind["kind"] == "random_uniform"
            deviation, largest = kind["max"] / np.sqrt(3), kind["max"]
        assert abs(value.std() / deviation - 1) < 6 / np.sqrt(2 * value.size), name
        assert np.abs(value).max() <= largest * 1.0001, name
    goldens.check(file, "kinds and sizes (other ones)", 0, 0)


@goldens.needed
@FOLDERS
def test_every_batch_norm_has_the_originals_epsilon_and_decay(folder):
    file = f"initializers/{folder}.json"
    stored = goldens.read(file)
    norms, decays = stored["batch_norm"], stored["moving_average_one_minus_decay"]
    epsilons = {n.rpartition("/")[0]: norm["epsilon"] for n, norm in norms.items()}
    decays = {n.rpartition("/")[0]: decay[1] for n, decay in decays.items()}
    layers = goldens.first_model(folder)._flatten_layers()
    ours = [layer for layer in layers if isinstance(layer, BatchNorm)]
    assert len(ours) == len(epsilons) == len(decays)
    for norm in ours:
        scope = tf1_name(norm.gamma).removesuffix("/gamma")
        assert norm.epsilon == pytest.approx(epsilons[scope])
        assert norm.decay == pytest.approx(decays[scope])
    goldens.check(file, "batch norms' epsilon and decay (other ones)", 0, 0)
