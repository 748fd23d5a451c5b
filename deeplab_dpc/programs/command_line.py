"""Runs a program's main: expected failures become a short message and exit code 1."""

import logging as standard_logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped

Main = Callable[[Sequence[str]], Any]
_FLAGFILE = re.compile(r"--?flagfile(?:=(.*))?")
_HELP = re.compile(r"--?(h|help|helpshort|helpfull|\?)")
_MOST_WORDS = 20_000  # Characters of a message: some list what there is.
_NO_PATHS = ("storage",)  # Flags whose values may be addresses.


def run(main: Main, help: str | None = None) -> None:
    """Parses the command line, then runs `main` with what is left.

    Errors that a user can cause and mend (flags, `ValueError`s of ours, files and
    folders) are told in one paragraph on stderr; everything else is a bug and keeps its
    traceback. `help` stands above the flags in --help.
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
            check_values(flags.FLAGS)
            return main(argv)
        except app.UsageError as e:
            _fail(f"{e} --help tells what each flag means.")
        except (ValueError, OSError) as e:
            kinds = type(e).__mro__
            if isinstance(e, OSError) or any(_is_ours(k.__module__) for k in kinds):
                _fail(told(e))
            raise

    app.run(guarded, flags_parser=_parsed)


def told(error: Exception) -> str:
    """An expected failure's words, bounded in length: the system's with the path."""
    text = str(error)
    if isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.filename}: {error.strerror}."
    return clipped(text, _MOST_WORDS)


def check_values(values: flags.FlagValues) -> None:
    """Refuses (`app.UsageError`) what no flag of ours can mean: numbers that are not
    finite, and paths that no folder of this machine has.
    """
    for name in values:
        if (values.find_module_defining_flag(name) or "").startswith("absl"):
            continue
        given = values[name].value
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, float) and not math.isfinite(value):
                raise app.UsageError(f"--{name}={value}; give a finite number.")
            if isinstance(value, str) and name not in _NO_PATHS:
                try:
                    files.local(value)
                except files.PathError as e:
                    raise app.UsageError(f"--{name}={e}") from e


def _parsed(argv: Sequence[str]) -> list[str]:
    """Sets the flags; gives what is left of the command line."""
    if any(_HELP.fullmatch(argument) for argument in argv[1:]):
        is_full = any(a.lstrip("-") == "helpfull" for a in argv[1:])
        app.usage(shorthelp=not is_full, writeto_stdout=True)
        sys.exit(0)
    try:
        return flags.FLAGS([argv[0], *_with_flagfiles(list(argv[1:]), ())])
    except files.FileError as e:
        _fail(str(e))
    except flags.UnrecognizedFlagError as e:
        near = [f"--{name}" for name in flags.FLAGS if e.flagname in name]
        hint = f"Did you mean {' or '.join(near[:4])}?" if near else ""
        hint = hint or str(e).partition("'. ")[2] or "--help has all there are."
        _fail(f"There is no flag --{clipped(e.flagname, 100)}. {hint}")
    except flags.Error as e:
        _fail(f"{str(e).rstrip('.')}. --help tells what each flag means.")


def _with_flagfiles(arguments: list[str], inside: tuple[str, ...]) -> Iterator[str]:
    """The arguments, each flagfile's lines in its place; # and // begin comments."""
    while arguments:
        argument = arguments.pop(0)
        match = _FLAGFILE.fullmatch(argument)
        if argument == "--":
            yield from (argument, *arguments)
            return
        if match is None:
            yield argument
            continue
        path = match[1] if match[1] is not None else (arguments or [""]).pop(0)
        path = os.path.expanduser(path)
        if path in inside:
            raise files.FileError(f"--flagfile={path} contains itself.")
        try:
            lines = files.read_lines(path)
        except OSError as e:
            raise files.FileError(f"--flagfile={path}: {e.strerror}.") from e
        flagged = [line for line in lines if line and not line.startswith(("#", "//"))]
        yield from _with_flagfiles(flagged, (*inside, path))


def _show_in_help(text: str | None, values: flags.FlagValues = flags.FLAGS) -> None:
    """Makes `--help` show this text and every flag of ours. Absl shows the docstring of
    the script and the flags that the script itself defines.
    """
    sys.modules["__main__"].__doc__ = text
    for module, defined in values.flags_by_module_dict().items():
        if _is_ours(module):
            for flag in defined:
                values.register_key_flag_for_module(sys.argv[0], flag)


def _fail(text: str) -> NoReturn:
    logging.flush()
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr)
    sys.exit(1)


def _is_ours(module: str) -> bool:
    return module.startswith("deeplab_dpc")
