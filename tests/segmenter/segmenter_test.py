"""Images in, results out: what is in them, their order, batches, windows, memory."""

import io
import weakref

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc import inference
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.reports import pictures
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.loading import load
from deeplab_dpc.segmenter.segmenter import Segmenter
from deeplab_dpc.segmenter.sources import SourceError
from tests.programs import tiny_run

IMAGES = [image for image, _ in tiny_run.images().values()]


@pytest.fixture(scope="module")
def segmenter(read_only_run):
    return load(read_only_run)


@pytest.fixture(scope="module")
def result(segmenter):
    (found,) = segmenter.predict(IMAGES[0])
    return found


def padded(image):
    """With grey, to the crop of the run."""
    height, width = image.shape[:2]
    around = [(0, max(33 - height, 0)), (0, max(33 - width, 0)), (0, 0)]
    return np.pad(image.astype("float32"), around, constant_values=127.5)[None]


def test_labels_are_the_runs_in_the_order_of_the_images(read_only_run, segmenter):
    expected = list(Run.open(read_only_run).predict(IMAGES))
    for batch_size in (1, 4):
        results = list(segmenter.predict(iter(IMAGES), batch_size))
        assert [r.name for r in results] == ["image_1", "image_2", "image_3"]
        for found, image, labels in zip(results, IMAGES, expected, strict=True):
            assert found.labels.dtype == np.uint8 and found.path is None
            np.testing.assert_array_equal(found.labels, labels)
            np.testing.assert_array_equal(found.image, image)


def test_images_of_one_size_make_a_batch_up_to_the_limit(segmenter, monkeypatch):
    """Sizes after padding: 33x33 three times, 41x37, 33x33."""
    seen, network = [], segmenter.network
    labels = network.labels
    monkeypatch.setattr(
        network,
        "labels",
        lambda x, window: seen.append(x.shape[:3]) or labels(x, window),
    )
    source = [IMAGES[1][:, :33], IMAGES[0][:9, :8], IMAGES[0][:, :33], *IMAGES[2:]]
    source.append(IMAGES[0][:, :33])
    assert len(list(segmenter.predict(source))) == 5
    assert seen == [(3, 33, 33), (1, 41, 37), (1, 33, 33)]
    seen.clear()
    assert len(list(segmenter.predict(source[:3], batch_size=2))) == 3
    assert seen == [(2, 33, 33), (1, 33, 33)]
    seen.clear()
    limited = Segmenter(network, max_megapixels=0.0022)  # Two images of 33x33.
    assert len(list(limited.predict(source[:3]))) == 3
    assert seen == [(2, 33, 33), (1, 33, 33)]


def test_probabilities_are_the_models_at_the_images_size(result):
    expected = inference.predict(tiny_run.model(10), padded(IMAGES[0]))[1]
    found = result.probabilities
    assert found.dtype == np.float32 and found.shape == (33, 40, 3)
    np.testing.assert_allclose(found, np.asarray(expected)[0], atol=1e-5)
    assert found is result.probabilities
    np.testing.assert_array_equal(found.argmax(-1), result.labels)


def test_resized_images_come_back_at_their_own_size(read_only_run):
    run = Run.open(read_only_run, data={"min_resize_value": 24})
    expected = list(run.predict(IMAGES))
    for found, labels in zip(load(run).predict(IMAGES), expected, strict=True):
        np.testing.assert_array_equal(found.labels, labels)
        assert found.probabilities.shape == (*labels.shape, 3)
        np.testing.assert_allclose(found.probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["read_only_run", "read_only_export"])
def test_larger_images_are_seen_through_windows(request, what):
    """Of 31x31 pixels at a limit of 1,000; an image below it is seen whole."""
    what = request.getfixturevalue(what)
    segmenter = load(what, max_megapixels=0.001)
    small, large = segmenter.predict([IMAGES[1][:, :40], IMAGES[2]])
    (whole,) = load(what).predict(IMAGES[1][:, :40])
    np.testing.assert_array_equal(small.labels, whole.labels)
    averaging = inference.Averaging(window=(31, 31))
    labels, probabilities = inference.predict(
        tiny_run.model(10), IMAGES[2][None].astype("float32"), averaging
    )
    assert np.mean(large.labels == np.asarray(labels)[0]) > 0.999
    np.testing.assert_allclose(large.probabilities, probabilities[0], atol=1e-5)
    (at_once,) = load(what).predict(IMAGES[2])
    assert np.abs(at_once.probabilities - large.probabilities).max() > 0.001


