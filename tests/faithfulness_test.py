"""The program that writes the page of deviations."""

import numpy as np
import pytest

from tests import faithfulness, goldens
from tests.goldens import Comparison

FOUND = [
    Comparison("a/x.npz", "logits", 2e-6, 1e-4, "tests/a_test.py"),
    Comparison("a/x.npz", "logits", 3e-6, 1e-4, "tests/b_test.py"),
    Comparison("a/x.npz", "classes", 0.0, 0.0, "tests/a_test.py"),
]


def test_a_row_has_the_largest_deviation_and_its_test():
    rows = faithfulness.table(FOUND).splitlines()
    assert rows[1:] == [
        "a/x.npz,classes,1,0,0,tests/a_test.py",
        "a/x.npz,logits,2,3.0e-06,1.0e-04,tests/b_test.py",
    ]
    lines = faithfulness.summary(FOUND).splitlines()
    assert "| a | 3 | x.npz: logits | 3.0e-06 | 1.0e-04 |" in lines
    assert lines[0].startswith("3 comparisons, tensorflow ")


def test_a_file_that_nothing_compares_is_found(tmp_path):
    for name in ("a/x.npz", "a/x.json", "a/meta.json", "a/y.npz", "noise.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert faithfulness.not_compared(tmp_path, FOUND) == ["a/y.npz"]


def test_only_what_lies_between_the_markers_changes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"one\n{faithfulness.BEGIN}\nold\n{faithfulness.END}\ntwo\n")
    faithfulness.write(page, "new")
    expected = f"one\n{faithfulness.BEGIN}\n\nnew\n\n{faithfulness.END}\ntwo\n"
    assert page.read_text() == expected
    page.write_text("no markers")
    with pytest.raises(ValueError, match="needs the lines"):
        faithfulness.write(page, "new")


@pytest.mark.parametrize("at", ["slice", "stats"])
def test_a_deviation_that_is_nan_fails(at):
    """Whichever of the two comparisons it is in."""
    stored = {
        "x|shape": np.array([2]),
        "x|slice": np.ones(2, "float32"),
        "x|stats": np.array([1.0, 0.0, 1.0, 1.0]),
    }
    assert goldens.deviation(stored, "x", np.ones(2)) == 0
    stored[f"x|{at}"][0] = np.nan
    found = goldens.deviation(stored, "x", np.ones(2))
    with pytest.raises(AssertionError, match="x.npz: x deviate by nan"):
        goldens.check("x.npz", "x", found, 1e-4)
    goldens.COMPARISONS.pop()
