"""Serves trained models over HTTP, until it is stopped (Ctrl+C, or SIGTERM).

deeplab-dpc serve --model=run
deeplab-dpc serve --model=street=run --model=rooms=export --port=8080
curl localhost:8501/v1/models/run

It speaks TensorFlow Serving's REST protocol and the open inference protocol; metrics
are at /metrics. Needs the extra [serve]: pip install 'deeplab_dpc[serve]'.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags

with lazily.imported():
    from deeplab_dpc.serving import server

TOPICS = {
    "What is served": ("model", "classes"),
    "Where": ("host", "port"),
    "How": ("batch_size", "num_threads"),
    "What is taken at once": (
        "max_megapixels",
        "max_images",
        "max_body_megabytes",
        "max_reply_megabytes",
        "queue_length",
        "read_timeout_s",
        "timeout_s",
    ),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define(ServeConfig, values)
    config_flags.define_threads(values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    config = config_flags.config_from(ServeConfig, values=values)
    if not config.model:
        raise app.UsageError("--model is missing.")
    config_flags.use_threads(values)
    try:
        serve = server.serve
    except ModuleNotFoundError as e:
        raise app.UsageError(
            f"Serving needs {e.name}, which is not installed: pip install "
            "'deeplab_dpc[serve]'."
        ) from e
    serve(config)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()
