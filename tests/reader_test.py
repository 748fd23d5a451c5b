"""README.md and pages, typed in order; numbers are reduced by flags, nothing else."""

import base64
import io
import json
import pathlib
import re
import tarfile

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

from deeplab_dpc import ModelConfig, Run, build_model, scenes, weights
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.evaluation.photos import read
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.weights import cache
from tests import file_server, reader
from tests.programs.tiny_run import opened
from tests.weights import archives

pytestmark = pytest.mark.slow
SIZE = 64, 96
XCEPTION = "xception71_dpc_cityscapes_trainfine"
REDUCED = {  # Flags at a command's end.
    "make ": "--just-print",  # quickstart_test.py runs one, this test is of the other.
    "python train.py --recipe": "--training_number_of_steps=1",
    "python train.py --dataset_dir": "--training_number_of_steps=1 "
    "--train_crop_size=65,97 --train_batch_size=2",
    "python search.py cache": "--train_crop_size=65,97 --eval_crop_size=65,97",
    "python search.py run": "--num_trials=2 --proxy_steps=2",
    "python search.py rerank": "--top=1 --training_number_of_steps=1",
}


def reduced(command):
    flags = [more for begin, more in REDUCED.items() if command.startswith(begin)]
    return " ".join([command, *flags])


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Variables of a shell that finds published weights at a server of the test's own:
    of MobileNet-v2 as a model begins with, of Xception few values, which pack well.
    """
    begun = variables_by_tf1_name(build_model(ModelConfig()))
    rng, few = np.random.default_rng(0), np.linspace(0.01, 0.02, 16, dtype="float32")
    xception = build_model(weights.find(XCEPTION).model_config())
    contents = {
        "mobilenet_v2_imagenet": {k: v for k, v in begun.items() if k[0] == "M"},
        "mobilenetv2_coco_voc_trainaug": begun,
        XCEPTION: {
            name: rng.choice(few, v.shape)
            for name, v in variables_by_tf1_name(xception).items()
        },
    }
    folder = tmp_path_factory.mktemp("zoo")
    with file_server.running() as server:
        for name, arrays in contents.items():
            whole = {key: np.asarray(value) for key, value in arrays.items()}
            archive = archives.of_arrays(folder / name, whole)
            server.files[f"/{weights.find(name).file}"] = archive
        own = {cache.VARIABLE: str(folder / "cache"), cache.MIRROR: server.address}
        yield server, own


def own_images(folder, images="images", labels="labels"):
    """Fourteen streets with labels, and classes.json."""
    made = folder / "made"
    scenes.write(made, {"train": 12, "val": 2}, SIZE, seed=0)
    (made / "images").rename(folder / images)
    (made / "labels").rename(folder / labels)
    (made / "classes.json").rename(folder / "classes.json")
    return sorted((folder / images).iterdir())


def test_the_readme_from_its_first_command_to_its_last(zoo, tmp_path):
    server, variables = zoo
    here = reader.clone(tmp_path / "clone")
    (here / "photos").mkdir()
    for name, path in zip(("cat", "dog"), own_images(here), strict=False):
        (here / "photos" / f"{name}.jpg").write_bytes(path.read_bytes())
    for command in reader.commands("README.md"):
        reader.typed(reduced(command), here, **variables)

    assert Run.open(here / "run").config.model.genotype
    assert (here / "run" / "best").is_dir()
    assert (here / "search" / "best_cell.json").is_file()
    photos = sorted((here / "photos").iterdir())
    # The recipe's run pads to its crop; an export pads nothing.
    for folder, crop in {"out/ids": (65, 97), "called": (33, 33)}.items():
        run = Run.open(here / "run", evaluation={"eval_crop_size": crop})
        for path, labels in zip(photos, run.predict(map(read, photos)), strict=True):
            seen = opened(here / folder / f"{path.stem}.png")
            np.testing.assert_array_equal(seen, labels)

    unpack(server.files[f"/{weights.find(XCEPTION).file}"], here / "deeplab")
    code = "\n".join(reader.blocks("README.md", "python"))
    (here / "typed.py").write_text(code)
    said = reader.typed("python typed.py", here, **variables).splitlines()
    assert f"photos/cat.jpg {SIZE}" in "\n".join(said)
    assert str(SIZE) in said and (here / "exported" / "1" / "saved_model.pb").is_file()


def test_the_recipe_as_its_page_says(zoo, tmp_path):
    here = reader.clone(tmp_path / "clone")
    own_images(here, "photos", "masks")
    convert, train, score = reader.commands("g3doc/recipe.md")
    reader.typed(convert, here)
    said = reader.typed(reduced(train), here, **zoo[1])
    assert "--train_crop_size=65,97  (a whole image of 64x96: " in said
    assert "--fine_tune_batch_norm=true  (batch norm learns from 4 crops" in said
    reader.typed(score, here)
    best = here / "runs" / "mine" / "best"
    assert json.loads((best / "eval" / "val.json").read_text())["num_images"] == 3
    assert (best / "eval" / "val_report.html").is_file()


def test_weights_by_name_as_their_page_says(zoo, tmp_path):
    """`cp` puts a file there by hand."""
    server, variables = zoo
    here = reader.clone(tmp_path / "clone")
    own_images(here)
    (convert,) = (c for c in reader.commands("README.md") if "build_folder" in c)
    reader.typed(convert, here)
    file = weights.find("mobilenetv2_coco_voc_trainaug").file
    (here / file).write_bytes(server.files[f"/{file}"])
    said = {}
    for command in reader.commands("g3doc/weights.md"):
        said[command] = reader.typed(reduced(command), here, **variables)
    kept = pathlib.Path(variables[cache.VARIABLE], "weights")
    assert said["deeplab-dpc weights where"].strip() == str(kept)
    got = said["deeplab-dpc weights get mobilenetv2_coco_voc_trainaug"]
    assert got.splitlines()[-1] == str(kept / file)
    assert (here / "cache" / "manifest.json").is_file()
    begun, made = (Run.open(here / run).config for run in ("run", f"{XCEPTION}_run"))
    assert begun.train.tf_initial_checkpoint == "imagenet" and made.model.genotype


@pytest.mark.parametrize("command", reader.commands("g3doc/annotations.md"))
def test_each_command_of_the_page_of_annotations(command, tmp_path):
    """labelme, CVAT, Roboflow: a car on the left half of three images."""
    here = reader.clone(tmp_path / "clone")
    for folder in ("photos", "SegmentationClass", "export"):
        (here / folder).mkdir()
    label = np.zeros((8, 12), np.uint8)
    label[:, :6] = 1
    shape = {"label": "car", "shape_type": "rectangle", "points": [[0, 0], [6, 8]]}
    for name in "abc":
        image = Image.fromarray(np.repeat(label[..., None] * 200, 3, axis=2))
        for folder in ("photos", "export"):
            image.save(here / folder / f"{name}.jpg")
        facts = {"imagePath": f"{name}.jpg", "imageHeight": 8, "imageWidth": 12}
        text = json.dumps({"shapes": [shape], **facts})
        (here / "photos" / f"{name}.json").write_text(text)
        colors = np.array([(0, 0, 0), (9, 9, 200)], np.uint8)[label]
        Image.fromarray(colors).save(here / "SegmentationClass" / f"{name}.png")
        Image.fromarray(label).save(here / "export" / f"{name}_mask.png")
    (here / "classes.json").write_text('{"classes": ["background", "car"]}')
    text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:9,9,200::\n"
    (here / "SegmentationClass" / "labelmap.txt").write_text(text)
    text = "Pixel Value, Class\n0, background\n1, car\n"
    (here / "export" / "_classes.csv").write_text(text)
    reader.typed(command, here)
    manifest = Manifest.load(here / "records" / "mine")
    assert manifest.info.class_names == ("background", "car")
    assert manifest.info.split_sizes == {"train": 2, "val": 1}
    assert manifest.statistics["train"].class_pixels == (96, 96)


def unpack(archive, folder):
    """The files of an archive, without their folder."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened_archive:
        for member in opened_archive.getmembers():
            data = opened_archive.extractfile(member).read()
            (folder / member.name.rpartition("/")[2]).write_bytes(data)


