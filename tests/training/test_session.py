"""Whole trainings in this process: accumulation, precision, compilation."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.training.recorder import NullRecorder
from pipeline.training.session import Trained, open_training
from tests.training.stores import small_recipe

SGD = {"name": "sgd", "learning_rate": 0.05}


def trained(folder: Path, **train: Any) -> Trained:
    with open_training(
        small_recipe(optimizer=SGD, ema=None, **train),
        hr_folder=folder / "hr",
        lr_folder=folder / "lr",
        cache=folder / "cache",
    ) as training:
        return training.run(NullRecorder())


def distance(one: Trained, two: Trained) -> float:
    pairs = zip(one.network.parameters(), two.network.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def test_a_batch_in_parts_updates_as_the_whole_batch(folder: Path):
    whole, parts = trained(folder, batch_size=4), trained(folder, batch_size=4, accumulation=4)
    assert distance(whole, parts) < 1e-6
    assert distance(whole, trained(folder, batch_size=4, seed=4)) > 1e-3


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_trains_and_warns_on_a_processor(
    folder: Path, precision: str, capsys: pytest.CaptureFixture[str]
):
    full = trained(folder)
    assert "warning" not in capsys.readouterr().err
    low = trained(folder, precision=precision, device="cpu")
    assert f"warning: train.precision: {precision} is for GPUs" in capsys.readouterr().err
    assert 0 < distance(full, low) < 0.01
    assert all(p.dtype == torch.float32 for p in low.network.parameters())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_training_gives_the_same_network_and_says_when_it_pays(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    plain, compiled = trained(folder, steps=4), trained(folder, steps=4, compile=True)
    assert distance(plain, compiled) < 1e-5
    assert "torch.compile:" in capsys.readouterr().err