def test_a_thousand_images_are_never_in_memory(segmenter):
    """At most a batch, the next image, and the result that is looked at."""
    alive, most, count = set(), 0, 0

    def stream():
        for i in range(1000):
            image = np.full((9, 8, 3), i % 256, np.uint8)
            alive.add(i)
            weakref.finalize(image, alive.remove, i)
            yield image

    for found in segmenter.predict(stream()):
        most, count = max(most, len(alive)), count + 1
        assert found.image[0, 0, 0] == (count - 1) % 256
    assert count == 1000 and most <= 4 + 2


def test_bad_files_are_left_out_told_and_kept(segmenter, tmp_path, caplog):
    for name in ("a.png", "c.png"):
        Image.fromarray(IMAGES[2]).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no picture")
    results = segmenter.predict([tmp_path, tmp_path / "gone.jpg"])
    assert [r.path.name for r in results] == ["a.png", "c.png"]
    bad, gone = results.errors
    assert "b.png is no image" in str(bad) and "gone.jpg is missing" in str(gone)
    assert "Left out: " in caplog.text
    with pytest.raises(PhotoError, match="b.png is no image"):
        next(segmenter.predict(tmp_path / "b.png"))
    with pytest.raises(
        PhotoError, match="None of 2 files was read:\n.*b.png.*\n.*gone"
    ):
        list(segmenter.predict([tmp_path / "b.png", tmp_path / "gone.jpg"]))


def test_nothing_gives_nothing(segmenter):
    assert list(segmenter.predict([])) == []


def test_settings_that_cannot_be_are_refused(segmenter):
    with pytest.raises(SourceError, match="batch_size=0"):
        segmenter.predict([], batch_size=0)
    for number in (0, float("nan"), -1):
        with pytest.raises(SourceError, match="max_megapixels"):
            Segmenter(segmenter.network, max_megapixels=number)


def test_shares_are_counted_pixels(result):
    counts = np.bincount(result.labels.ravel(), minlength=3)
    expected = {n: c / (33 * 40) for n, c in zip(tiny_run.NAMES, counts) if c}
    assert result.shares() == pytest.approx(expected)
    assert list(result.shares().values()) == sorted(expected.values(), reverse=True)
    largest = tiny_run.NAMES[counts.argmax()]
    assert repr(result).startswith(f"<Segmentation image_1, 40 x 33: {largest} ")
    assert result.class_names == tiny_run.NAMES


def test_pictures_are_the_ones_that_vis_draws(result, tmp_path):
    expected = pictures.overlay(result.image, result.labels, result.palette)
    np.testing.assert_array_equal(result.overlay(), expected)
    result.save(tmp_path / "new" / "o.png")
    np.testing.assert_array_equal(tiny_run.opened(tmp_path / "new/o.png"), expected)
    colors = np.array(tiny_run.COLORS)[result.labels]
    result.save(tmp_path / "c.png", "colors")
    np.testing.assert_array_equal(tiny_run.opened(tmp_path / "c.png"), colors)
    result.save(tmp_path / "i.png", "ids")
    np.testing.assert_array_equal(tiny_run.opened(tmp_path / "i.png"), result.labels)
    with Image.open(result.save(tmp_path / "o.JPG")) as file:
        assert file.format == "JPEG" and file.size == (40, 33)


@pytest.mark.parametrize(
    "name, kind", [("a.jpg", "ids"), ("a.xyz", "overlay"), ("a", "colors")]
)
def test_pictures_that_would_lose_ids_or_have_no_format_are_not_written(
    result, tmp_path, name, kind
):
    with pytest.raises(SourceError, match=f"{kind} cannot be written.*end in .png"):
        result.save(tmp_path / name, kind)
    with pytest.raises(SourceError, match="'photo' is no picture; there are overlay, "):
        result.save(tmp_path / name, "photo")
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_the_overlay_with_a_legend(result):
    shown = Image.open(io.BytesIO(result._repr_png_()))
    overlay = np.asarray(result.overlay().resize((320, 264), Image.Resampling.NEAREST))
    found = np.asarray(shown.convert("RGB"))
    windows = np.lib.stride_tricks.sliding_window_view(found, overlay.shape)
    first = np.all(windows[:, :, 0, :, :1] == overlay[:, :1], axis=(2, 3, 4))
    assert any((windows[y, x, 0] == overlay).all() for y, x in np.argwhere(first))
    assert found.shape[1] > 320 or found.shape[0] > 264
