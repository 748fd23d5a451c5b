"""Runs a program's main: expected failures become a short message and exit code 1."""

import difflib
import logging as standard_logging
import math
import os
import pathlib
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped, is_ours, without_passwords
from deeplab_dpc.programs import lazily

Main = Callable[[Sequence[str]], Any]
Topics = Mapping[str, Sequence[str]]
"""The flags that matter most, by what they are about."""

FLAGFILES = pathlib.Path(__file__).parent.parent / "flagfiles"
"""The package's own; --flagfile finds them by name."""

INSTALLED = "deeplab-dpc"  # The command that `pip install` makes.
_SCRIPTS = {
    **{f"{name}.py": name for name in ("train", "eval", "vis", "search")},
    "export_model.py": "export",
    "convert_checkpoint.py": "convert-checkpoint",
    "datasets/render_scenes.py": "render-scenes",
    "deeplab_dpc.data.inspect": "inspect",
    "deeplab_dpc.describe": "describe",
}
_SCRIPT = re.compile(
    rf"(?<![\w/.])(?:python )?(?:-m )?({'|'.join(map(re.escape, _SCRIPTS))}"
    r"|(?:datasets/)?build_(\w+)_data\.py)\b"
)
_PROGRAM = re.compile(r"\w\.py\b|deeplab_dpc\.")  # A name of one, in a sentence.
_FLAG = re.compile(r"(?<![\w-])--([a-z]\w+)")
_FLAGFILE = re.compile(r"--?flagfile(?:=(.*))?")
_MISSING = re.compile(r"flag --(\w+)=None: Flag --\w+ must have a value other [^.]*\.")
_HELP = re.compile(r"--?(h|help|helpshort|helpfull|\?)")
_MOST_WORDS = 20_000  # Characters of a message: some list what there is.
_LONGEST_NAME = 100  # Characters of a flag's.
_NO_PATHS = ("storage",)  # Flags whose values may be addresses.


def run(
    main: Main,
    help: str | None = None,
    topics: Topics | None = None,
    takes_more: bool = False,
) -> None:
    """Parses the command line, then runs `main` with what is left.

    Errors that a user can cause and mend (flags, `ValueError`s of ours, files and
    folders) are told in one paragraph on stderr; everything else is a bug and keeps its
    traceback. `help` stands above the flags in --help, which shows those of `topics`
    alone, if there are some; --helpfull shows all. What is no flag is refused, unless
    the program `takes_more`.
    """

    def guarded(argv: Sequence[str]) -> Any:
        if len(argv) > 1 and not takes_more:
            _fail(f"Unexpected arguments: {' '.join(argv[1:])}. Flags begin with --.")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.INFO)
        lines = standard_logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
        logging.get_absl_handler().setFormatter(lines)
        try:
            check_values(flags.FLAGS)
            return main(argv)
        except app.UsageError as e:
            _fail(f"{told(e)} --help tells what each flag means.")
        except KeyboardInterrupt:
            _fail("stopped by SIGINT.", 128 + signal.SIGINT)
        except (ValueError, OSError) as e:
            if isinstance(e, OSError) or is_ours(e):
                _fail(told(e))
            raise

    sys.meta_path.insert(0, lazily.KerasAlone())
    app.run(guarded, flags_parser=lambda argv: _parsed(argv, help or "", topics))


