"""Runs a program's main: expected failures become a short message and exit code 1."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags, logging

Main = Callable[[Sequence[str]], Any]


def run(main: Main) -> None:
    """Parses the command line, then runs `main` with what is left of it.

    Errors that a user can cause and mend (`ValueError`s of ours, files and folders)
    are told in one paragraph on stderr; everything else is a bug and keeps its
    traceback.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def guarded(argv: Sequence[str]) -> Any:
        if len(argv) > 1:
            raise app.UsageError(
                f"Unexpected arguments: {' '.join(argv[1:])}. Flags begin with --."
            )
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.INFO)
        try:
            return main(argv)
        except app.UsageError:
            raise
        except (ValueError, OSError) as e:
            if isinstance(e, ValueError) and not _is_ours(e):
                raise
            logging.flush()
            program = os.path.basename(sys.argv[0])
            print(f"{program}: {_message(e)}", file=sys.stderr)
            sys.exit(1)

    app.run(guarded)


def _is_ours(error: Exception) -> bool:
    return any(k.__module__.startswith("deeplab_dpc") for k in type(error).__mro__)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)