def test_the_notebook_from_its_first_cell_to_its_last(zoo, tmp_path, monkeypatch):
    """With fewer streets and steps; what it shows and keeps is what the run predicts."""
    for name, value in {**zoo[1], "PYTHONPATH": str(reader.ROOT)}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(reader.ROOT / "examples" / "own_images.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    fewer = nbformat.v4.new_code_cell("streets, steps = 12, 1")
    notebook.cells.insert(tags.index(["parameters"]) + 1, fewer)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, resources=where).execute()

    said = [cell.get("outputs", []) for cell in notebook.cells]
    errors = [o.text for outputs in said for o in outputs if o.get("name") == "stderr"]
    assert not errors
    text = "".join(o.get("text", "") for outputs in said for o in outputs)
    noise = "warn|deprecat|error|not found|cuda"
    assert not re.search(noise, text, re.IGNORECASE), text
    run = Run.open(tmp_path / "run" / "best")
    miou = json.loads((tmp_path / "run" / "best" / "eval" / "val.json").read_text())
    assert re.search(rf"mIoU +{100 * miou['miou']:.2f}\s", text)
    new = sorted((tmp_path / "new" / "images").iterdir())
    for path, labels in zip(new, run.predict(map(read, new)), strict=True):
        found = opened(tmp_path / "found" / f"{path.stem}.png")
        np.testing.assert_array_equal(found, labels)
    assert len(new) == 4 and len(_shown(notebook.cells[-3])) == 4


def _shown(cell):
    """The pictures that a cell shows."""
    data = (output.get("data", {}) for output in cell.outputs)
    pngs = [base64.b64decode(found["image/png"]) for found in data if found]
    return [Image.open(io.BytesIO(png)) for png in pngs]
