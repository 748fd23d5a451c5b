"""Runs a program's main: expected failures become a short message and exit code 1."""

import logging as standard_logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging

Main = Callable[[Sequence[str]], Any]


def run(main: Main, help: str | None = None) -> None:
    """Parses the command line, then runs `main` with what is left; `help` is for
    --help.

    Errors that a user can cause and mend (flags, `ValueError`s of ours, files and
    folders) are told in one paragraph on stderr; everything else is a bug and keeps its
    traceback.
    """
    _show_in_help(help)

    def guarded(argv: Sequence[str]) -> Any:
        if len(argv) > 1:
            _fail(f"Unexpected arguments: {' '.join(argv[1:])}. Flags begin with --.")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.INFO)
        lines = standard_logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
        logging.get_absl_handler().setFormatter(lines)
        try:
            return main(argv)
        except app.UsageError as e:
            _fail(f"{e} --help tells what each flag means.")
        except (ValueError, OSError) as e:
            if isinstance(e, ValueError) and not _is_ours(e):
                raise
            _fail(_message(e))

    app.run(guarded)


def _show_in_help(text: str | None, values: flags.FlagValues = flags.FLAGS) -> None:
    """Makes `--help` show this text and every flag of ours. Absl shows the docstring of
    the script and the flags that the script itself defines.
    """
    sys.modules["__main__"].__doc__ = text
    for module, defined in values.flags_by_module_dict().items():
        if module.startswith("deeplab_dpc"):
            for flag in defined:
                values.register_key_flag_for_module(sys.argv[0], flag)


def _fail(text: str) -> NoReturn:
    logging.flush()
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr)
    sys.exit(1)


def _is_ours(error: Exception) -> bool:
    return any(k.__module__.startswith("deeplab_dpc") for k in type(error).__mro__)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)
