r"""Tells what a model consists of and what it costs, without training or weights.

python -m deeplab_dpc.describe --flagfile=cityscapes_xception71_dpc.flags
python -m deeplab_dpc.describe --dense_prediction_cell_json=cell.json
python -m deeplab_dpc.describe --dense_prediction_cell_json=top1 --cell_picture=top1.svg

Flags of training and evaluation are understood, so that every flagfile works.
benchmarks/published_costs.py sets our counts beside the published ones.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import BACKBONE, Genotype
from deeplab_dpc.programs import command_line, lazily, obsolete_flags
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, setting

with lazily.imported():
    from deeplab_dpc import costs as counting
    from deeplab_dpc.reports import cell_picture


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribeConfig(Config):
    """What is told."""

    image_size: tuple[int, int] | None = setting(
        None,
        "Height and width of the image, in pixels; --eval_crop_size by default.",
        at_least=1,
    )
    num_classes: int | None = setting(
        None, "Classes; the data set's by default, or 21.", at_least=1
    )
    tree_depth: int = setting(2, "Levels of parts to show.", at_least=1)
    cell_picture: str | None = setting(
        None, "Draw the cell into this .svg (or .png) file."
    )


TOPICS = {
    "Model": (
        *("model_variant", "dense_prediction_cell_json", "output_stride"),
        *("atrous_rates", "decoder_output_stride", "depth_multiplier"),
        *("num_classes", "dataset_dir"),
    ),
    "What is told": ("image_size", "tree_depth", "cell_picture"),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    for config in (DescribeConfig, ModelConfig, DataConfig, TrainConfig, EvalConfig):
        config_flags.define(config, values)
    config_flags.define_cell(values)
    obsolete_flags.define(values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    options = config_flags.config_from(DescribeConfig, values=values)
    model = _model(options, values)
    if options.cell_picture:
        draw(model.genotype, options.cell_picture)
    size = (
        options.image_size
        or config_flags.config_from(EvalConfig, values=values).eval_crop_size
    )
    print(
        "\n".join(description(counting.measure(model, size), options.tree_depth)),
        flush=True,
    )


def draw(genotype: Genotype | None, path: str) -> None:
    """Draws a cell, and says where; an error if there is no cell, or no such folder."""
    if genotype is None:
        raise app.UsageError(
            f"--cell_picture={path} draws a cell, but the model has ASPP; pass "
            "--dense_prediction_cell_json=top1 or a file."
        )
    if not pathlib.Path(path).absolute().parent.is_dir():
        raise app.UsageError(f"--cell_picture={path}: there is no such folder.")
    cell_picture.save(genotype, path)
    print(f"The cell is drawn in {path}.")


def description(costs: counting.Costs, depth: int) -> list[str]:
    """The tree of parts with their costs, and the totals."""
    tree, notes = costs.tree(), _notes(costs.config)
    rows = list(_rows(tree, depth, notes))
    names = [name for name, _, _ in rows]
    width = max(map(len, names)) + 2
    config = costs.config
    context = "ASPP" if config.aspp_with_batch_norm else "no context module"
    if config.genotype is not None:
        context = f"a cell of {count(len(config.genotype.branches), 'branch')}"
    lines = [
        f"{config.model_variant}, {context}, {count(config.num_classes, 'class')}, "
        f"output stride {config.output_stride}, image "
        f"{costs.image_size[0]}x{costs.image_size[1]}",
        "",
        f"{'':{width}}{'parameters':>14}{'multiply-adds':>18}{'share':>8}",
    ]
    for name, part, note in rows:
        share = part.multiply_adds / tree.multiply_adds
        lines.append(
            f"{name:{width}}{part.parameters:>14,}{part.multiply_adds:>18,}"
            f"{share:>8.1%}  {note}".rstrip()
        )
    return [*lines, "", *_totals(costs, tree)]


def _rows(
    part: counting.Part, depth: int, notes: dict[str, str], before: str = ""
) -> Iterator[tuple[str, counting.Part, str]]:
    """Each part with the lines of the tree before its name."""
    if not before:
        yield part.name, part, ""
    for inner in part.parts if depth else ():
        is_last = inner is part.parts[-1]
        yield (
            f"{before}{'└─ ' if is_last else '├─ '}{inner.name}",
            inner,
            notes.get(inner.name, ""),
        )
        deeper = before + ("   " if is_last else "│  ")
        yield from _rows(inner, depth - 1, notes, deeper)


def _notes(config: ModelConfig) -> dict[str, str]:
    """What each branch of the cell, or of ASPP, does."""
    if config.genotype is None:
        rates = config.atrous_rates or ()
        return {f"aspp{i}": f"3x3, rate {r}" for i, r in enumerate(rates, start=1)}
    notes = {}
    for i, branch in enumerate(config.genotype.branches):
        name = "F" if branch.source == BACKBONE else f"branch{branch.source}"
        kind = {
            "conv1x1": "1x1",
            "conv3x3": "3x3, rate {}x{}".format(*branch.rate or (0, 0)),
            "pyramid_pooling": "grid {}x{}".format(*branch.grid_size or (0, 0)),
        }[branch.op]
        notes[f"branch{i}"] = f"{kind}, of {name}"
    return notes


def _totals(costs: counting.Costs, tree: counting.Part) -> list[str]:
    counts = counting.zoo_countings(costs)
    branches = counting.context_convolutions(costs)
    lines = [
        f"Values in a checkpoint: {tree.values:,}, of which trained: "
        f"{tree.parameters:,}, of which convolution kernels: {tree.kernels:,}.",
        f"Multiply-adds of the convolutions: {tree.multiply_adds / 1e9:,.3f} B; as "
        "TensorFlow 1's profiler and the model zoo count: "
        f"{counts['profiler'] / 1e9:,.3f} B.",
    ]
    if branches:
        context = counting.context_countings(costs)
        lines.append(
            "The context module alone, without its projection (the paper's Table 1): "
            f"{counting.kernels_as_printed(branches) / 1e6:.2f} M parameters, "
            f"{context['convolutions'] / 1e9:.3f} B multiply-adds, "
            f"{context['profiler'] / 1e9:.3f} B as the profiler counts."
        )
    return lines


def _model(options: DescribeConfig, values: flags.FlagValues) -> ModelConfig:
    """The model; its classes are, if not given, those of the data set that is named."""
    extra: dict[str, Any] = dict(config_flags.given_cell(values))
    if options.num_classes:
        extra["num_classes"] = options.num_classes
    elif (data := config_flags.config_from(DataConfig, values=values)).dataset_dir:
        info = DatasetInfo.load(data.dataset_dir, data.dataset)
        extra["num_classes"] = info.num_classes
    elif data.dataset:
        extra["num_classes"] = dataset_info.known(data.dataset).num_classes
    return config_flags.config_from(ModelConfig, extra, values)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()
