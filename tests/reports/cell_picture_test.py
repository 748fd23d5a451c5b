from xml.etree import ElementTree

import pytest

from deeplab_dpc import Branch, Genotype
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from deeplab_dpc.reports import cell_picture
from deeplab_dpc.reports.cell_picture import BOX, COLUMN, PictureError, layout

MIXED = Genotype(
    (
        Branch.pyramid_pooling(BACKBONE, (2, 4)),
        Branch.conv1x1(0),
        Branch.conv3x3(BACKBONE, (6, 21)),
        Branch.conv1x1(2),
        Branch.conv1x1(2),
    )
)


def test_the_published_cell_stands_as_in_figure_5a():
    """Rows: F; 1x6; 18x15, 1x1 and 6x21; 6x3; the concatenation; the projection."""
    boxes = layout(DPC_TOP1).boxes
    heights = sorted({box.y for box in boxes})
    rows = [[b.lines[1] for b in boxes if b.y == y] for y in heights]
    assert rows == [
        ["backbone features"],
        ["rate 1 × 6"],
        ["rate 18 × 15", "rate 1 × 1", "rate 6 × 21"],
        ["rate 6 × 3"],
        ["5 × 256 channels"],
        ["256 channels"],
    ]


@pytest.mark.parametrize("genotype", [DPC_TOP1, MIXED])
def test_every_branch_has_its_column_and_an_arrow_from_its_source(genotype):
    picture = layout(genotype)
    source, *branches, concat, final = picture.boxes
    columns = sorted(box.x for box in branches)
    assert [b - a for a, b in zip(columns, columns[1:])] == [COLUMN] * 4
    inputs = {a.end: a.start for a in picture.arrows if not a.is_output}
    for branch, box in zip(genotype.branches, branches):
        x, y = inputs[box.top]
        above = source if branch.source == BACKBONE else branches[branch.source]
        assert y == above.bottom[1] and abs(x - above.x) <= (above.width - BOX[0]) / 2
    outputs = {a.start: a.end for a in picture.arrows if a.is_output}
    assert outputs == {b.bottom: (b.x, concat.top[1]) for b in branches}
    assert inputs[final.top] == concat.bottom


@pytest.mark.parametrize("genotype", [DPC_TOP1, MIXED])
def test_no_box_covers_another_and_all_lie_on_the_canvas(genotype):
    picture = layout(genotype)
    for i, a in enumerate(picture.boxes):
        assert a.width / 2 < a.x < picture.width - a.width / 2
        assert a.top[1] > 0 and a.bottom[1] < picture.height
        for b in picture.boxes[:i]:
            is_beside = abs(a.x - b.x) >= (a.width + b.width) / 2
            assert is_beside or abs(a.y - b.y) > BOX[1]


def test_the_svg_says_operators_rates_and_the_genotype(tmp_path):
    cell_picture.save(MIXED, tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    for text in ("pooling", "grid 2 × 4", "1 × 1 conv", "rate 6 × 21", "4"):
        assert text in texts
    (described,) = root.iter("{http://purl.org/dc/elements/1.1/}description")
    assert Genotype.from_json(described.text) == MIXED


def test_files_appear_whole_and_the_same_each_time(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        cell_picture.save(DPC_TOP1, tmp_path / name)
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        one, other = ((tmp_path / f"{n}.{kind}").read_bytes() for n in "ab")
        assert one == other and one.startswith(start)
    assert len(list(tmp_path.iterdir())) == 4
    with pytest.raises(PictureError, match="a.pdf ends in neither"):
        cell_picture.save(DPC_TOP1, tmp_path / "a.pdf")


def test_cells_in_words():
    branches = Branch.pyramid_pooling(BACKBONE, (2, 4)), Branch.conv1x1(0)
    cell = Genotype((*branches, Branch.conv3x3(1, (1, 6))))
    short = [cell_picture.short_cell(c) for c in (cell, DPC_TOP1)]
    published = "r1x6(F) r18x15(0) r6x3(1) r1x1(0) r6x21(0)"
    assert short == ["g2x4(F) 1x1(0) r1x6(1)", published]
    assert cell_picture.long_cell(cell) == (
        "Branch 0 is a pooling, grid 2×4, of the backbone's features; branch 1 is a "
        "1×1 conv, of branch 0; branch 2 is a 3×3 conv, rate 1×6, of branch 1. All "
        "branches are joined."
    )
