r"""Lets other machines share a study through this one, by gRPC.

python search.py serve --storage=searches/city/study.journal --port=13000

Workers elsewhere give --storage=grpc://<this machine>:13000. It answers to whoever can
reach the port: keep it within a network that you trust.
"""

from collections.abc import Sequence

from absl import flags

from deeplab_dpc.search.storage import serve_storage


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    flags.DEFINE_string(
        "storage",
        None,
        "The file of the study, or postgresql://user@host/name.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_string(
        "host", "localhost", "Address to listen at.", flag_values=values
    )
    flags.DEFINE_integer(
        "port", 13000, "Port.", lower_bound=1, upper_bound=65535, flag_values=values
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Serves until a signal comes."""
    del argv
    serve_storage(values.storage, values.host, values.port)
