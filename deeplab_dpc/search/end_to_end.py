"""Cells trained whole, backbone included, as the paper reranks its best (Sec. 4.2)."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from deeplab_dpc import files
from deeplab_dpc.config import ConfigError
from deeplab_dpc.costs import measure
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.runs import Run
from deeplab_dpc.search.context_modules import aspp_rates, branch_norms
from deeplab_dpc.search.folder import (
    BEST_CELL,
    Search,
    SearchFolderError,
    cell_folder,
)
from deeplab_dpc.search.study import StudyError
from deeplab_dpc.search.trials import Outcome, TrialRecord, Watch
from deeplab_dpc.search.worker import Worker
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import metrics, trainer
from deeplab_dpc.training.loop import TrainingError
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.validation import Validation

OUTCOME_FILE = "outcome.json"
RERANK = "rerank"
"""Folder of the reranked cells' runs; their study's name ends so, too."""

_MODULES = ("meta_architecture", "aspp")
_PROJECTION = "meta_architecture/concat_projection/weights"
_NO_MATTER = {  # Settings of a run that a cell's score does not depend on.
    "model": "genotype atrous_rates",
    "data": "dataset_dir",
    "train": "log_steps save_interval_secs max_to_keep initialize_last_layer",
    "eval": "precision",
}


@dataclasses.dataclass(frozen=True)
class EndToEnd:
    """Trains each cell in a folder of its own and scores it on the evaluation split.

    A run that was stopped goes on at its checkpoint, a finished one is not trained
    again. An objective of `Worker`; `base` has all but the context module.
    """

    base: RunConfig
    folder: pathlib.Path

    def __call__(
        self, genotypes: Sequence[Genotype | None], watch: Watch
    ) -> list[Outcome | Exception]:
        """Each cell's outcome, or error; `Stopped` by a signal, with a checkpoint."""
        del watch  # A run is scored at its end.
        return [self.outcome(genotype) for genotype in genotypes]

    def outcome(self, genotype: Genotype | None) -> Outcome | Exception:
        """Trains and scores one cell; None is ASPP."""
        folder = self.folder / cell_folder(genotype)
        path = folder / OUTCOME_FILE
        if path.is_file():
            advice = "Delete it, and its cell is trained again."
            with files.readable(path, SearchFolderError, advice):
                outcome = Outcome.from_dict(files.read_json(path))
                if not 0 <= outcome.score <= 1:
                    raise ValueError(f"the mIoU {outcome.score:g} is not in 0..1")
                return outcome
        run = self.run(genotype)
        began_s = time.monotonic()
        try:
            trainer.train(run, folder, validate=Validation(folder))
        except TrainingError as e:
            return e
        outcome = _scored(run, folder, began_s)
        files.write_json(path, outcome.to_dict())
        keras.backend.clear_session()  # Models of earlier cells would add up.
        return outcome

    def run(self, genotype: Genotype | None) -> RunConfig:
        """The settings of a cell's run; `ConfigError` if they do not go with a cell.

        The backbone alone comes from the first weights, never another cell's head.
        """
        rates = None if genotype else aspp_rates(self.base.model.output_stride)
        if not self.base.model.aspp_with_batch_norm:
            raise ConfigError(
                "aspp_with_batch_norm=False leaves out the context module, which is "
                "what is compared here; leave out --noaspp_with_batch_norm."
            )
        if self.base.train.last_layers_contain_logits_only:
            raise ConfigError(
                "Cells are trained from the first weights' backbone alone, so all last "
                "layers are new; leave out --last_layers_contain_logits_only."
            )
        context: Any = {"genotype": genotype, "atrous_rates": rates}
        model = dataclasses.replace(self.base.model, **context)
        train = dataclasses.replace(self.base.train, initialize_last_layer=False)
        return dataclasses.replace(self.base, model=model, train=train)

    def settings(self) -> dict[str, Any]:
        """All that a score depends on, the cell and the folders left out."""
        values = self.base.to_dict()
        for part, names in _NO_MATTER.items():
            for name in names.split():
                del values[part][name]
        return values


def rerank(
    search: Search,
    folder: str | os.PathLike[str],
    objective: EndToEnd,
    top: int,
    **options: Any,
) -> TrialRecord:
    """Trains the `top` best cells of the proxy whole; writes `best_cell.json`, the
    winner's.

    Any number of workers may do so at once. Cells that were trained before with the
    same settings are not trained again. Options are those of `Terms`. `StudyError` if
    the search has no finished trial, or every cell failed; `Stopped` after a signal:
    the same call goes on.
    """
    best = search.best(top, folder)
    study = search.open_queue(RERANK, objective.settings(), **options)
    study.enqueue([record.genotype for record in best])
    Worker(study, objective).finish_queue()
    winners = study.best(1)
    if not winners:
        raise StudyError(
            f"Of {count(len(best), 'cell')} none could be trained whole; `search.py "
            f"report {as_flag('search_dir', folder)}` shows why."
        )
    files.write(pathlib.Path(folder) / BEST_CELL, winners[0].genotype.to_json() + "\n")
    return winners[0]


def reranked(search: Search) -> tuple[TrialRecord, ...]:
    """The cells that were trained whole; none where there is no such study yet."""
    return search.queue_records(RERANK)


def _scored(run: RunConfig, folder: pathlib.Path, began_s: float) -> Outcome:
    trained = Run.open(folder)
    predictor = trained.predictor()
    step = trained.restore(predictor.model)
    norms: tuple[float, ...] = ()
    if cell := run.model.genotype:  # Of the kernel as trained: predictions fold it.
        kernel = variables_by_tf1_name(predictor.model)[_PROJECTION]
        norms = branch_norms(np.asarray(kernel), len(cell.branches))
    score = trained.evaluate(None, predictor, step).miou
    costs = measure(run.model, run.eval.eval_crop_size).tree()
    rows = metrics.read(folder)
    module = next(part for part in costs.parts if part.name in _MODULES)
    return Outcome(
        score=score,
        multiply_adds=module.multiply_adds,
        parameters=module.parameters,
        took_s=time.monotonic() - began_s,
        losses=tuple((int(r["step"]), r["loss"]) for r in rows if "loss" in r),
        scores=((step, score),),
        branch_norms=norms,
        steps=step,
    )
