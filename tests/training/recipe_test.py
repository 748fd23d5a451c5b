"""What the recipe chooses, by hand, and that a flag wins over it."""

import pytest
from absl import flags

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data import DatasetError
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.programs import train
from deeplab_dpc.training import recipe
from deeplab_dpc.training.recipe import Machine

CPU, GPU = Machine(24.0, has_gpu=False), Machine(24.0, has_gpu=True)
SPLITS = {"train_split": "train", "eval_split": "val"}


def parsed(*arguments):
    values = flags.FlagValues()
    train.define_flags(values)
    values(["train.py", *arguments])
    return values


def figures(images, height, width):
    sizes = (height,) * 3, (width,) * 3
    return SplitStatistics(
        images, images, (1, 1), 0, (1, 1), (1, 1), *sizes, (0.0,) * 3, (1.0,) * 3
    )


@pytest.fixture
def data(tmp_path):
    """Writes what is known of a data set of some images of a size."""

    def write(images, height=360, width=480, **sizes):
        splits = {"train": images, "val": 10} | sizes
        info = DatasetInfo("two", ("a", "b"), ((0, 0, 0), (9, 9, 9)), 255, splits)
        Manifest(info, {"train": figures(images, height, width)}).save(tmp_path)
        return tmp_path

    return write


def chosen(folder, machine=CPU, **given):
    found = recipe.choose(folder, machine, SPLITS | given)
    assert all(len(choice.reason) > 10 for choice in found)
    return {choice.flag: choice.value for choice in found}


def test_a_hundred_small_images_on_a_cpu(data):
    """28 epochs of 100 images, four at a time, are 700 steps; 1 - 1 / 70."""
    assert chosen(data(100)) == {
        "dense_prediction_cell_json": "top1",
        "decoder_output_stride": "4",
        "tf_initial_checkpoint": "imagenet",
        "train_crop_size": "369,481",
        "eval_crop_size": "369,481",
        "train_batch_size": "4",
        "fine_tune_batch_norm": "true",
        "batch_norm_decay": "0.9857",
        "training_number_of_steps": "700",
        "base_learning_rate": "0.03",
        "label_weights": "sqrt_balanced",
        "eval_interval_steps": "140",
    }
    assert set(recipe.FLAGS) == set(chosen(data(100)))


@pytest.mark.parametrize(
    "size, machine, crop, batch",
    [
        ((1024, 2048), CPU, "513,513", "4"),
        ((1024, 2048), GPU, "769,769", "12"),
        ((513, 200), CPU, "513,209", "4"),
        ((514, 16), CPU, "513,17", "4"),
        ((1024, 2048), Machine(4.5, has_gpu=False), "513,513", "2"),
        ((1024, 2048), Machine(0.1, has_gpu=False), "513,513", "1"),
    ],
)
def test_crops_are_whole_images_or_what_is_affordable(data, size, machine, crop, batch):
    found = chosen(data(1000, *size), machine)
    assert (found["train_crop_size"], found["train_batch_size"]) == (crop, batch)
    assert found["fine_tune_batch_norm"] == str(int(batch) >= 4).lower()


@pytest.mark.parametrize("images, steps", [(10, 500), (1000, 7000), (10**6, 30000)])
def test_steps_follow_the_images_within_bounds(data, images, steps):
    found = chosen(data(images))
    assert found["training_number_of_steps"] == str(steps)
    assert found["eval_interval_steps"] == str(steps // 5)
    decays = {500: 0.98, 7000: 0.9986, 30000: 0.9997}
    assert float(found["batch_norm_decay"]) == pytest.approx(decays[steps], abs=1e-4)


def test_what_is_given_is_not_chosen_and_the_rest_follows_it(data):
    given = {"train_batch_size": 2, "train_crop_size": ["257", "257"]}
    found = chosen(data(1000), **given, training_number_of_steps=100)
    assert not found.keys() & given.keys() and found["fine_tune_batch_norm"] == "false"
    assert found["batch_norm_decay"] == "0.9" and found["eval_interval_steps"] == "20"
    parts = chosen(data(1000), train_split="train[:200]", eval_split="val[:50%]")
    assert parts["training_number_of_steps"] == "1400"
    assert "eval_interval_steps" in parts
    assert "eval_interval_steps" not in chosen(data(10), eval_split="none")


def test_without_figures_there_is_no_recipe(data, tmp_path):
    DatasetInfo("two", ("a", "b"), ((0, 0, 0), (9, 9, 9)), 255, {"train": 3}).save(
        tmp_path
    )
    with pytest.raises(DatasetError, match=r"--recipe=auto: .*or leave out --recipe\."):
        chosen(tmp_path)


def test_the_program_takes_the_choices_says_them_and_keeps_them(
    data, tmp_path, capsys, monkeypatch
):
    """Also when a run goes on, on a machine that would have chosen otherwise."""
    monkeypatch.setattr(Machine, "this", lambda: CPU)
    run = tmp_path / "run"
    given = f"--dataset_dir={data(100)}", f"--train_logdir={run}", "--recipe=auto"
    values = parsed(*given, "--base_learning_rate=0.01")
    train.choose(values)
    config = train.run_config(values)
    assert config.train.train_crop_size == (369, 481) == config.model.crop_size
    assert config.train.training_number_of_steps == 700
    assert config.train.label_weights == (1, 1)
    assert config.train.base_learning_rate == 0.01
    assert config.model.decoder_output_stride == (4,)
    assert len(config.model.genotype.branches) == 5
    said = capsys.readouterr().out
    assert "  --train_crop_size=369,481  (a whole image of 360x480" in said
    assert "base_learning_rate" not in said

    run.mkdir()
    record = "--train_crop_size=33,33\n--nofine_tune_batch_norm\n--weight_decay=0.5\n"
    (run / "flags.txt").write_text("# Same.\n" + record)
    values = parsed(*given)
    train.choose(values)
    kept = train.run_config(values).train
    assert kept.train_crop_size == (33, 33) and not kept.fine_tune_batch_norm
    assert kept.weight_decay == TrainConfig().weight_decay
    assert f"choices are those of {run / 'flags.txt'}" in capsys.readouterr().out


def test_from_scratch_is_an_empty_flag(data, monkeypatch):
    monkeypatch.setattr(Machine, "this", lambda: CPU)
    given = f"--dataset_dir={data(100)}", "--train_logdir=run", "--recipe=auto"
    values = parsed(*given, "--tf_initial_checkpoint=")
    train.choose(values)
    assert train.run_config(values).train.tf_initial_checkpoint is None
    values = parsed(*given)
    train.choose(values)
    assert train.run_config(values).train.tf_initial_checkpoint == "imagenet"
