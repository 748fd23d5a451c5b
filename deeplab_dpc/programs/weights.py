r"""Published weights by name: which there are, and their files.

    deeplab-dpc weights list
    deeplab-dpc weights get mobilenetv2_coco_voc_trainaug
    deeplab-dpc weights where

list       tells the names, sizes, models and scores, and which files are here
get NAME   downloads these weights, if they are not here, and prints their file
where      prints the folder that keeps the files

A name is taken where weights are: `train.py --tf_initial_checkpoint=imagenet`,
`convert_checkpoint.py --checkpoint_dir=xception71_dpc_cityscapes_trainfine`. The
environment variable DEEPLAB_DPC_CACHE moves the folder.
"""

import sys
from collections.abc import Sequence

from absl import app

from deeplab_dpc import weights
from deeplab_dpc.programs import command_line
from deeplab_dpc.weights import cache

_COLUMNS = ("name", "size", "here", "data set", "model", "mIoU (output stride)")


def main(words: Sequence[str]) -> None:
    """Runs one of the commands, the first of the words."""
    match words:
        case ["list"]:
            print("\n".join(table()))
        case ["where"]:
            print(cache.folder())
        case ["get", *names] if names:
            for name in names:
                print(weights.path(name), flush=True)
        case ["get"]:
            raise app.UsageError(f"get what? {weights.hint('')}")
        case _:
            raise app.UsageError(
                f"{' '.join(words) or 'Nothing'} is no command; there are list, "
                "get NAME and where."
            )


def table() -> list[str]:
    """A line for each name, the widths of its columns aligned."""
    rows = [_COLUMNS]
    for entry in weights.PUBLISHED:
        here = "yes" if cache.is_here(entry) else ""
        data = entry.dataset or "backbone alone"
        rows.append((entry.name, entry.size, here, data, _model(entry), entry.score))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _model(entry: weights.WeightsEntry) -> str:
    """The backbone and what stands behind it, in a few words."""
    settings = entry.settings
    factor = settings.get("depth_multiplier")
    parts = {
        f"x{factor}": factor,
        "ASPP": settings.get("atrous_rates"),
        "DPC": settings.get("genotype"),
        "decoder": settings.get("decoder_output_stride"),
    }
    words = [word for word, is_there in parts.items() if is_there]
    return ", ".join([settings["model_variant"], *words])


def run() -> None:
    """Runs the program from the command line."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    sys.argv[1:] = [word for word in sys.argv[1:] if word.startswith("-")]
    command_line.run(lambda argv: main(words), help=__doc__)


if __name__ == "__main__":
    run()
