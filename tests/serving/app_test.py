"""Requests to a real service: values, and what the real TensorFlow Serving would say."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
import requests
import tensorflow as tf
from absl import flags
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from deeplab_dpc.programs import serve as program
from deeplab_dpc.serving.protocols import base64_text
from tests import reader
from tests.export import assets_test
from tests.programs import tiny_run
from tests.serving.running import labels_of, png, wait

IMAGES = [image for image, _ in tiny_run.images().values()]
MODELS = ["street", "saved"]
FILES = [{"b64": base64_text(png(image))} for image in IMAGES]
PIXELS = np.stack([IMAGES[0], IMAGES[0][::-1]])


@pytest.mark.parametrize("model", MODELS)
def test_labels_of_files_are_the_runs(service, expected, model):
    found = service.labels(model, *map(png, IMAGES))
    for labels, image in zip(found, expected(*IMAGES), strict=True):
        np.testing.assert_array_equal(labels, image)


REQUESTS = {  # As https://www.tensorflow.org/tfx/serving/api_rest writes them.
    "rows": {"instances": PIXELS.tolist()},
    "named rows": {"instances": [{"images": x} for x in PIXELS.tolist()]},
    "named signature": {
        "signature_name": "serving_default",
        "instances": PIXELS.tolist(),
    },
    "several outputs": {
        "signature_name": "probabilities",
        "instances": PIXELS.tolist(),
    },
    "files": {"signature_name": "encoded", "instances": FILES},
    "named files": {
        "signature_name": "encoded",
        "instances": [{"image": row} for row in FILES],
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_reply_is_what_tensorflow_serving_makes_of_the_export(
    service, served_folder, name
):
    """By its protos and its page; the graph computes both."""
    body = json.dumps(REQUESTS[name])
    graph = tf.saved_model.load(str(served_folder / "exports" / "1"))
    expected = json.loads(assets_test.rest(graph, body))
    for model in MODELS:
        status, reply = service.post(f"/v1/models/{model}:predict", body.encode())
        assert status == 200 and list(reply) == list(expected) == ["predictions"]
        for found, row in zip(
            reply["predictions"], expected["predictions"], strict=True
        ):
            if "files" in name:
                labels = labels_of(found["b64"])
                np.testing.assert_array_equal(labels, labels_of(row["b64"]))
            elif isinstance(row, dict):
                assert found["SemanticPredictions"] == row["SemanticPredictions"]
                probabilities = (x["SemanticProbabilities"] for x in (found, row))
                np.testing.assert_allclose(*probabilities, atol=1e-5)
            else:
                assert found == row


def test_columns_come_back_as_columns(service, expected):
    path = "/v1/models/street/versions/1:predict"
    labels = [x.tolist() for x in expected(*PIXELS)]
    for inputs in (PIXELS.tolist(), {"images": PIXELS.tolist()}):
        assert service.post(path, {"inputs": inputs}) == (200, {"outputs": labels})
    both = {"signature_name": "probabilities", "inputs": PIXELS.tolist()}
    status, reply = service.post(path, both)
    assert list(reply["outputs"]) == ["SemanticPredictions", "SemanticProbabilities"]
    shown = np.argmax(reply["outputs"]["SemanticProbabilities"], -1)
    np.testing.assert_array_equal(shown, labels)
    files = {"signature_name": "encoded", "inputs": {"image": FILES[:1]}}
    (row,) = service.post(path, files)[1]["outputs"]
    np.testing.assert_array_equal(labels_of(row["b64"]), expected(IMAGES[0])[0])


def test_status_and_metadata_are_the_protos_and_the_exports(service, served_folder):
    _, said = service.get("/v1/models/saved")
    status = get_model_status_pb2.GetModelStatusResponse()
    json_format.ParseDict(said, status)
    (version,) = status.model_version_status
    assert (version.version, version.state) == (1, version.AVAILABLE)
    _, said = service.get("/v1/models/saved/metadata")
    metadata = get_model_metadata_pb2.GetModelMetadataResponse()
    json_format.ParseDict(said, metadata)
    assert (
        metadata.model_spec.name == "saved" and metadata.model_spec.version.value == 1
    )
    known = get_model_metadata_pb2.SignatureDefMap()
    assert metadata.metadata["signature_def"].Unpack(known)
    graph = tf.saved_model.load(str(served_folder / "exports" / "1"))
    assert set(known.signature_def) == set(graph.signatures)
    for name, function in graph.signatures.items():
        definition = known.signature_def[name]
        ours = {**definition.inputs, **definition.outputs}
        theirs = dict(function.structured_input_signature[1])
        theirs |= function.structured_outputs
        assert set(ours) == set(theirs)
        for key, spec in theirs.items():
            assert ours[key].dtype == spec.dtype.as_datatype_enum
            shape = [dim.size for dim in ours[key].tensor_shape.dim]
            assert len(shape) == spec.shape.rank
            assert tf.TensorShape(
                [None if n < 0 else n for n in shape]
            ).is_compatible_with(spec.shape)


def test_the_open_inference_protocol(service, expected):
    path = "/v2/models/street"
    assert service.get(f"{path}/ready") == (200, {"name": "street", "ready": True})
    assert service.get("/v2/health/live") == (200, {"live": True})
    _, said = service.get(path)
    assert (said["name"], said["versions"]) == ("street", ["1"])
    images = {"name": "images", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}
    assert said["inputs"][0] == images
    tensor = {"name": "images", "shape": list(PIXELS.shape), "datatype": "UINT8"}
    for data in (PIXELS.tolist(), PIXELS.ravel().tolist()):
        body = {"id": "7", "inputs": [{**tensor, "data": data}]}
        status, reply = service.post(f"{path}/versions/1/infer", body)
        assert status == 200 and (reply["id"], reply["model_name"]) == ("7", "street")
        (output,) = reply["outputs"]
        assert output["name"] == "SemanticPredictions" and output["datatype"] == "UINT8"
        labels = np.reshape(output["data"], output["shape"])
        np.testing.assert_array_equal(labels, expected(*PIXELS))
    body["outputs"] = [{"name": "SemanticProbabilities"}]
    (output,) = service.post(f"{path}/infer", body)[1]["outputs"]
    shown = np.reshape(output["data"], output["shape"])
    assert shown.shape == (*PIXELS.shape[:3], 3)
    np.testing.assert_array_equal(shown.argmax(-1), labels)


def test_files_by_the_open_inference_protocol(service, expected):
    texts = [row["b64"] for row in FILES]
    tensor = {"name": "image", "shape": [3], "datatype": "BYTES", "data": texts}
    body = {"inputs": [tensor], "outputs": [{"name": "labels_png_bytes"}]}
    (output,) = service.post("/v2/models/saved/infer", body)[1]["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [3])
    for text, labels in zip(output["data"], expected(*IMAGES), strict=True):
        np.testing.assert_array_equal(labels_of(text), labels)


WRONG = [
    (b"", "The body is no JSON"),
    (b"[1]", "JSON is no object"),
    (b"[" * 100_000, "The body is no JSON"),
    ({}, "The request has no images"),
    ({"instances": [], "inputs": []}, "has instances and inputs; give either"),
    ({"instances": []}, "instances has no images"),
    ({"instances": 7}, "instances is no list"),
    ({"instances": [1], "signature_name": "encode"}, "'encode' is none of the model's"),
    ({"instances": [1], "signature_name": ["a"]}, "is none of the model's: serving_de"),
    ({"instances": FILES}, 'For files in base64 pass "signature_name": "encoded"'),
    ({"instances": [{"x": 1}]}, "instances[0] names x; the only input is images"),
    ({"instances": [[[1, 2, 3]]]}, "the shape [1, 1, 3]; images are [batch, height"),
    (
        {"instances": [[[[1, 2, 3]]], [[[1, 2, 3]] * 2]]},
        "images in one request have one",
    ),
    ({"instances": [[[[1, 2, 256]]]]}, "no integers from 0 to 255"),
    ({"instances": [[[[1, 2, 0.5]]]]}, "no integers from 0 to 255"),
    ({"instances": [[[["a", 2, 3]]]]}, "instances is no array of numbers"),
    ({"instances": [[[[None, 2, 3]]]]}, "has null where numbers from 0 to 255 belong"),
    ({"instances": [[[[1, True, 3]]]]}, "has a boolean where numbers from 0 to 255"),
    ({"instances": [[[[1, "12", 3]]]]}, "has a text where numbers from 0 to 255"),
    ({"inputs": {"b64": "QUJD"}}, "inputs has no images; give a list"),
    *(
        ({"signature_name": "encoded", "instances": rows}, text)
        for rows, text in (
            ([[1]], 'instances[0] is no file; give {"b64": "..."}'),
            ([{"b64": 7}], "instances[0] is no text of base64, but a number"),
            ([{"b64": "?"}], "instances[0] is no base64"),
            ([FILES[0], {"b64": ""}], "instances[1] is empty"),
            ([FILES[0], {"b64": "QUJD"}], "image[1] is no image: its header cannot be"),
        )
    ),
]


@pytest.mark.parametrize("body, text", WRONG, ids=[text for _, text in WRONG])
def test_what_is_wrong_is_told_in_a_sentence(service, body, text):
    status, reply = service.post("/v1/models/street:predict", body)
    assert status == 400 and list(reply) == ["error"] and text in reply["error"]


IMAGE = {
    "name": "images",
    "shape": [1, 1, 1, 3],
    "datatype": "UINT8",
    "data": [1, 2, 3],
}
WRONG_V2 = [
    ({}, "`inputs` is a list of one input"),
    ({"inputs": [IMAGE, IMAGE]}, "`inputs` is a list of one input"),
    ({"inputs": [{**IMAGE, "name": "x"}]}, "'x' is not known; it is image or images"),
    ({"inputs": [{**IMAGE, "datatype": "FP32"}]}, "'FP32'; it is UINT8"),
    ({"inputs": [{**IMAGE, "shape": [3]}]}, "images needs a shape such as [-1, -1"),
    ({"inputs": [{**IMAGE, "data": [1, False, 3]}]}, "images has a boolean where"),
    ({"inputs": [{**IMAGE, "data": ["1", 2, 3]}]}, "images has a text where numbers"),
    ({"inputs": [{**IMAGE, "data": "7"}]}, "images is no array of numbers"),
    ({"inputs": [{**IMAGE, "shape": [1, 2, 2, 3]}]}, "images is no array of numbers"),
    ({"inputs": [{**IMAGE, "shape": [-1, 1, 1, 3]}]}, "images needs a shape"),
    ({"inputs": [IMAGE], "outputs": [{"name": "y"}]}, "['y'] are not all of Semantic"),
    ({"inputs": [IMAGE], "outputs": ["y"]}, "`outputs` is a list of objects"),
]


@pytest.mark.parametrize("body, text", WRONG_V2, ids=[text for _, text in WRONG_V2])
def test_what_is_wrong_by_the_open_inference_protocol(service, body, text):
    status, reply = service.post("/v2/models/street/infer", body)
    assert status == 400 and list(reply) == ["error"] and text in reply["error"]


def test_what_is_not_there(service):
    assert service.get("/v1/models/other") == (
        404,
        {"error": "No model is called 'other'; there are street, saved."},
    )
    status, said = service.get("/v1/models/saved/versions/2")
    assert status == 404 and "saved has no version '2'; 1 is served" in said["error"]
    assert service.post("/v1/models/street", {})[0] == 405
    for path in ("/nothing", "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%0a/x"):
        status, said = service.get(path)
        assert status == 404 and list(said) == ["error"]
    assert service.get("/v1/models") == (200, {"models": MODELS})


def test_each_request_is_counted_and_has_a_line_in_the_log(service):
    def counted(name):
        text = requests.get(f"{service.address}/metrics", timeout=10).text
        return float(re.findall(rf"^deeplab_dpc_{name} (\S+)", text, re.MULTILINE)[0])

    answered = r'requests_total{address="predict",status="200"}'
    answered = re.escape(answered).replace('"', '"')
    service.labels("street", png(IMAGES[0]))
    before, images = counted(answered), counted("images_total")
    lines = len(service.log.read_text().splitlines())
    service.labels("street", *map(png, IMAGES))
    wait(lambda: counted(answered) == before + 1)
    assert counted("images_total") == images + 3
    logged = service.log.read_text().splitlines()[lines:]
    (line,) = [line for line in logged if "predict" in line]
    assert re.search(
        r"127.0.0.1 POST /v1/models/street:predict 200 3 images \d+ bytes [\d.]+ s$",
        line,
    )
    service.get("/v1/models/a%0Ab")
    wait(lambda: "/v1/models/a%0Ab" in service.log.read_text())
    last = service.log.read_text().splitlines()[-1]
    assert "GET /v1/models/a%0Ab 404 0 images" in last and "No model is called" in last


PAGE = "g3doc/serving.md"


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_each_command_of_the_page_runs(service, served_folder, expected, tmp_path):
    """At the running service; the one that starts it is read alone."""
    (tmp_path / "photo.jpg").write_bytes(png(IMAGES[0]))
    first, *commands = reader.commands(PAGE)
    _, *words, last = shlex.split(first)
    values = flags.FlagValues()
    program.define_flags(values)
    values(words)
    assert values.model == ["street=run"] and (values.port, last) == (8501, "&")
    for command in commands:
        said = reader.typed(command.replace("8501", str(service.port)), tmp_path)
        if "labels.png" in command:
            labels = tiny_run.opened(tmp_path / "labels.png")
            np.testing.assert_array_equal(labels, expected(IMAGES[0])[0])
            (tmp_path / "labels.png").unlink()
        elif "keys" in command:
            names = ["encoded", "probabilities", "serving_default"]
            assert json.loads(said) == names
    assert float(said.split()[-1]) >= 3
