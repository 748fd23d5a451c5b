"""A conversion after one that failed makes only what is left."""

import io

import pytest

from deeplab_dpc.conversion import workspace
from deeplab_dpc.data.dataset_info import DatasetError
from tests.conversion import toy
from tests.conversion.toy import content, convert, make_source, truncate


@pytest.fixture
def folder(tmp_path):
    return toy.write(tmp_path)


def test_a_run_after_a_failure_makes_only_what_is_left(folder):
    output, log = folder / "out", io.StringIO()
    label = (folder / "image3_label.png").read_bytes()
    truncate(folder / "image3_label.png")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    (folder / "image3_label.png").write_bytes(label)
    (folder / "image1.jpg").write_bytes((folder / "image2.jpg").read_bytes())
    convert(make_source(folder), output, log, num_shards=5)
    assert "2 of 6 shards are as an earlier run finished them" in log.getvalue()
    assert "toy: 4 images in " in log.getvalue()
    convert(make_source(folder), folder / "fresh", num_shards=5)
    assert content(output) == content(folder / "fresh")
    assert not (output / workspace.NAME).exists()


def test_skipping_after_a_failure_keeps_what_is_done(folder):
    output, log = folder / "out", io.StringIO()
    truncate(folder / "image3.jpg")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    manifest = convert(make_source(folder), output, log, num_shards=5, skip_bad=True)
    assert "3 of 6 shards are as" in log.getvalue()
    assert [s.num_records for s in manifest.shards.values()] == [1, 1, 1, 0, 1, 1]


def test_other_options_make_all_anew(folder):
    output, log = folder / "out", io.StringIO()
    truncate(folder / "image4.jpg")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, log, num_shards=2)
    assert "earlier run" not in log.getvalue()
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, log, num_shards=2, exif="ignore")
    assert "0 of 3 shards are as" in log.getvalue()
