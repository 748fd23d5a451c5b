"""The house: who may import whom, and where TensorFlow and flags may appear."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "deeplab_dpc"

# Each room and the rooms below it; what is not listed may import nothing of ours.
_SMALL = (
    *("checksums", "files", "formatting", "genotypes", "new_folder", "progress"),
    *("public", "settings"),
)
_MODEL = ("config", "layers", "model", "tf1")
_NETWORK = ("backbones", "costs", "inference", *_MODEL)
_RUN = ("data", "evaluation", "export", "training", "weights", "windows")
MAY_IMPORT = {
    "formatting": (),
    "genotypes": ("files",),
    "files": ("formatting",),
    "checksums": ("files", "formatting"),
    "new_folder": ("files",),
    "checkpoint_files": ("files", "formatting", "progress"),
    "progress": ("formatting",),
    "settings": ("files", "formatting", "genotypes"),
    "config": ("files", "formatting", "genotypes", "settings"),
    "layers": ("genotypes",),
    "backbones": ("config", "layers"),
    "model": ("backbones", "config", "layers"),
    "tf1": ("backbones", "checkpoint_files", "config", *_SMALL),
    "costs": ("config", "model", "tf1"),
    "weights": ("config", "data", "tf1", *_SMALL),
    "windows": (),
    "inference": ("config", "layers", "model", "windows"),
    "data": ("config", *_SMALL),
    "inspection": ("config", "data", *_SMALL),
    "scenes": ("files", "formatting", "progress"),
    "conversion": ("config", "data", "inspection", *_SMALL),
    "training": ("checkpoint_files", "data", "weights", *_MODEL, *_SMALL),
    "evaluation": (
        "checkpoint_files",
        "config",
        "data",
        "inference",
        "layers",
        *_SMALL,
    ),
    "export": (
        "config",
        "data",
        "evaluation",
        "inference",
        "layers",
        "model",
        *_SMALL,
    ),
    "runs": ("checkpoint_files", *_NETWORK, *_RUN, *_SMALL),
    "validation": ("runs", *_RUN, *_SMALL),
    "search": ("runs", "validation", *_NETWORK, *_RUN, *_SMALL),
    "testing": ("config", "search", "settings", *_SMALL),
    "reports": ("inspection", "runs", "search", *_NETWORK, *_RUN, *_SMALL),
    "segmenter": ("checkpoint_files", "reports", "runs", *_NETWORK, *_RUN, *_SMALL),
    "serving": ("public", "segmenter", "reports", *_RUN, *_MODEL, *_SMALL),
    "describe": ("programs",),
}
# A command's second name (`python -m deeplab_dpc.data.inspect`) is no part of its room.
HANDOVERS = {PACKAGE / "data" / "inspect.py": {"programs"}}
PORTABLE = ("genotypes", "settings", "config", "layers", "backbones", "model")


def modules(room: str) -> list[pathlib.Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


def imports(path: pathlib.Path, only_at_top: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if only_at_top else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room):
    paths = modules(room)
    assert paths and all(p.is_file() for p in paths)
    for path in paths:
        ours = [name.split(".") for name in imports(path)]
        used = {name[1] for name in ours if name[0] == "deeplab_dpc" and name[1:]}
        forbidden = used - {room, *MAY_IMPORT[room]} - HANDOVERS.get(path, set())
        assert not forbidden, f"{path.relative_to(PACKAGE)} imports {forbidden}"


@pytest.mark.parametrize("room", PORTABLE)
def test_what_every_backend_runs_needs_no_tensorflow(room):
    for path in modules(room):
        names = imports(path, only_at_top=path.name == "kernels.py")
        assert not {n for n in names if n.split(".")[0] == "tensorflow"}, path


def test_only_programs_read_flags():
    for path in PACKAGE.rglob("*.py"):
        if "programs" in path.parts:
            continue
        used = {name for name in imports(path) if name.startswith("absl.")}
        assert used <= {"absl.logging"}, path


def test_public_names_come_without_tensorflow_where_they_can():
    code = (
        "import sys, deeplab_dpc as d; d.Genotype, d.ModelConfig, d.genotypes.DPC_TOP1;"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules;"
        "assert all(getattr(d, name) for name in d.__all__);"
        "assert not hasattr(d, 'nothing')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True)


def test_files_have_at_most_300_lines():
    for folder in (PACKAGE, PACKAGE.parent / "datasets", PACKAGE.parent / "tests"):
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 300, path
