"""One file holds a trained network and says which it is."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pipeline.errors import UserError
from pipeline.models import network_config
from pipeline.models.files import load_model, save_model

CONFIG = network_config({"name": "fsrcnn", "num_features": 8, "num_shrunk": 4, "num_layers": 1})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, CONFIG.build(scale=3), CONFIG, scale=3)
    return path


def test_a_model_moves_about_as_one_file(saved: Path, tmp_path: Path):
    moved = saved.rename(tmp_path / "elsewhere.safetensors")
    assert load_model(moved).scale == 3


def test_equal_weights_give_equal_bytes(saved: Path, tmp_path: Path):
    again = tmp_path / "again.safetensors"
    save_model(again, load_model(saved), CONFIG, scale=3)
    assert again.read_bytes() == saved.read_bytes()


def rewritten(path: Path, metadata: dict[str, str] | None) -> Path:
    state = load_file(path)
    save_file(state, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    "metadata", [None, {}, {"network": "no JSON"}, {"network": "[]"}, {"network": "{}"}]
)
def test_weights_that_do_not_say_what_they_are_are_refused(saved: Path, metadata):
    with pytest.raises(UserError, match=r"model\.safetensors: it does not say which .*import-w"):
        load_model(rewritten(saved, metadata))


def test_a_broken_or_missing_file_is_named(saved: Path, tmp_path: Path):
    saved.write_bytes(saved.read_bytes()[:100])
    with pytest.raises(UserError, match=r"model\.safetensors: this is not a safetensors file"):
        load_model(saved)
    with pytest.raises(UserError, match=r"absent\.safetensors: there is no such file"):
        load_model(tmp_path / "absent.safetensors")


def test_weights_of_another_shape_are_named(saved: Path):
    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
    state = load_file(saved)
    key = next(iter(state))
    state[key] = torch.zeros(3)
    save_file(state, saved, metadata=metadata)
    with pytest.raises(UserError, match=rf"do not fit: {key} is \(3,\), not"):
        load_model(saved)
