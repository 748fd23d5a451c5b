import collections

from deeplab_dpc.search import Outcome, fidelity
from tests.search.folder_test import search_in


def test_the_space_has_31_cells_all_subsets_of_five_branches():
    cells = fidelity.subsets_of_aspp()
    sizes = collections.Counter(len(c.branches) for c in cells.values())
    assert sizes == {1: 5, 2: 10, 3: 10, 4: 5, 5: 1}
    assert len(cells) == len(set(cells.values())) == 31
    whole = cells["1x1+6x6+12x12+18x18+image"]
    assert [b.rate for b in whole.branches] == [None, (6, 6), (12, 12), (18, 18), None]
    assert whole.branches[4].grid_size == (1, 1)


def test_each_cell_is_trained_once_though_it_is_asked_for_twice(tmp_path):
    trained = []

    def objective(genotypes, watch):
        trained.extend(genotypes)
        return [Outcome(score=len(g.branches) / 10) for g in genotypes]

    search = search_in(str(tmp_path / "journal"))
    for _ in range(2):
        fidelity.train_all(search, fidelity.PROXY, {"steps": 3}, objective, at_once=4)
    cells = fidelity.subsets_of_aspp().values()
    assert collections.Counter(trained) == dict.fromkeys(cells, 1)
    records = fidelity.records(search)[fidelity.PROXY]
    assert all(r.score == len(r.genotype.branches) / 10 for r in records)
