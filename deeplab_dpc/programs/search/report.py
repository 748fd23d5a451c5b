r"""Writes one HTML page about a search, with its plots as PNGs beside it.

python search.py report --search_dir=searches/city

With --interval_secs=60 it is written anew each minute until the search is complete,
and an open page follows.
"""

from __future__ import annotations

import pathlib
import time

from absl import flags

from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared

with lazily.imported():
    from deeplab_dpc.reports import search as reports
    from deeplab_dpc.search import results


def define_flags(values: flags.FlagValues) -> None:
    shared.define_search_dir(values)
    text = "Where it goes; <search_dir>/report by default."
    shared.define(values, "output_dir", None, text)
    text = "Seconds between two reports while the search runs; 0: one report."
    shared.define(values, "interval_secs", 0.0, text, lower_bound=0.0)


def main(values: flags.FlagValues) -> None:
    folder = pathlib.Path(values.search_dir)
    output = pathlib.Path(values.output_dir or folder / "report")
    while True:
        found = results.SearchResults.load(folder)
        path = reports.write_report(found, output)
        print(f"Report: {path}", flush=True)
        if not values.interval_secs or found.num_done() >= found.num_trials:
            return
        time.sleep(values.interval_secs)
