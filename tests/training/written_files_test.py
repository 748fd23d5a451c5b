"""What people may have changed in a run folder: read, or refused in few words."""

import json
import random

import pytest

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training import metrics, run_record
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.run_folder import RunConfig
from tests import nightly, odd_values

MODEL = ModelConfig(num_classes=2, genotype=DPC_TOP1)
DATASET = DatasetInfo("d", ("a", "b"), ((0, 0, 0), (9, 9, 9)), 255, {"train": 3})
CONFIG = RunConfig(MODEL, DataConfig(), TrainConfig(), EvalConfig(), DATASET)
METRICS = b"step,loss\n" + b"".join(b"%d,0.5\n" % i for i in range(20))


def test_a_changed_config_is_read_or_refused_in_few_words(tmp_path):
    rng, outcomes = random.Random(0), {"read": 0, "refused": 0}
    for _ in range(nightly.of(200, 2000)):
        values = CONFIG.to_dict()
        odd_values.change_json(rng, values)
        content = json.dumps(values).encode()
        if rng.random() < 0.3:
            content = odd_values.changed(rng, content)
        (tmp_path / "config.json").write_bytes(content)
        try:
            RunConfig.load(tmp_path)
        except RunFolderError as e:
            assert len(str(e)) < 1000 + len(str(tmp_path))
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
    assert all(outcomes.values())


def test_a_changed_table_or_command_stops_no_resume(tmp_path):
    rng = random.Random(1)
    for _ in range(nightly.of(200, 2000)):
        (tmp_path / "metrics.csv").write_bytes(odd_values.changed(rng, METRICS))
        metrics.Metrics(tmp_path, 10).append(11, {"loss": 0.25})
        assert metrics.read(tmp_path)[-1] == {"step": 11, "loss": 0.25}


@pytest.mark.parametrize("name", ["command.txt", "starts.json"])
def test_a_changed_record_of_starts_stops_no_resume(tmp_path, name, monkeypatch):
    monkeypatch.setattr(run_record, "_git", lambda *arguments: None)  # For speed.
    rng = random.Random(2)
    for _ in range(nightly.of(200, 2000)):
        (tmp_path / name).write_bytes(
            odd_values.changed(rng, b'[{"command": ["train.py"]}]\n')
        )
        run_record.record_start(tmp_path)
        assert json.loads((tmp_path / "starts.json").read_text())
        (tmp_path / "starts.json").unlink()
