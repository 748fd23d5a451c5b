"""Where images come from, and what is refused in words."""

import sys

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.segmenter import sources
from deeplab_dpc.segmenter.sources import SourceError

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.fixture
def errors():
    return []


@pytest.fixture
def read(errors):
    reader = sources.Reader(errors.append)
    return lambda source: list(reader.pictures(source))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos" / "inner").mkdir(parents=True)
    for name in ("b.png", "a.PNG", "inner/c.png"):
        Image.fromarray(PIXELS).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    return tmp_path / "photos"


def names(pictures):
    return [picture.name for picture in pictures]


def test_paths_folders_patterns_and_lists_of_them(read, folder):
    assert names(read(folder)) == ["a", "b"]
    assert names(read(str(folder / "b.png"))) == ["b"]
    assert names(read(f"{folder}/*.png")) == ["b"]
    assert names(read(f"{folder}/**/*")) == ["a", "b", "c"]
    mixed = [folder / "b.png", PIXELS, str(folder), Image.fromarray(PIXELS)]
    found = read(mixed)
    assert names(found) == ["b", "image_1", "a", "b", "image_2"]
    for picture in found:
        np.testing.assert_array_equal(picture.pixels, PIXELS)
    assert [p.path and p.path.name for p in found[:2]] == ["b.png", None]


def test_a_pattern_counts_what_it_leaves_out_and_a_loop_gives_nothing_twice(
    read, folder, caplog
):
    (folder / "loop").symlink_to(".")
    (folder / "self.png").symlink_to("self.png")
    with caplog.at_level("WARNING"):
        assert names(read(f"{folder}/**/*")) == ["a", "b", "c"]
    assert "Left out, by their endings: 1 (notes.txt)." in caplog.text
    caplog.clear()
    with caplog.at_level("WARNING"):
        assert names(read(f"{folder}/*")) == ["a", "b"]
    assert "Left out, as folders, which are not read: 2 (inner, loop)." in caplog.text


def test_a_name_with_brackets_is_a_file_first(read, folder):
    Image.fromarray(PIXELS).save(folder / "b[1].png")
    assert names(read(folder / "b[1].png")) == ["b[1]"]


def test_arrays_batches_and_generators_of_either(read):
    found = read(x for x in (PIXELS, np.stack([PIXELS, PIXELS[::-1]])))
    assert names(found) == ["image_1", "image_2", "image_3"]
    np.testing.assert_array_equal(found[2].pixels, PIXELS[::-1])


def test_pil_images_become_rgb_and_upright(read):
    grey = Image.fromarray(PIXELS[..., 0])
    (found,) = read(grey)
    np.testing.assert_array_equal(found.pixels, PIXELS[..., [0, 0, 0]])
    opaque = Image.fromarray(np.dstack([PIXELS, np.full((5, 7), 255, np.uint8)]))
    (found,) = read(opaque)
    np.testing.assert_array_equal(found.pixels, PIXELS)
    turned = Image.fromarray(PIXELS)
    turned.getexif()[0x0112] = 6
    (found,) = read(turned)
    np.testing.assert_array_equal(found.pixels, np.rot90(PIXELS, -1))


@pytest.mark.parametrize("mode", ["CMYK", "F", "I", "I;16", "YCbCr"])
def test_pil_images_of_other_modes_are_refused(read, mode):
    with pytest.raises(SourceError, match=f"mode {mode}; convert it"):
        read(Image.new(mode, (3, 2)))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pil_images_are_refused(read, mode):
    with pytest.raises(SourceError, match="transparent"):
        read(Image.new(mode, (3, 2)))


@pytest.mark.parametrize(
    "array",
    [PIXELS / 255, PIXELS[..., 0], PIXELS[..., :2], np.zeros((0, 7, 3), np.uint8)]
    + [np.zeros(3, np.uint8), np.zeros((1, 1, 4, 4, 3), np.uint8), np.float32(3)],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_that_are_no_images_are_refused(read, array):
    with pytest.raises(SourceError, match="An array of .*images are uint8, 0..255"):
        read(array)


@pytest.mark.parametrize("source", [None, 3, b"bytes", {"a": 1}])
def test_what_is_no_source_is_refused_with_all_that_are(read, source):
    with pytest.raises(SourceError, match="is no source of images. Give a path, a fo"):
        read(source)


@pytest.mark.parametrize("address", ["https://a.org/cat.jpg", "gs://bucket/photos"])
def test_addresses_are_refused(read, address):
    with pytest.raises(SourceError, match=f"{address}: addresses are not read. Downlo"):
        read([address])


def test_what_is_not_there(read, errors, folder):
    with pytest.raises(SourceError, match=r"\*.webp: no image or video fits"):
        read(f"{folder}/*.webp")
    (folder / "empty").mkdir()
    with pytest.raises(PhotoError, match="empty has no image"):
        read(folder / "empty")
    assert read(folder / "gone.png") == [] and "gone.png is missing" in str(errors[0])


def write_video(path, greys):
    import imageio.v3

    frames = [np.full((48, 64, 3), grey, np.uint8) for grey in greys]
    imageio.v3.imwrite(path, frames, plugin="pyav", codec="libx264", fps=5)


def test_a_video_gives_its_frames(read, tmp_path):
    greys = [0, 50, 100, 150, 200]
    write_video(tmp_path / "clip.mp4", greys)
    found = read(tmp_path / "clip.mp4")
    assert names(found) == [f"clip_{i:06d}" for i in range(1, 6)]
    assert [p.path.name for p in found] == ["clip.mp4"] * 5
    for picture, grey in zip(found, greys, strict=True):
        assert picture.pixels.shape == (48, 64, 3) and picture.pixels.dtype == np.uint8
        assert abs(picture.pixels.mean() - grey) < 3
    assert sources.num_images(tmp_path / "clip.mp4") == 5
    assert sources.num_images(tmp_path / "photo.png") == 1


def test_a_damaged_video_is_an_error_of_that_file(read, errors, tmp_path):
    write_video(tmp_path / "clip.mp4", [0, 50, 100])
    content = (tmp_path / "clip.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "no.avi").write_bytes(b"no video")
    assert read([tmp_path / "cut.mp4", tmp_path / "no.avi"]) == []
    for error, name in zip(errors, ("cut.mp4", "no.avi"), strict=True):
        assert f"{name} cannot be read as a video from frame 1 on" in str(error)
        assert sources.num_images(tmp_path / name) == 1


def test_a_video_without_frames_is_an_error_of_that_file(read, errors, tmp_path):
    import av

    with av.open(tmp_path / "clip.avi", "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    assert read(tmp_path / "clip.avi") == []
    assert str(errors[0]) == f"{tmp_path}/clip.avi is a video without a frame."


def test_without_the_extra_a_video_says_what_to_install(read, tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SourceError, match=r"pip install imageio av .*\[video\]"):
        read(tmp_path / "clip.mp4")
