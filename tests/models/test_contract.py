"""One body over all networks: the contract.

Fast tests take every network at every scale with few layers and features; slow ones take every
preset as published. A network that is missing in `SMALL` is tested as it is.
"""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.models import NETWORK_CONFIGS, SRNetwork, network_config, run_on_rgb
from pipeline.models.files import load_model, save_model

SMALL: Mapping[str, Mapping[str, Any]] = {
    "carn": {"num_features": 16},
    "dbpn": {"num_features": 8, "num_initial": 16},
    "drcn": {"num_features": 16, "num_recursions": 3},
    "drrn": {"num_features": 16, "num_units": 2},
    "edsr": {"num_features": 16, "num_blocks": 2},
    "hourglass": {"num_features": 16, "num_stacks": 2, "depth": 2},
    "imdn": {"num_features": 32, "num_blocks": 2},  # with 16 the attention has one ReLU, often dead
    "laboratory": {"num_features": 16, "num_blocks": 2},
    "lapsrn": {"num_features": 16, "num_layers": 2},
    "memnet": {"num_features": 16, "num_blocks": 2, "num_recursions": 2},
    "ms_lapsrn": {"num_features": 16, "num_layers": 2},
    "prosr": {"num_features": 16, "growth": 8, "blocks": [1, 1, 1], "num_layers": 2},
    "rcan": {"num_features": 16, "num_groups": 2, "num_blocks": 2, "reduction": 4},
    "rdn": {"num_features": 16, "num_blocks": 2, "num_layers": 2, "growth": 8},
    "rrdb": {"num_features": 16, "num_blocks": 1, "growth": 8},
    "span": {"num_features": 16},
    "srdensenet": {"num_features": 16, "num_blocks": 2, "num_layers": 2, "growth": 8},
    "srfbn": {"num_features": 8, "num_steps": 2, "num_groups": 2},
    "srresnet": {"num_features": 16, "num_blocks": 2},
    "srvgg": {"num_features": 16, "num_convs": 3},
    "swinir": {"num_features": 12, "num_groups": 1, "num_layers": 2, "num_heads": 2, "window": 4},
    "unet": {"num_features": 8, "depth": 2},
    "vdsr": {"num_features": 16, "num_layers": 5},
}

Values = dict[str, Any]


def small(name: str, **others: Any) -> Values:
    return {"name": name, **SMALL.get(name, {}), **others}


def published(name: str) -> list[Values]:
    presets = NETWORK_CONFIGS[name].presets
    return [{"name": name, "preset": preset} for preset in presets] or [{"name": name}]


FAST = [
    pytest.param(name, scale, id=f"{name}-x{scale}")
    for name, config in NETWORK_CONFIGS.items()
    for scale in config.scales
]
ONCE = [pytest.param(name, config.scales[0], id=name) for name, config in NETWORK_CONFIGS.items()]
PUBLISHED = [
    pytest.param(values, scale, id="-".join([*values.values(), f"x{scale}"]))
    for name, config in NETWORK_CONFIGS.items()
    for values in published(name)
    for scale in config.scales
]


def build(values: Values, scale: int, *, seed: int = 0) -> SRNetwork:
    torch.manual_seed(seed)
    return network_config(values).build(scale=scale)


