"""Replies that nobody reads: of more than four megabytes, where eight may be."""

import contextlib
import json

import numpy as np
import pytest

from tests.programs import tiny_run
from tests.serving.running import png, said, unread

PIXELS = tiny_run.images()["three"][0]
IMAGE = np.zeros((280, 400, 3), np.uint8)
TENSOR = {"name": "images", "datatype": "UINT8", "shape": [1, 400, 400, 3]}
REQUESTS = {
    "/v1/models/street:predict": {
        "signature_name": "probabilities",
        "inputs": [IMAGE.tolist()],
    },
    "/v2/models/street/infer": {
        "inputs": [{**TENSOR, "data": [0] * 480_000}],
        "outputs": [{"name": "SemanticProbabilities"}],
    },
}


@pytest.mark.parametrize("path", REQUESTS)
def test_replies_that_nobody_reads_are_refused_and_left(service, expected, path):
    """The second finds no room; since the first has not moved for 1.5 seconds by then,
    or soon, it is cut off, and there is room again. Labels are answered all along.
    """
    body = json.dumps(REQUESTS[path], separators=(",", ":")).encode()
    with contextlib.closing(unread(service, path, body)) as first:
        begin = first.recv(100)
        status, reply = service.post(path, body)
        assert status == 429 and "not read yet have filled the memory" in reply["error"]
        (found,) = service.labels("street", png(PIXELS))
        np.testing.assert_array_equal(found, expected(PIXELS)[0])
        while status == 429:
            status, reply = service.post(path, body)
        assert status == 200
        assert begin.startswith(b"HTTP/1.1 200 ")
        assert len(said(first)) < 4_000_000
    assert "200 1 image" in service.log.read_text()
    assert "The client did not stay." in service.log.read_text()
    outputs = reply["outputs"]
    if path.startswith("/v1"):
        (found,) = np.argmax(outputs["SemanticProbabilities"], -1)
        np.testing.assert_array_equal(found, expected(IMAGE)[0])
    else:
        assert len(outputs[0]["data"]) == 480_000
