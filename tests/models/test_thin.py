"""Layers to a few channels: the same as the plain ones."""

import copy

import pytest
import torch
from torch import Tensor, nn

from pipeline.models.thin import ThinConv2d, ThinConvTranspose2d, block_side


def plain(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """PyTorch's own layer with the same parameters."""
    if isinstance(layer, nn.ConvTranspose2d):
        other: nn.Module = nn.ConvTranspose2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.output_padding,
        )
    else:
        other = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            padding=layer.padding,
            bias=layer.bias is not None,
        )
    other.load_state_dict(layer.state_dict())
    return other


def outputs_and_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    (y * torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view(y.shape)).sum().backward()
    assert x.grad is not None
    return [y, x.grad, *(parameter.grad for parameter in layer.parameters())]


SIZES = [(1, 1), (4, 4), (12, 8), (6, 9), (5, 7), (2, 16)]
LAYERS = [
    pytest.param(lambda: ThinConv2d(5, 1, 5), id="conv-5-to-1"),
    pytest.param(lambda: ThinConv2d(4, 3, 9), id="conv-9-to-3"),
    pytest.param(lambda: ThinConv2d(4, 2, 3, bias=False), id="conv-3-to-2"),
    pytest.param(lambda: ThinConv2d(4, 20, 3), id="conv-3-to-20"),
    *(
        pytest.param(lambda s=s, o=o: ThinConvTranspose2d(6, o, 9, stride=s), id=f"up{s}-to-{o}")
        for s in (2, 3, 4, 8)
        for o in (1, 3)
    ),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", LAYERS)
def test_outputs_and_gradients_are_those_of_the_plain_layer(make, size: tuple[int, int]):
    torch.manual_seed(0)
    layer = make().double()
    x = torch.rand(2, layer.in_channels, *size, dtype=torch.float64)
    ours = outputs_and_gradients(layer, x)
    theirs = outputs_and_gradients(plain(layer).double(), x)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_state_has_the_names_of_the_plain_layers():
    assert list(ThinConv2d(4, 1, 3).state_dict()) == ["weight", "bias"]
    assert list(ThinConvTranspose2d(4, 1, 9, stride=2).state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize(
    ("outputs", "size", "side"),
    [
        (1, (8, 4), 4),
        (1, (6, 9), 3),
        (1, (6, 4), 2),
        (3, (8, 4), 2),
        (3, (9, 9), 1),
        (5, (8, 8), 1),
    ],
)
def test_blocks_divide_the_picture_and_fill_the_lanes(
    outputs: int, size: tuple[int, int], side: int
):
    assert block_side(torch.empty(1, 4, *size), outputs) == side


def test_contiguous_memory_takes_the_plain_path_with_the_same_result():
    layer = ThinConv2d(4, 1, 3)
    x = torch.rand(1, 4, 8, 8)
    assert torch.equal(layer(x), plain(layer)(x))
    fast = copy.deepcopy(layer)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(fast, layer(x))