def low_resolution(network: SRNetwork, height: int, width: int, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(batch, network.num_channels, height, width, generator=generator)


def has_batch_statistics(network: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def gradients(network: SRNetwork, lr: Tensor) -> dict[str, Tensor]:
    """Gradients of a loss that weighs every pixel of every output differently."""
    network.zero_grad(set_to_none=True)
    generator = torch.Generator().manual_seed(2)
    loss = torch.zeros(())
    for sr in network.forward_all(lr):
        loss = loss + (sr * torch.randn(sr.shape, generator=generator)).mean()
    loss.backward()
    return {
        name: torch.zeros(()) if parameter.grad is None else parameter.grad
        for name, parameter in network.named_parameters()
    }


def check_sizes(network: SRNetwork) -> None:
    least = network.min_size
    for height, width in {(least, least), (7, least), (least, 6), (9, 12)}:
        lr = low_resolution(network, height, width)
        *earlier, final = network.forward_all(lr)
        assert final.shape == (*lr.shape[:2], network.scale * height, network.scale * width)
        assert final.isfinite().all()
        for sr in earlier:  # levels double, iterations and recursions have the final size
            factor = sr.shape[-1] // width
            assert sr.shape == (*lr.shape[:2], factor * height, factor * width)
            assert 1 < factor <= network.scale
            assert sr.isfinite().all()


def check_gradients(values: Values, scale: int) -> None:
    """With one initialisation or another: the few units of a channel attention may all be off."""
    silent: set[str] | None = None
    for seed in range(5):
        network = build(values, scale, seed=seed)
        # In evaluation mode: a bias before a batch normalisation has no effect in training mode.
        reached = gradients(network.eval(), low_resolution(network, 6, 7))
        assert all(gradient.isfinite().all() for gradient in reached.values())
        now = {name for name, gradient in reached.items() if not gradient.abs().max() > 0}
        silent = now if silent is None else silent & now
        if not silent:
            return
    assert not silent


@pytest.mark.parametrize(("name", "scale"), FAST)
def test_output_is_finite_and_exactly_scale_times_the_input(name: str, scale: int):
    check_sizes(build(small(name), scale).eval())


@pytest.mark.parametrize(("name", "scale"), ONCE)
@pytest.mark.parametrize("colour", ["luma", "rgb"])
def test_rgb_pictures_can_be_given_to_networks_of_either_colour(name: str, scale: int, colour: str):
    network = build(small(name, colour=colour), scale).eval()
    assert network.num_channels == (1 if colour == "luma" else 3)
    assert run_on_rgb(network, torch.rand(1, 3, 5, 4)).shape == (1, 3, scale * 5, scale * 4)


@pytest.mark.parametrize(("name", "scale"), FAST)
def test_gradient_reaches_every_parameter(name: str, scale: int):
    check_gradients(small(name), scale)


@pytest.mark.slow
@pytest.mark.parametrize(("values", "scale"), PUBLISHED)
def test_published_networks_keep_sizes_and_gradients(values: Values, scale: int):
    network = build(values, scale).eval()
    check_sizes(network)
    check_gradients(values, scale)


@pytest.mark.parametrize(("name", "scale"), ONCE)
def test_forward_gives_the_last_of_all_outputs(name: str, scale: int):
    network = build(small(name), scale).eval()
    lr = low_resolution(network, 6, 5)
    assert torch.equal(network(lr), network.forward_all(lr)[-1])


@pytest.mark.parametrize(("name", "scale"), FAST)
def test_evaluation_equals_training_unless_there_are_batch_statistics(name: str, scale: int):
    network = build(small(name), scale)
    lr = low_resolution(network, 6, 5)
    training, evaluation = network.train()(lr), network.eval()(lr)
    if has_batch_statistics(network):
        assert not torch.allclose(training, evaluation)
    else:
        torch.testing.assert_close(training, evaluation, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "scale"), ONCE)
def test_evaluation_does_not_depend_on_the_other_pictures_of_a_batch(name: str, scale: int):
    network = build(small(name), scale).eval()
    lr = low_resolution(network, 6, 5, batch=3)
    alone = torch.cat([network(picture[None]) for picture in lr])
    torch.testing.assert_close(network(lr), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "scale"), ONCE)
def test_same_seed_gives_same_weights_outputs_and_gradients(name: str, scale: int):
    first, second = build(small(name), scale), build(small(name), scale)
    state = second.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in first.state_dict().items())
    lr = low_resolution(first, 6, 5)
    torch.use_deterministic_algorithms(True)
    try:
        gradients_first, gradients_second = gradients(first, lr), gradients(second, lr)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first(lr), second(lr))
    for key, gradient in gradients_first.items():
        assert torch.equal(gradient, gradients_second[key]), key


@pytest.mark.parametrize(("name", "scale"), FAST)
def test_saving_and_loading_is_exact(name: str, scale: int, tmp_path):
    config = network_config(small(name))
    network = build(small(name), scale)
    network(low_resolution(network, 6, 5))  # batch statistics are no longer those of the start
    save_model(tmp_path / "model.safetensors", network, config, scale=scale)
    loaded = load_model(tmp_path / "model.safetensors")
    lr = low_resolution(network, 7, 5)
    network.eval().to(memory_format=torch.channels_last)  # as it is loaded
    assert torch.equal(network(lr), loaded(lr))


@pytest.mark.parametrize(("name", "scale"), FAST)
def test_contiguous_and_channels_last_agree(name: str, scale: int):
    network = build(small(name), scale).eval()
    lr = low_resolution(network, 6, 7)
    other = copy.deepcopy(network).to(memory_format=torch.channels_last)
    sr = other(lr.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(sr, network(lr), rtol=1e-4, atol=1e-5)


def check_export(network: SRNetwork) -> None:
    least = max(network.min_size, 2)  # a size of one is always a constant to the exporter
    dynamic = {2: torch.export.Dim("height", min=least), 3: torch.export.Dim("width", min=least)}
    example = low_resolution(network, 9, 10, batch=1)
    exported = torch.export.export(network, (example,), dynamic_shapes=(dynamic,))
    for height, width in [(least, least), (13, 6), (8, 17)]:
        lr = low_resolution(network, height, width, batch=1)
        torch.testing.assert_close(exported.module()(lr), network(lr), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "scale"), ONCE)
def test_exports_with_dynamic_height_and_width(name: str, scale: int):
    check_export(build(small(name), scale).eval())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale"), FAST)
def test_exports_with_dynamic_height_and_width_at_every_scale(name: str, scale: int):
    check_export(build(small(name), scale).eval())
