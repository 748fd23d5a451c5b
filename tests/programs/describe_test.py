"""python -m deeplab_dpc.describe; the counts are tested in tests/costs_test.py."""

import pytest
from absl import app

from deeplab_dpc.genotypes import DPC_TOP1, Branch, Genotype
from deeplab_dpc.programs import describe as program
from tests import goldens
from tests.programs import tiny_run


def describe(capsys, *flags):
    """The lines that are printed, each without the spaces between its words."""
    tiny_run.run(program, *flags)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_cell_alone(capsys, tmp_path):
    cell = tmp_path / "cell.json"
    genotype = Genotype((Branch.conv1x1(-1), Branch.pyramid_pooling(0, (2, 4))))
    cell.write_text(genotype.to_json())
    flags = f"--dense_prediction_cell_json={cell}", "--image_size=65,65"
    lines = describe(capsys, *flags)
    assert lines[0] == (
        "mobilenet_v2, a cell of 2 branches, 21 classes, output stride 16, image 65x65"
    )
    # 5x5 features of 320 channels; 320 * 256 kernels and two of a batch norm.
    branch = next(line for line in lines if "─ branch0" in line)
    assert branch.startswith("│ ├─ branch0 82,432 2,048,000 ")
    assert branch.endswith("% 1x1, of F")
    assert any("grid 2x4, of branch0" in line for line in lines)
    assert any(line.startswith("Values in a checkpoint: ") for line in lines)


def test_a_flagfile(capsys, tmp_path):
    """The data set's name says the classes, the evaluation's crop the image's size."""
    path = goldens.ROOT / "deeplab_dpc/flagfiles" / "cityscapes_mobilenet_v2.flags"
    picture = tmp_path / "cell.svg"
    flags = "--dense_prediction_cell_json=top1", "--tree_depth=1"
    lines = describe(capsys, f"--flagfile={path}", *flags, f"--cell_picture={picture}")
    assert lines[0] == f"The cell is drawn in {picture}." and picture.is_file()
    assert lines[1].endswith("19 classes, output stride 16, image 1025x2049")
    table = [line for line in lines if line.startswith(("model", "├─", "└─"))]
    assert [line.rsplit(" ", 1)[0] for line in table] == [
        "model 2,506,195 25,181,033,472",
        "├─ MobilenetV2 1,811,712 19,406,250,432",
        "├─ meta_architecture 689,600 5,733,998,400",
        "└─ logits 4,883 40,784,640",
    ]
    assert "0.36 M parameters, 2.986 B multiply-adds, 2.999 B as" in lines[-1]
    assert "25.181 B" in lines[-2] and "25.230 B" in lines[-2]


def test_errors(capsys, tmp_path):
    with pytest.raises(app.UsageError, match="draws a cell, but the model has ASPP"):
        describe(capsys, f"--cell_picture={tmp_path}/cell.svg")
    with pytest.raises(app.UsageError, match="there is no such folder"):
        program.draw(DPC_TOP1, str(tmp_path / "no" / "cell.svg"))
    with pytest.raises(app.UsageError, match="num_classes=0"):
        describe(capsys, "--num_classes=0")
