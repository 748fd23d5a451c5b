"""Images that wait together are seen together, and fail alone."""

import asyncio

import numpy as np

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.segmenter.networks import Seen
from deeplab_dpc.segmenter.segmenter import Segmenter
from deeplab_dpc.serving.batching import Batcher
from deeplab_dpc.serving.errors import RequestError
from tests.export.saved_model_test import COLORS

RNG = np.random.default_rng(0)


class Channels:
    """A network: a pixel's class is its largest channel. It refuses black images, and
    breaks on white ones.
    """

    info = DatasetInfo("blobs", ("red", "green", "blue"), COLORS, 255, {})

    def __init__(self):
        self.seen_at_once = []

    def seen(self, image):
        return Seen(image, image.shape[:2])

    def labels(self, images, window):
        self.seen_at_once.append(len(images))
        return self.probabilities(images, window).argmax(-1)

    def probabilities(self, images, window):
        if not images.any(axis=(1, 2, 3)).all():
            raise ValueError("It is black.")
        if (images == 255).all(axis=(1, 2, 3)).any():
            raise RuntimeError("something inside")
        return images.astype(np.float32) / 255


def predicted(images, wants=False):
    """What is found when all images come at once; sizes of batches, and of what the
    network saw.
    """
    network, sizes = Channels(), []

    async def run():
        batcher = Batcher(Segmenter(network), 4, sizes.append)
        waiting = [batcher.predict(image, wants) for image in images]
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(run()), sizes, network.seen_at_once


def images(*sizes):
    return [RNG.integers(1, 255, (*size, 3), "uint8") for size in sizes]


def test_what_waits_is_seen_together_up_to_the_limit_size_by_size():
    given = images(*[(5, 7), (4, 4)] * 3)
    found, sizes, at_once = predicted(given, wants=True)
    assert sizes == [4, 2] and at_once == [2, 2, 1, 1]
    for result, image in zip(found, given, strict=True):
        np.testing.assert_array_equal(result.labels, image.argmax(-1))
        np.testing.assert_array_equal(result.probabilities, np.float32(image) / 255)


def test_an_image_fails_alone():
    given = images(*[(5, 7)] * 4)
    given[1][:], given[2][:] = 0, 255
    found, *_ = predicted(given)
    for i in (0, 3):
        np.testing.assert_array_equal(found[i].labels, given[i].argmax(-1))
        assert found[i].probabilities is None
    assert all(isinstance(found[i], RequestError) for i in (1, 2))
    assert (found[1].status, str(found[1])) == (400, "It is black.")
    assert found[2].status == 500 and "inside" not in str(found[2])


def test_what_is_given_up_is_not_seen():
    network, given = Channels(), images((5, 7), (5, 7), (5, 7))

    async def run():
        batcher = Batcher(Segmenter(network), 1, lambda size: None)
        tasks = [asyncio.create_task(batcher.predict(x, False)) for x in given]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.predict(given[0], False)

    asyncio.run(run())
    assert network.seen_at_once == [1, 1, 1]
