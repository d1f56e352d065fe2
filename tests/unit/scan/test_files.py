"""Which files of a project are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.scan.files import list_files


@pytest.mark.parametrize(
    "name",
    [
        "wandb/run-20240101_101010-abc/files/code/train.py",
        "logs/wandb/offline-run-20240101_101010-abc/files/config.yaml",
        "mlruns/0/abc/artifacts/train.py",
        "lightning_logs/version_0/hparams.yaml",
        "outputs/2024-01-01/10-10-10/.hydra/config.yaml",
        "multirun/2024-01-01/10-10-10/0/train.sh",
        "logs/train/runs/2024-01-01_10-10-10/config.yaml",
        "out/checkpoint-500/trainer_state.json",
        "runs/train/exp2/opt.yaml",
        "node_modules/a/train.py",
    ],
)
def test_copies_that_runs_left_are_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert list_files([tmp_path], (), None) == []
    # Who asks for such a folder itself has it read.
    assert [file.path for file in list_files([path.parent], (), None)] == [path]


@pytest.mark.parametrize(
    "name", ["wandb/log.py", "outputs/write.py", "runs/train.py", "checkpoint/save.py", "train/runs/one.yaml"]
)
def test_folders_with_such_names_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert [file.path for file in list_files([tmp_path], (), None)] == [path]
