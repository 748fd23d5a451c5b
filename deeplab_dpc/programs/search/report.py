r"""Writes one HTML page about a search, with its plots as PNGs beside it.

python search.py report --search_dir=searches/city

With --interval_secs=60 it is written anew each minute until the search is complete,
and an open page follows.
"""

import os
import pathlib
import time
from collections.abc import Sequence

from absl import flags

from deeplab_dpc.programs.search import run as search_run
from deeplab_dpc.reports.search import write_report
from deeplab_dpc.search import fidelity, rerank
from deeplab_dpc.search.folder import BASELINES, Search, read_outcomes
from deeplab_dpc.search.results import SearchResults


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    search_run.define_search_dir(values)
    flags.DEFINE_string(
        "output_dir",
        None,
        "Where it goes; <search_dir>/report by default.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "interval_secs",
        0.0,
        "Seconds between two reports while the search runs; 0: one report.",
        lower_bound=0.0,
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Writes the report, again and again if asked to."""
    del argv
    folder = pathlib.Path(values.search_dir)
    output = pathlib.Path(values.output_dir or folder / "report")
    while True:
        results = load_results(folder)
        path = write_report(results, output)
        print(f"Report: {path}", flush=True)
        if not values.interval_secs or results.num_done() >= results.num_trials:
            return
        time.sleep(values.interval_secs)


def load_results(folder: str | os.PathLike[str]) -> SearchResults:
    """A search as far as it came.

    Raises:
        SearchFolderError, StudyError: If there is no search in the folder.
    """
    search = Search.load(folder)
    return SearchResults(
        name=search.name,
        settings={**search.settings(), "cache_dir": search.cache_dir},
        num_trials=search.num_trials,
        trials=tuple(search.open_study().records()),
        reranked=rerank.records(search),
        baselines=read_outcomes(pathlib.Path(folder) / BASELINES),
        fidelity=fidelity.records(search),
        made_s=time.time(),
    )
