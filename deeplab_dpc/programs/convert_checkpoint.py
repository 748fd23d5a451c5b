r"""Makes a run folder of a TF1 checkpoint of the original DeepLab, and back.

python convert_checkpoint.py --checkpoint_dir=<model zoo archive, packed or not>
python convert_checkpoint.py --checkpoint_dir=xception71_dpc_cityscapes_trainfine
python convert_checkpoint.py --checkpoint_dir=<run folder> --tf1_prefix=out/model.ckpt

The first reads from the tensors' names and shapes which model it is, prints what it
read and what it had to assume, and writes a folder for eval.py, vis.py and
export_model.py. A flag of the model, the data or the evaluation replaces what would be
read or assumed. The second writes our weights under the original's names.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags

with lazily.imported():
    from deeplab_dpc import model as model_lib
    from deeplab_dpc import tf1, weights
    from deeplab_dpc.training import from_tf1, run_folder


TOPICS = {
    "From where to where": ("checkpoint_dir", "run_dir", "tf1_prefix"),
    "What replaces what is read or assumed": (
        *("model_variant", "dense_prediction_cell_json", "output_stride"),
        *("decoder_output_stride", "atrous_rates", "dataset", "dataset_dir"),
        *("eval_split", "eval_crop_size"),
    ),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define_optional(EvalConfig, values)
    values["checkpoint_dir"].help = (
        "The folder of a TF1 checkpoint (or its prefix), an archive of the model zoo "
        "(.tar.gz), a frozen graph (.pb) or an .npz of arrays by TF1 name; with "
        "--tf1_prefix a run folder (or a checkpoint in it)."
    )
    flags.DEFINE_string(
        "run_dir",
        None,
        "The run folder to make; <checkpoint_dir>/run by default, <archive>_run of a "
        ".tar.gz.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "tf1_prefix",
        None,
        "Go the other way: write the run's weights as the TF1 checkpoint of this "
        "prefix, such as out/model.ckpt.",
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    path = values["checkpoint_dir"].value
    if not path:
        raise app.UsageError(
            "--checkpoint_dir is missing; give an archive of the model zoo, packed or "
            "not, or another TF1 checkpoint."
        )
    if values["tf1_prefix"].value:
        to_tf1(values["tf1_prefix"].value, values)
    else:
        to_run(path, values)


def to_run(path: str, values: flags.FlagValues) -> None:
    """Writes the run folder of a TF1 checkpoint, whole or not at all."""
    if (pathlib.Path(path) / run_folder.CONFIG_FILE).is_file():
        raise app.UsageError(
            f"--checkpoint_dir={path} is a run folder already; to write its weights as "
            "a TF1 checkpoint, pass --tf1_prefix=out/model.ckpt."
        )
    from deeplab_dpc.tf1 import archives  # Late: its package needs Keras.

    given: dict[str, Any] = {**config_flags.given_cell(values)}
    for config in (ModelConfig, DataConfig, EvalConfig):
        given |= config_flags.given(config, values)
    folder = values["run_dir"].value
    if weights.is_name(path):
        folder, given = _new(folder or f"{path}_run"), {**_published(path), **given}
        path = os.fspath(weights.path(path))
    with archives.opened(path) as (source, folder_beside):
        folder = _new(folder or folder_beside)
        found = from_tf1.Tf1Run.read(source, given)
    print(
        f"{source}, step {found.step}, {count(len(found.weights), 'tensor')}:\n"
        f"{table(found.facts)}",
        flush=True,
    )
    num_values = found.write(folder).count_params()
    data = "" if found.config.data.dataset_dir else " --dataset_dir=<TFRecord files>"
    where = as_flag("checkpoint_dir", folder)
    text = (
        f"All {num_values:,} values are in {folder}. Now:\n"
        f"  python eval.py {where}{data}\n"
        f"  python vis.py {where} --image_dir=<photos>\n"
        f"  python export_model.py {where}"
    )
    print(command_line.as_typed(text), flush=True)


def _published(name: str) -> dict[str, from_tf1.Fact]:
    """What a published score had of data and evaluation; `app.UsageError` if the
    weights are no segmentation model's.
    """
    entry = weights.find(name)
    if not entry.num_classes:
        raise app.UsageError(
            f"--checkpoint_dir={name} is a backbone alone, and no segmentation model; "
            "it is for train.py's --tf_initial_checkpoint."
        )
    reason = f"the published score of {name}"
    return {
        setting: from_tf1.Fact(value, "assumed", reason)
        for setting, value in entry.data_settings.items()
    }


def _new(folder: str | os.PathLike) -> pathlib.Path:
    """The run folder to be; an error if it is there, or cannot be made."""
    path = pathlib.Path(folder)
    if path.exists():
        raise run_folder.RunFolderError(
            f"{path} is there already; pass another --run_dir, or delete it."
        )
    files.output_folder(path.parent, "run_dir")
    return path


def to_tf1(prefix: str, values: flags.FlagValues) -> None:
    """Writes a run's weights as a TF1 checkpoint, unless that is there already."""
    run = config_flags.open_run(values)
    config = dataclasses.replace(run.config.model, crop_size=None)
    model = model_lib.build_model(config)
    step = run.restore(model)
    tf1.save_tf1_checkpoint(model, prefix, step)
    print(
        f"Step {step} of {run.folder}, {model.count_params():,} values: {prefix}\n"
        f"The original's programs need the model's flags: {run.folder}/config.json.",
        flush=True,
    )


def table(facts: from_tf1.Facts) -> str:
    """Each setting, its value, where it comes from and why."""
    rows = [("setting", "value", "from", "because")]
    for name, fact in facts.items():
        value: Any = fact.value
        if isinstance(value, Genotype):
            branches = count(len(value.branches), "branch")
            value = "top1" if value == DPC_TOP1 else branches
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        value = "none" if value is None else str(value)
        rows.append((name, value, fact.origin, fact.reason))
    rows.append(("all others", "", "assumed", "the original's defaults"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = []
    for *cells, reason in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  " + "  ".join(padded) + f"  {reason}")
    return "\n".join(lines)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()
