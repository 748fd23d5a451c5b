"""What is sent to break a service: it answers in words, and others meanwhile."""

import concurrent.futures
import contextlib
import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
import requests
from PIL import Image

from deeplab_dpc.serving.protocols import base64_text
from tests.programs import tiny_run
from tests.serving.running import connected, png, said

PIXELS = tiny_run.images()["three"][0]
PHOTO = Image.fromarray(PIXELS)
PATH = "/v1/models/street:predict"


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb(width, height):
    """A PNG that says to be large, with a megabyte of zeros for its first rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


ANIMATED = {"save_all": True, "append_images": [PHOTO.rotate(90)]}
CLEAR = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
SVG = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg/>'
BAD = {
    "a bomb": (bomb(60_000, 60_000), "more than 178,956,970 pixels"),
    "a small bomb": (bomb(1_000, 1_000), "1,000 x 1,000 pixels, more than the 300,000"),
    "a line of a bomb": (bomb(2**31 - 1, 1), "more than"),
    "cut short": (png(PIXELS)[:-200], "cannot be decoded"),
    "a cut JPEG": (saved(PHOTO, "JPEG")[:-300], "cannot be decoded"),
    "half a header": (png(PIXELS)[:20], "its header cannot be read"),
    "text": (b"hello", "is no image"),
    "an SVG": (SVG, "is no image"),
    "a PDF": (saved(PHOTO, "PDF"), "is no image"),
    "a GIF": (saved(PHOTO, "GIF", **ANIMATED), "is a GIF file; images must be"),
    "an animated PNG": (saved(PHOTO, "PNG", **ANIMATED), "is an animated PNG"),
    "an animated WebP": (saved(PHOTO, "WEBP", **ANIMATED), "is an animated WEBP"),
    "CMYK": (saved(PHOTO.convert("CMYK"), "JPEG"), "CMYK colours"),
    "transparent": (png(CLEAR), "transparent"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_words(service, kind):
    content, text = BAD[kind]
    rows = [{"b64": base64_text(content)}]
    body = {"signature_name": "encoded", "instances": rows}
    status, reply = service.post(PATH, body)
    assert status == 400 and "image[0]" in reply["error"] and text in reply["error"]


def test_odd_files_are_read_as_photos(service, expected):
    """One pixel, a line of 20,000, 16 bits, grey, turned, and other formats."""
    rng = np.random.default_rng(0)
    line = rng.integers(0, 256, (3, 20_000, 3), "uint8")
    deep = PIXELS[..., 0].astype(np.uint16) * 257
    grey = np.repeat(PIXELS[..., :1], 3, axis=-1)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        png(PIXELS[:1, :1]): PIXELS[:1, :1],
        png(line): line,
        png(line.transpose(1, 0, 2)): line.transpose(1, 0, 2),
        saved(Image.fromarray(deep), "PNG"): grey,
        saved(Image.fromarray(grey[..., 0]), "PNG"): grey,
        saved(PHOTO, "PNG", exif=exif): np.rot90(PIXELS, -1),
        saved(PHOTO, "WEBP", lossless=True): PIXELS,
        saved(PHOTO, "TIFF"): PIXELS,
        saved(PHOTO, "BMP"): PIXELS,
    }
    for content, pixels in files.items():
        (found,) = service.labels("street", content)
        (labels,) = expected(np.ascontiguousarray(pixels))
        np.testing.assert_array_equal(found, labels)


def test_many_images_in_a_request_have_few_pixels_together(service):
    """300,000: two of 400 x 400."""
    large = base64_text(png(np.zeros((400, 400, 3), np.uint8)))
    body = {"signature_name": "encoded", "instances": [{"b64": large}] * 2}
    status, reply = service.post(PATH, body)
    assert status == 400 and "image[1] has 400 x 400 pixels" in reply["error"]


def test_a_request_has_few_images_however_small(service, expected):
    """A model takes as long for a pixel as for what it is padded to; others would wait."""
    file = {"b64": base64_text(png(PIXELS[:1, :1]))}
    body = {"signature_name": "encoded", "instances": [file] * 65}
    pixel = {"instances": [[[[1, 2, 3]]]] * 65}
    for given in (body, pixel):
        status, reply = service.post(PATH, given)
        assert status == 400 and "has 65 images, more than the 64" in reply["error"]


def test_a_reply_of_too_many_numbers_is_refused_before_it_is_made(service):
    """Nothing here is so large; what is counted is."""
    from deeplab_dpc.serving import protocols
    from deeplab_dpc.serving.errors import RequestError

    values = [np.broadcast_to(np.float32(0), (1024, 2048, 19))]
    with pytest.raises(
        RequestError, match="would be 39,845,888 numbers, more than the"
    ):
        protocols.stacked(values, "SemanticProbabilities")


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".encode()


def test_a_gigabyte_is_refused_by_its_length(service):
    with connected(service) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        reply = said(connection)
    assert b" 413 " in reply.splitlines()[0]
    assert b"more than the 1,000,000 bytes that a request may have" in reply


def test_a_gigabyte_without_a_length_is_refused_as_it_comes(service):
    """The client hears it, although it sends on for a while; memory stays as it is."""
    before, sent = service.resident_mib(), []

    def parts():
        for _ in range(1000):
            sent.append(1)
            yield bytes(10**6)

    with contextlib.suppress(requests.ConnectionError):
        reply = requests.post(service.address + PATH, data=parts(), timeout=60)
        assert reply.status_code == 413 and "1,000,000 bytes" in reply.text
    with connected(service) as connection:
        part = b"186a0\r\n" + bytes(100_000) + b"\r\n"
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + 11 * part)
        assert b" 413 " in said(connection).splitlines()[0]
    assert service.resident_mib() < before + 50
    assert service.get("/v2/health/ready")[0] == 200


def test_a_compressed_body_is_not_unpacked(service):
    headers = {"Content-Encoding": "gzip"}
    data = zlib.compress(bytes(10**8), wbits=31)
    reply = requests.post(service.address + PATH, data=data, headers=headers, timeout=9)
    assert reply.status_code == 415 and "Compressed" in reply.json()["error"]


def test_slow_clients_are_left_and_others_answered_meanwhile(service, expected):
    """Of more connections than requests may wait: half send a byte now and then of
    their headers, half begin a body. The service waits 1.5 seconds.
    """
    body = HEAD + b"Content-Length: 900000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(service)) for _ in range(100)]
        for i, connection in enumerate(slow):
            connection.sendall(body if i % 2 else body[:20])
        (found,) = service.labels("street", png(PIXELS))
        np.testing.assert_array_equal(found, expected(PIXELS)[0])
        for connection in slow[::2]:
            with contextlib.suppress(ConnectionError):
                connection.sendall(body[20:21])
        replies = [said(connection) for connection in slow]
    assert all(b" 408 " in reply.splitlines()[0] for reply in replies[1::2])
    assert not any(replies[::2])
    assert b"did not arrive within 1.5 seconds" in replies[1]


def test_bodies_that_do_not_end_fill_a_bounded_memory(service):
    """Eight megabytes here, of twelve that come; others are told to come back."""
    body = HEAD + b"Content-Length: 999999\r\n\r\n" + bytes(990_000)
    with contextlib.ExitStack() as stack:
        large = [stack.enter_context(connected(service)) for _ in range(12)]
        for connection in large:
            connection.sendall(body)
        replies = [said(connection) for connection in large]
    lines = [reply.splitlines()[0].split()[1] for reply in replies]
    assert set(lines) == {b"408", b"429"}
    refused = replies[lines.index(b"429")]
    assert b"have filled the memory that there is for bodies" in refused
    assert service.get("/v2/health/ready")[0] == 200


def test_a_thousand_at_once_are_answered_or_told_to_come_back(service, expected):
    """At most eight wait at a time, and those that do get their labels."""
    rows = [{"b64": base64_text(png(PIXELS))}]
    body = {"signature_name": "encoded", "instances": rows}
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda _: service.post(PATH, body), range(1000)))
    statuses = [status for status, _ in replies]
    assert set(statuses) == {200, 429}
    good = [reply for status, reply in replies if status == 200]
    assert len({str(reply) for reply in good}) == 1
    refused = next(reply for status, reply in replies if status == 429)
    assert "requests are waiting, which is all that may" in refused["error"]
    (found,) = service.labels("street", png(PIXELS))
    np.testing.assert_array_equal(found, expected(PIXELS)[0])


def test_what_is_no_http_and_who_hangs_up(service, expected):
    for sent in (b"\x16\x03\x01" + os.urandom(200), b"GET\r\n\r\n", b"A" * 10**6):
        with connected(service) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            assert b" 400 " in (said(connection) or b" 400 ").splitlines()[0]
    for _ in range(20):
        with connected(service) as connection:
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nabc")
    (found,) = service.labels("street", png(PIXELS))
    np.testing.assert_array_equal(found, expected(PIXELS)[0])
    assert "Traceback" not in service.log.read_text()


def test_requests_sent_ahead_are_answered_one_by_one(service):
    """On one connection; with others before them the second takes longer than a request
    may take to arrive, and was cut off.
    """
    file = base64_text(png(np.tile(PIXELS, (13, 13, 1))))  # 250,000 pixels.
    given = {"signature_name": "encoded", "instances": [{"b64": file}]}
    body = json.dumps(given).encode()
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    ahead = HEAD.replace(b"Connection: close\r\n", b"") + length + body
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        others = [pool.submit(service.post, PATH, body) for _ in range(6)]
        with connected(service) as connection:
            connection.sendall(3 * ahead + HEAD + length + body)
            reply = said(connection)
    assert reply.count(b"HTTP/1.1 200 ") == 4
    assert [other.result()[0] for other in others] == [200] * 6


def test_paths_lead_nowhere_but_to_models(service):
    """As they are typed: clients would shorten them."""
    climbing = "/../../etc/passwd", "//etc/passwd", "/v1/models/../../run:predict"
    for path in (*climbing, "/v1/models/street/", "/v1/models/street%00"):
        with connected(service) as connection:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode())
            line = said(connection).splitlines()[0]
        assert b" 404 " in line or b" 405 " in line
