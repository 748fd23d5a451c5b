import io
import pathlib
import random
import tarfile

import pytest

from deeplab_dpc import WeightsError
from deeplab_dpc.tf1.archives import find_source, opened, step_in_name
from tests import nightly
from tests.tf1 import zoo


@pytest.fixture
def folder(tmp_path):
    """Makes an archive's folder with these checkpoints."""

    def make(*names):
        for name in names:
            for suffix in ("index", "data-00000-of-00001"):
                (tmp_path / f"{name}.{suffix}").touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    "given", ["", "model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001"]
)
def test_a_folder_a_prefix_and_a_file_mean_its_checkpoint(folder, given):
    path = folder("model.ckpt")
    assert find_source(path / given) == str(path / "model.ckpt")


def test_the_newest_of_several_has_the_largest_number(folder):
    path = folder("model.ckpt-900", "model.ckpt-30000", "model.ckpt-7000")
    assert find_source(path) == str(path / "model.ckpt-30000")


def test_the_state_file_may_tell_from_another_machine(folder):
    path = folder("model.ckpt-900", "model.ckpt-30000")
    (path / "checkpoint").write_text('model_checkpoint_path: "/old/model.ckpt-900"\n')
    assert find_source(path) == str(path / "model.ckpt-900")


def test_no_telling_which(folder):
    with pytest.raises(WeightsError, match="2 checkpoints .best, model.ckpt"):
        find_source(folder("best", "model.ckpt"))


@pytest.mark.parametrize(
    "file, given, words",
    [
        (None, "", "It holds nothing"),
        ("weights.npz", "", "It holds weights.npz"),
        (None, "model.tar.gz", "model.tar.gz is no checkpoint.*an archive"),
        (None, "nothing", "nothing.index is missing"),
        ("train/model.ckpt.index", "", "Did you mean {0}/train"),  # Too high a folder.
    ],
)
def test_what_is_no_checkpoint(tmp_path, file, given, words):
    if file:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(WeightsError, match=words.format(tmp_path)):
        find_source(tmp_path / given)


def test_the_step_in_a_name():
    assert step_in_name("a-3/model.ckpt-30000") == 30000
    assert step_in_name("a-3/model.ckpt") == 0


@pytest.mark.parametrize(
    "name", ["frozen_inference_graph.pb", "weights.npz", "weights.NPZ"]
)
def test_a_frozen_graph_and_an_npz_are_sources(folder, tmp_path, name):
    (tmp_path / name).touch()
    assert find_source(tmp_path / name) == str(tmp_path / name)
    if name.endswith(".pb"):
        assert find_source(tmp_path) == str(tmp_path / name)
        assert find_source(folder("model.ckpt")) == str(tmp_path / "model.ckpt")


INDEX, DATA = "zoo/model.ckpt.index", "zoo/model.ckpt.data-00000-of-00001"
CONTENT = {
    "zoo/._model.ckpt.index": b"a Mac's",
    INDEX: random.Random(0).randbytes(2000),
    DATA: bytes(5000) + random.Random(1).randbytes(5000),
    "zoo/README": b"read me",
}


def packed(path, content, mode="w:gz", **fields):
    with tarfile.open(path, mode) as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for key, value in fields.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(data))
    return path


def unpacked(path):
    """The files that the archive's source has while it is open."""
    with opened(path) as (source, _):
        parent = pathlib.Path(source).parent
        return {f"zoo/{p.name}": p.read_bytes() for p in parent.iterdir()}


@pytest.mark.parametrize(
    "name, mode",
    [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w"), ("a.TAR.GZ", "w:gz")],
)
def test_an_archive_is_unpacked_for_a_while(tmp_path, name, mode):
    path = packed(tmp_path / name, CONTENT, mode)
    with opened(path) as (source, run):
        assert pathlib.Path(source).name == "model.ckpt" and run == tmp_path / "a_run"
    assert not pathlib.Path(source).parent.exists()
    assert unpacked(path) == {name: CONTENT[name] for name in (INDEX, DATA)}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content, fields, words",
    [
        ({"../model.ckpt.index": b""}, {}, "member ../model.ckpt.index, which is no"),
        ({"/tmp/model.ckpt.index": b""}, {}, "member /tmp/model.ckpt.index"),
        (
            {INDEX: b""},
            {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
            "no plain file",
        ),
        (
            {INDEX: b""},
            {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
            "no plain file",
        ),
        ({INDEX: b""}, {"type": tarfile.FIFOTYPE}, "no plain file"),
        ({INDEX: b"", "b/model.ckpt.index": b""}, {}, "two files model.ckpt.index"),
        ({"../../x": b"", "zoo/README": b""}, {}, "a.tar.gz: .*holds no checkpoint"),
    ],
)
def test_an_archive_that_leads_elsewhere_or_holds_nothing(
    tmp_path, content, fields, words
):
    (tmp_path / "in").mkdir()
    path = packed(tmp_path / "in" / "a.tar.gz", content, **fields)
    with pytest.raises(WeightsError, match=words):
        unpacked(path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    """80 MB of zeros in 80 kB, and a sparse file that says it has a terabyte."""
    words = "a.tar.gz has [0-9,]+ bytes and unpacks to over [0-9,]+, which weights"
    path = packed(tmp_path / "a.tar.gz", {INDEX: b"", DATA: bytes(80_000_000)})
    with pytest.raises(WeightsError, match=words):
        unpacked(path)
    sparse = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40)}
    packed(path, {INDEX: b"", DATA: b""}, pax_headers=sparse)
    with pytest.raises(WeightsError, match=words):
        unpacked(path)
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_archives_give_words_or_the_truth(tmp_path):
    """A bit flipped, or the file cut."""
    path = packed(tmp_path / "a.tar.gz", CONTENT)
    truth = unpacked(path)
    for found in zoo.damaged(path, unpacked, nightly.of(300, 5000)):
        assert found == truth
