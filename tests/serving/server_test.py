"""A service's beginning and end."""

import concurrent.futures
import os
import re
import signal
import socket

import numpy as np
import pytest
import requests

from tests import forked
from tests.programs import tiny_run
from tests.serving.running import connected, png, running, said, wait

PIXELS = tiny_run.images()["three"][0]
HEAD = b"POST /v1/models/exports:predict HTTP/1.1\r\nHost: a\r\n"


def test_a_sigterm_lets_requests_end_and_the_process_exits_with_0(
    served_folder, tmp_path, expected
):
    """What has arrived is answered; who still sends after three seconds is told, long
    before the hundred that he has; what comes later is not taken.
    """
    arguments = f"--model={served_folder}/exports", "--read_timeout_s=100"
    with running(tmp_path, *arguments) as service, connected(service) as slow:
        assert service.address.startswith("http://127.0.0.1:")
        slow.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        large = np.tile(PIXELS, (20, 20, 1))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(service.labels, "exports", png(large))
            wait(lambda: _waiting(service) >= 1 or asked.done())
            os.kill(service.process.pid, signal.SIGTERM)
            (found,) = asked.result()
        np.testing.assert_array_equal(found, expected(large)[0])
        reply = said(slow)
        assert b" 503 " in reply.splitlines()[0] and b"service is stopping" in reply
        service.process.join(60)
        assert service.process.exitcode == 0
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", service.port), timeout=1)
        assert re.search("Stopped.$", service.log.read_text())


def _waiting(service):
    text = requests.get(f"{service.address}/metrics", timeout=10).text
    return float(re.findall(r"^deeplab_dpc_waiting_requests (\S+)", text, re.M)[0])


def test_a_service_that_loads_is_alive_but_not_ready(served_folder, tmp_path):
    """And ends at once when it is told to."""
    with running(tmp_path, f"--model={served_folder}/street", ready=False) as service:
        status, _ = service.get("/v2/health/live")
        assert status == 200
        status, reply = service.post("/v1/models/street:predict", {"instances": []})
        if status != 400:  # It was loaded by then.
            assert status == 503 and "street is being loaded" in reply["error"]
            assert service.get("/v2/health/ready")[0] in (200, 503)
        os.kill(service.process.pid, signal.SIGTERM)
        service.process.join(60)
        assert service.process.exitcode == 0


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((), "--model is missing."),
        (("--model=nothing",), "nothing is no model that can be loaded"),
        (
            ("--model={0}/street", "--model=street={0}/exports"),
            "models are called street",
        ),
        (
            ("--model={0}/street", "--port=70000"),
            "must be at least 0 and at most 65535",
        ),
        (("--model={0}/street", "--host=1.2.3.4"), "1.2.3.4:0 cannot be listened at"),
        (("--model={0}/street", "--classes=cityscapes"), "has 3 classes, but 19 are"),
    ],
)
def test_what_cannot_be_served_is_told(served_folder, arguments, text):
    given = [argument.format(served_folder) for argument in arguments]
    code, told = forked.run("deeplab_dpc.programs.serve", "--port=0", *given)
    assert code == 1 and text in told and "Traceback" not in told
