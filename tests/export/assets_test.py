"""What lies beside the graph, and TensorFlow Serving's requests by its own protos."""

import base64
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from deeplab_dpc.checksums import ChecksumError
from deeplab_dpc.config import ModelConfig
from deeplab_dpc.export import assets
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.segmenter.loading import load
from tests.export import writing
from tests.export.saved_model_test import IMAGES, INFO, affine, labels_of

CONFIG = ModelConfig(num_classes=3, genotype=DPC_TOP1)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    serving = assets.Serving(
        max_pixels=4_000, notes={"step": 7}, model=CONFIG, image_size=(33, 49)
    )
    folder = tmp_path_factory.mktemp("out") / "export"
    return writing.write(affine(), folder, INFO, serving)


@pytest.fixture(scope="module")
def model(version):
    return tf.saved_model.load(str(version))


def predict(model, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
    """What a server does with a request: the signature's outputs as protos."""
    signature = model.signatures[request.model_spec.signature_name or "serving_default"]
    inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
    response = predict_pb2.PredictResponse()
    for name, value in signature(**inputs).items():
        proto = tf.make_tensor_proto(value.numpy())
        response.outputs[name].CopyFrom(proto)
    return response


def rest(model, body: str) -> str:
    """A REST request's reply, by TensorFlow Serving's api_rest.md: rows of one named
    input, `{"b64": ...}` for bytes, in replies where a name ends in `_bytes`.
    """
    asked = json.loads(body)
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = asked.get("signature_name", "")
    signature = model.signatures[request.model_spec.signature_name or "serving_default"]
    ((name, spec),) = signature.structured_input_signature[1].items()
    rows = [
        row.get(name, row) if isinstance(row, dict) else row
        for row in asked["instances"]
    ]
    if spec.dtype == tf.string:
        rows = [base64.b64decode(row["b64"]) for row in rows]
    request.inputs[name].CopyFrom(tf.make_tensor_proto(rows, spec.dtype))
    request = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    outputs = predict(model, request).outputs
    columns = {}
    for name, proto in outputs.items():
        values = tf.make_ndarray(proto).tolist()
        if name.endswith("_bytes"):
            values = [{"b64": base64.b64encode(value).decode()} for value in values]
        columns[name] = values
    ((_, only), *others) = columns.items()
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return json.dumps({"predictions": rows if others else only})


def test_facts_lie_beside_the_graph(version):
    folder = version / "assets.extra"
    labels = json.loads((folder / "labels.json").read_text())
    assert labels["classes"][1] == {"id": 1, "name": "green", "color": [0, 255, 0]}
    assert (labels["ignore_label"], labels["step"]) == (255, 7)
    assert labels["prediction"]["inference_scales"] == [1.0]
    config = json.loads((folder / "config.json").read_text())["model"]
    assert ModelConfig.from_dict(config) == CONFIG
    assert Genotype.from_json((folder / "genotype.json").read_text()) == DPC_TOP1
    assert {path.name for path in version.iterdir()} == {
        *("assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables"),
    }


def warmups(version):
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        yield log.predict_log.request


def test_a_server_can_warm_up_on_the_requests(version, model):
    """A grey image of the run's size for each signature that gives labels."""
    found = {}
    for request in warmups(version):
        outputs = predict(model, request).outputs
        ((name, proto),) = outputs.items()
        found[request.model_spec.signature_name] = name, tf.make_ndarray(proto)
    assert list(found) == ["serving_default", "encoded"]
    assert found["serving_default"][0] == "SemanticPredictions"
    np.testing.assert_array_equal(found["serving_default"][1], np.zeros((1, 33, 49)))
    (labels,) = labels_of(tf.constant(found["encoded"][1]))
    np.testing.assert_array_equal(labels, np.zeros((33, 49)))
    size = (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size
    assert size < 1_000  # Not an image of pixels.


def test_no_request_to_warm_up_has_more_pixels_than_are_taken(tmp_path):
    serving = assets.Serving(max_pixels=1_000, image_size=(33, 49))
    version = writing.write(affine(), tmp_path / "export", INFO, serving)
    model = tf.saved_model.load(str(version))
    outputs = [predict(model, request).outputs for request in warmups(version)]
    labels = tf.make_ndarray(outputs[0]["SemanticPredictions"])
    (png,) = labels_of(tf.constant(tf.make_ndarray(outputs[1]["labels_png_bytes"])))
    assert labels.shape[1:] == png.shape == (31, 31)


def test_rest_requests_work_both_ways(model):
    """Base64 in rows, with the input's name and without; base64 in the reply."""
    images = IMAGES[0], IMAGES[1, :3]
    coded = [base64.b64encode(tf.io.encode_png(i).numpy()).decode() for i in images]
    for rows in ([{"b64": c} for c in coded], [{"image": {"b64": c}} for c in coded]):
        body = json.dumps({"signature_name": "encoded", "instances": rows})
        found = json.loads(rest(model, body))["predictions"]
        for row, image in zip(found, images, strict=True):
            png = base64.b64decode(row["b64"])
            (labels,) = labels_of(tf.constant([png]))
            np.testing.assert_array_equal(labels, image.argmax(-1))
    body = json.dumps({"instances": IMAGES.tolist()})
    found = json.loads(rest(model, body))["predictions"]
    assert found == IMAGES.argmax(-1).tolist()
    both = {"signature_name": "probabilities", "instances": IMAGES.tolist()}
    (first, _) = json.loads(rest(model, json.dumps(both)))["predictions"]
    assert first["SemanticPredictions"] == IMAGES[0].argmax(-1).tolist()
    assert np.shape(first["SemanticProbabilities"]) == (5, 7, 3)


def test_a_flipped_bit_is_found_even_where_the_file_can_be_read(version, tmp_path):
    """Of a copy; who has changed a file on purpose deletes the checksums."""
    copied = shutil.copytree(version, tmp_path / "1")
    sums = copied / "assets.extra" / "SHA256SUMS"
    assert load(tmp_path).class_names == INFO.class_names
    for path in sorted(copied.rglob("*")):
        if path.is_dir() or path == sums:
            continue
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(ChecksumError, match=f"{path} differs from its checksum"):
            load(tmp_path)
        path.write_bytes(whole)
    labels = copied / "assets.extra" / "labels.json"
    labels.write_text(labels.read_text().replace("green", "lawn"))
    with pytest.raises(ChecksumError, match=f"on purpose, delete {sums}"):
        load(tmp_path)
    sums.unlink()
    assert load(tmp_path).class_names[1] == "lawn"
