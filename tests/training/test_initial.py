"""Starting from weights: what fits is loaded, and the rest is named."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.models import network_config
from pipeline.models.files import save_model
from pipeline.training.initial import start_from, transfer
from pipeline.training.key import training_key
from pipeline.training.recorder import NullRecorder
from pipeline.training.session import open_training
from tests.training.stores import small_recipe

SMALL = {"name": "edsr", "num_features": 4, "num_blocks": 1}


def saved(path: Path, *, scale: int = 2, **settings: int) -> Path:
    config = network_config(SMALL | settings)
    torch.manual_seed(7)
    save_model(path, config.build(scale=scale), config, scale=scale)
    return path


def test_weights_of_the_same_network_are_all_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = saved(tmp_path / "m.safetensors")
    torch.manual_seed(7)
    expected = network_config(SMALL).build(scale=2).state_dict()
    network = network_config(SMALL).build(scale=2)
    start_from(path, network)
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("before", "after"), [(2, 3), (2, 4), (4, 2)])
def test_across_scales_what_was_and_was_not_loaded_is_listed(before: int, after: int):
    config = network_config(SMALL)
    old, new = config.build(scale=before), config.build(scale=after)
    fresh = {key: value.clone() for key, value in new.state_dict().items()}
    result = transfer(old.state_dict(), new)
    named = [name.split(" ")[0] for name in result.fresh]
    assert sorted(result.loaded + named) == sorted(fresh)
    for key, value in new.state_dict().items():
        source = old.state_dict()[key] if key in result.loaded else fresh[key]
        assert torch.equal(value, source)
    assert any("upsample" in name for name in result.fresh + result.unused)
    assert not any("upsample" not in name for name in result.fresh)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "there is no such file"), (b"noise", "no safetensors file")]
)
def test_what_is_absent_or_broken_is_an_error(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "m.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        start_from(path, network_config(SMALL).build(scale=2))


def test_weights_of_which_nothing_fits_are_an_error(tmp_path: Path):
    config = network_config({"name": "fsrcnn"})
    save_model(tmp_path / "m.safetensors", config.build(scale=2), config, scale=2)
    with pytest.raises(UserError, match=r"nothing fits the network; not loaded: head"):
        start_from(tmp_path / "m.safetensors", network_config(SMALL).build(scale=2))


def test_training_starts_from_them_and_its_key_knows_them(folder: Path):
    path = saved(folder / "m.safetensors")
    recipe = small_recipe(
        steps=1, ema=None, optimizer={"name": "sgd", "learning_rate": 1e-12}, init_from=str(path)
    )
    with open_training(
        recipe, hr_folder=folder / "hr", lr_folder=folder / "lr", cache=folder / "c", initial=path
    ) as training:
        trained = training.run(NullRecorder())
    torch.manual_seed(7)
    for key, value in network_config(SMALL).build(scale=2).state_dict().items():
        torch.testing.assert_close(trained.network.state_dict()[key], value)
    assert training_key(recipe, [], initial=path) != training_key(recipe, [])
