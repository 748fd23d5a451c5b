"""The inputs of `../shared/cases` that failed once, converted as their READMEs say."""

import json
import re
import shutil

import pytest

from deeplab_dpc.data.manifest import Manifest
from tests import goldens
from tests.programs.convert.programs import convert

CASES = goldens.FOLDER.parent / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no folder {CASES}")
PATHS = ("image_dir=images", "label_dir=labels", "classes_json=classes.json")
FOLDER = ("folder", *(f"--{path}" for path in PATHS))
LISTS = (*FOLDER, "--list_dir=lists")
VOC = (
    *("voc2012", "--image_folder=JPEGImages", "--list_folder=ImageSets/Segmentation"),
    "--semantic_segmentation_folder=SegmentationClass",
)


@pytest.mark.parametrize(
    "case, arguments, sizes, words",
    [
        ("symlinked-folder-dropped", FOLDER, {"train": 5, "val": 1}, ""),
        (
            "hidden-folder",
            FOLDER,
            {"train": 3, "val": 1},
            r"Not used: \d+ files hidden",
        ),
        ("voc-list-with-spaces", VOC, {"train": 2, "val": 2}, ""),
        ("list-utf16", LISTS, {"train": 4, "val": 2}, ""),
        ("bom-list", LISTS, {"train": 4, "val": 2}, ""),
        ("nfd-names", FOLDER, {"train": 3, "val": 1}, ""),
        ("split-folder-valid", FOLDER, {"train": 3, "val": 3}, ""),
        ("one-class", FOLDER, None, "one class, which leaves nothing to learn"),
        ("upper-case-label-ending", FOLDER, None, ""),
    ],
)
def test_a_case_is_converted(case, arguments, sizes, words, tmp_path):
    """Links come as files that name their targets, where copying did not keep them."""
    shutil.copytree(CASES / case, tmp_path / "case", symlinks=True)
    tmp_path.joinpath("case").chmod(0o755)
    for link in tmp_path.glob("case/*/b"):
        link.parent.chmod(0o755)
        if not link.is_dir():
            target = link.read_text()
            link.unlink()
            link.symlink_to(target)
    done = convert(*arguments, f"--output_dir={tmp_path}/out", cwd=tmp_path / "case")
    assert done.returncode == 0, done.stderr
    found = Manifest.load(tmp_path / "out").info.split_sizes
    assert found == sizes or sizes is None
    assert re.search(words, done.stdout)


@pytest.mark.parametrize(
    "case, arguments, words",
    [
        (
            "duplicate-json-keys",
            (*FOLDER, "--label_palette=pal_dup.json"),
            r"the key '255,0,0' occurs twice; keep one",
        ),
        (
            "huge-label",
            FOLDER,
            r"labels/f1\.png says that it has more than 178,956,970 pixels",
        ),
    ],
)
def test_a_case_is_refused_in_words(case, arguments, words, tmp_path):
    done = convert(*arguments, f"--output_dir={tmp_path}/out", cwd=CASES / case, code=1)
    assert re.search(words, done.stderr)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_image_endings_dropped(tmp_path):
    """README: .Jpg, .jfif, .jpe are read; others here, too."""
    done = convert(
        *FOLDER,
        "--unlabelled_splits=test",
        f"--output_dir={tmp_path}/out",
        cwd=CASES / "image-endings-dropped",
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert manifest["split_sizes"]["test"] == 6