def taken_command(commands: Collection[str], help: str) -> str:
    """Takes the first word out of the command line; it becomes part of the program's
    name. Without one, or with --help, tells `help` and exits; what is none of
    `commands` is refused with the nearest one.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "help") or name.startswith("-"):
        is_asked = any("help" in argument or argument == "-h" for argument in sys.argv)
        if is_asked:
            tell(as_typed(help))
            sys.exit(0)
        print(as_typed(help), file=sys.stderr)
        sys.exit(1)
    if name not in commands:
        near = difflib.get_close_matches(name, commands, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        _fail(
            f"{clipped(name, 100)!r} is no command; there are {', '.join(commands)}."
            f"{hint} --help tells what each does."
        )
    sys.argv[:2] = [f"{sys.argv[0]} {name}"]
    return name


def as_typed(text: str) -> str:
    """A text with programs as the user types them, who may have the installed command
    and no file train.py.
    """
    if not sys.argv[0].startswith(INSTALLED):
        return text

    def name(match: re.Match[str]) -> str:
        return f"{INSTALLED} {_SCRIPTS.get(match[1], f'convert {match[2]}')}"

    return _SCRIPT.sub(name, text)


def told(error: Exception) -> str:
    """An expected failure's words, bounded in length: the system's with the path."""
    text = str(error)
    if isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.filename}: {error.strerror}."
    return clipped(with_strangers(text), _MOST_WORDS)


def with_strangers(text: str, values: flags.FlagValues = flags.FLAGS) -> str:
    """A library's words, and which flags in them the running program has not: several
    programs may come upon one error. Sentences that name a program are passed over.
    """
    sentences = re.split(r"(?<=[.:;]) |\n", text if values.is_parsed() else "")
    ours = [s for s in sentences if not (INSTALLED in s or _PROGRAM.search(s))]
    named = dict.fromkeys(name for s in ours for name in _FLAG.findall(s))
    strange = [n for n in named if not {n, n.removeprefix("no")} & {*values}]
    if not strange:
        return text
    program = os.path.basename(sys.argv[0])
    return f"{text} ({program} has no --{' and no --'.join(strange)}.)"


def check_values(values: flags.FlagValues) -> None:
    """Refuses (`app.UsageError`) what no flag of ours can mean: numbers that are not
    finite, and paths that no folder of this machine has.
    """
    for name in values:
        if not _is_own(name, values):
            continue
        given = values[name].value
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, float) and not math.isfinite(value):
                raise app.UsageError(f"--{name}={value}; give a finite number.")
            if isinstance(value, str) and name not in _NO_PATHS:
                try:
                    files.local(value, is_utf8=False)
                except files.PathError as e:
                    raise app.UsageError(f"--{name}={e}") from e


def help_text(
    help: str, topics: Topics | None = None, values: flags.FlagValues = flags.FLAGS
) -> str:
    """What --help prints: the text, then the flags that matter, topic by topic; without
    topics all flags of the program.
    """
    own = [name for name in values if _is_own(name, values)]
    lines = [help.strip()]
    for topic, names in (topics or ({"Flags": sorted(own)} if own else {})).items():
        lines += ["", f"{topic}:"]
        for name in names:
            alone = flags.FlagValues()
            alone[name] = values[name]
            lines.append(alone.get_help("  ", include_special_flags=False))
    others = len(own) - sum(map(len, topics.values())) if topics else 0
    if others:
        lines += [
            "",
            f"{others} more flags: {os.path.basename(sys.argv[0])} --helpfull",
        ]
    return as_typed("\n".join(lines))


def _parsed(argv: Sequence[str], help: str, topics: Topics | None) -> list[str]:
    """Sets the flags; gives what is left of the command line."""
    if any(_HELP.fullmatch(argument) for argument in argv[1:]):
        is_full = any(a.lstrip("-") == "helpfull" for a in argv[1:])
        text = f"{help.strip()}\n{flags.FLAGS.get_help()}"
        tell(as_typed(text) if is_full else help_text(help, topics))
        sys.exit(0)
    try:
        given = list(_with_flagfiles(list(argv[1:]), ()))
        for name in (a.partition("=")[0] for a in given if a.startswith("-")):
            if len(name) > _LONGEST_NAME:  # Absl's search of near ones is recursive.
                said = f"There is no flag {clipped(name, 100)}."
                _fail(f"{said} --help has all there are.")
        return flags.FLAGS([argv[0], *given])
    except files.FileError as e:
        _fail(str(e))
    except flags.UnrecognizedFlagError as e:
        meant = e.flagname.replace("_", "")
        near = [f"--{n}" for n in flags.FLAGS if meant in n.replace("_", "")]
        hint = f"Did you mean {' or '.join(near[:4])}?" if near else ""
        hint = hint or str(e).partition("'. ")[2] or "--help has all there are."
        _fail(f"There is no flag --{clipped(e.flagname, 100)}. {hint}")
    except flags.Error as e:
        said = _MISSING.sub(r"--\1 is missing.", str(e)).replace("\n", " ")
        said = clipped(said.rstrip("."), 500)
        _fail(f"{said}. --help tells what each flag means.")


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
            lines = files.read_lines(_flagfile(path))
        except OSError as e:
            there = ", ".join(sorted(p.name for p in FLAGFILES.glob("*.flags")))
            where = f"--flagfile={clipped(path, 200)}"
            raise files.FileError(
                f"{where}: {e.strerror}. The package has {there}."
            ) from e
        flagged = [line for line in lines if line and not line.startswith(("#", "//"))]
        yield from _with_flagfiles(flagged, (*inside, path))


def _flagfile(path: str) -> str | pathlib.Path:
    """A flagfile, or where there is none of the path the package's of that name: a
    README's `flagfiles/x.flags` is found from any folder.
    """
    folder, name = os.path.split(path)
    is_named = folder in ("", FLAGFILES.name) and not os.path.exists(path)
    named = FLAGFILES / name
    return named if is_named and named.is_file() else path


def _is_own(name: str, values: flags.FlagValues) -> bool:
    """Whether a flag is a program's, not one of absl's."""
    return not (values.find_module_defining_flag(name) or "").startswith("absl")


def tell(text: str) -> None:
    """Prints help, and is silent when nobody reads on, as `| head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, code: int = 1) -> NoReturn:
    logging.flush()
    said = without_passwords(as_typed(text))
    print(f"{os.path.basename(sys.argv[0])}: {said}", file=sys.stderr)
    sys.exit(code)
