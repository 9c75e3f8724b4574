"""One body over all networks: the contract."""

import pytest
import torch

from pipeline.models import build_network, run_on_rgb


@pytest.mark.parametrize("name", ["edsr", "fsrcnn"])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(12, 9), (7, 1)])
def test_output_is_exactly_scale_times_the_input(name: str, scale: int, size: tuple[int, int]):
    network = build_network({"name": name}, scale=scale)
    sr = run_on_rgb(network, torch.rand(2, 3, *size))
    assert sr.shape == (2, 3, scale * size[0], scale * size[1])
