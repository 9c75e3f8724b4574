"""Convolutions to a few channels, several pixels at a time.

A processor computes sixteen output channels at once; a convolution to one or three, with which
every network ends, leaves most of them idle. The same sums come out of a convolution of stride s
with s ** 2 times the channels, one for each pixel of a block, whose kernels are the plain one
shifted to its pixel. Pixel shuffle then puts the blocks together, in a half to a fifth of the time.

Parameters and their names are those of the plain layers, results too, up to rounding. The plain
layers run where nothing is gained: on other devices, in contiguous memory, while a network is
exported or counted, and on sizes that no block divides.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

LANES = 16


class ThinConv2d(nn.Conv2d):
    """Convolution with an odd kernel that keeps height and width."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        if self.kernel_size[0] == 1 or not gains(x):
            return super().forward(x)
        return thin_conv2d(x, self.weight, self.bias)


class ThinConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with an odd kernel, from (H, W) to (stride * H, stride * W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int) -> None:
        super().__init__(
            inputs, outputs, kernel, stride, padding=kernel // 2, output_padding=stride - 1
        )

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, stride * H, stride * W)."""
        if not gains(x):
            return super().forward(x, output_size)
        stride = self.stride[0]
        weight = subpixel_kernels(self.weight, stride)
        bias = None if self.bias is None else self.bias.repeat_interleave(stride**2)
        return functional.pixel_shuffle(thin_conv2d(x, weight, bias), stride)


def gains(x: Tensor) -> bool:
    """Whether blocks of pixels are faster than pixels, for this input."""
    return (
        not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def thin_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with stride 1, keeping height and width.

    Args:
        x: (N, I, H, W).
        weight: (O, I, K, K), K odd.
        bias: (O,).
    """
    padding, block = weight.shape[-1] // 2, block_side(x, weight.shape[0])
    if block == 1:
        return functional.conv2d(x, weight, bias, padding=padding)
    shifts = [
        functional.pad(weight, (right, block - 1 - right, down, block - 1 - down))
        for down in range(block)
        for right in range(block)
    ]
    shifted = torch.stack(shifts, dim=1).flatten(0, 1)  # (O * block ** 2, I, K + block - 1, ...)
    shifted = shifted.contiguous(memory_format=torch.channels_last)
    biases = None if bias is None else bias.repeat_interleave(block**2)
    blocks = functional.conv2d(x, shifted, biases, stride=block, padding=padding)
    return functional.pixel_shuffle(blocks, block)


def block_side(x: Tensor, outputs: int) -> int:
    """Side of the largest block that divides the picture and whose channels fit in `LANES`."""
    height, width = x.shape[-2:]
    for side in (4, 3, 2):
        if outputs * side**2 <= LANES and height % side == 0 and width % side == 0:
            return side
    return 1


def subpixel_kernels(weight: Tensor, stride: int) -> Tensor:
    """Kernels in LR space that do what a transposed convolution does (Shi et al., 2016).

    Output pixel stride * q + phase is the sum over input pixels q + d of the weight at
    phase + padding - stride * d.

    Args:
        weight: (I, O, K, K), K odd, of a transposed convolution with padding K // 2.
        stride: Its stride.

    Returns:
        (O * stride ** 2, I, D, D), D odd, for a convolution that keeps the size and is shuffled.
    """
    kernel = weight.shape[-1]
    padding = kernel // 2
    reach = max((kernel - 1 - padding) // stride, (stride - 1 + padding) // stride)
    phases = torch.arange(stride)[:, None]
    taps = phases + padding - stride * torch.arange(-reach, reach + 1)  # (stride, D)
    taps = torch.where((taps < 0) | (taps >= kernel), kernel, taps)
    bordered = functional.pad(weight, (0, 1, 0, 1))  # what lies outside weighs nothing
    gathered = bordered[:, :, taps][..., taps]  # (I, O, stride, D, stride, D)
    return gathered.permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
