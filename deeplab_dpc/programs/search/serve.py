r"""Lets other machines share a study through this one, by gRPC.

python search.py serve --storage=searches/city/study.journal --port=13000

Workers elsewhere give --storage=grpc://<this machine>:13000. It answers to whoever can
reach the port: keep it within a network that you trust.
"""

from __future__ import annotations

from absl import flags

from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared

with lazily.imported():
    from deeplab_dpc.search import storage


def define_flags(values: flags.FlagValues) -> None:
    text = "The file of the study, or postgresql://user@host/name."
    shared.define(values, "storage", None, text, required=True)
    shared.define(values, "host", "localhost", "Address to listen at.")
    shared.define(values, "port", 13000, "Port.", lower_bound=1, upper_bound=65535)


def main(values: flags.FlagValues) -> None:
    storage.serve_storage(values.storage, values.host, values.port)
