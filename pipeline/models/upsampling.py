"""Ways of enlarging features and pictures, shared by the networks.

Those that learn enlarge by a prime factor at once and by powers of two in steps of two.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.images.resize import axis_weights


def factors(scale: int) -> list[int]:
    """Steps of an enlargement: 4 is twice 2, 3 is itself."""
    if scale & (scale - 1):
        return [scale]
    return [2] * (scale.bit_length() - 1)


class SubPixel(nn.Module):
    """Convolution and pixel shuffle, starting without checkerboard.

    References:
        Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
        Sub-Pixel Convolutional Neural Network", CVPR 2016. The initialisation is ICNR: Aitken et
        al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937, 2017.
    """

    def __init__(self, num_features: int, scale: int) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        for factor in factors(scale):
            conv = nn.Conv2d(num_features, num_features * factor**2, 3, padding=1)
            start_as_nearest(conv, factor)
            self.stages.append(conv)
            self.stages.append(nn.PixelShuffle(factor))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, scale * H, scale * W)."""
        return self.stages(x)


def subpixel_stages(scale: int) -> range:
    """Positions of the convolutions within `SubPixel.stages`, for key maps."""
    return range(0, 2 * len(factors(scale)), 2)


@torch.no_grad()
def start_as_nearest(conv: nn.Conv2d, factor: int) -> None:
    """Give the `factor ** 2` filters of one shuffled pixel the same weights (ICNR).

    The shuffled output is then the nearest-neighbour enlargement of a convolution, and training
    starts without checkerboard.
    """
    phases = factor**2
    conv.weight.copy_(conv.weight[::phases].repeat_interleave(phases, dim=0))
    if conv.bias is not None:
        conv.bias.copy_(conv.bias[::phases].repeat_interleave(phases, dim=0))


class Transposed(nn.Module):
    """Transposed convolution that starts as bilinear interpolation, hence without checkerboard.

    Kernel 2 * factor (5 for x3), so that every output pixel sees equally many input pixels.

    References:
        Long et al., "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, section
        3.3 (bilinear start). Odena et al., "Deconvolution and Checkerboard Artifacts", Distill
        2016 (kernel divisible by stride).
    """

    def __init__(self, num_features: int, scale: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            *(_bilinear_start(num_features, factor) for factor in factors(scale))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, scale * H, scale * W)."""
        return self.stages(x)


@torch.no_grad()
def _bilinear_start(num_features: int, factor: int) -> nn.ConvTranspose2d:
    kernel = 2 * factor - factor % 2
    conv = nn.ConvTranspose2d(
        num_features, num_features, kernel, stride=factor, padding=(kernel - factor) // 2
    )
    distance = (torch.arange(kernel) - (kernel - 1) / 2).abs()
    ramp = 1 - distance / factor
    conv.weight.zero_()
    for feature in range(num_features):
        conv.weight[feature, feature] = torch.outer(ramp, ramp)
    assert conv.bias is not None
    conv.bias.zero_()
    return conv


class ResizeConv(nn.Module):
    """Nearest-neighbour enlargement and a convolution: no checkerboard, at the cost of HR space.

    References:
        Odena et al., "Deconvolution and Checkerboard Artifacts", Distill 2016.
    """

    def __init__(self, num_features: int, scale: int) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        for factor in factors(scale):
            self.stages.append(nn.Upsample(scale_factor=factor, mode="nearest"))
            self.stages.append(nn.Conv2d(num_features, num_features, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, scale * H, scale * W)."""
        return self.stages(x)


class Bicubic(nn.Module):
    """MATLAB's bicubic enlargement (symmetric borders) as a layer, without rounding.

    Every phase of the kernel is one filter of a convolution in LR space; the phases are then
    shuffled into place.
    """

    phases: Tensor

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self._phases = _cubic_phases(scale)
        self.register_buffer("phases", self._phases.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        batch, channels, height, width = x.shape
        # A third of 1 has no exact float32: double pictures get the weights anew.
        phases = self._phases.to(x.device) if x.dtype == torch.float64 else self.phases.to(x.dtype)
        padded = _reflect_two(_reflect_two(x).transpose(2, 3)).transpose(2, 3)
        planes = padded.reshape(batch * channels, 1, height + 4, width + 4)
        shuffled = functional.pixel_shuffle(functional.conv2d(planes, phases), self.scale)
        return shuffled.reshape(batch, channels, height * self.scale, width * self.scale)


def _cubic_phases(scale: int) -> Tensor:
    """Filters of the scale ** 2 output pixels that belong to one input pixel, 5 x 5 each."""
    # In the middle of a long axis every output pixel sees its whole kernel.
    indices, weights = axis_weights(16, 16 * scale, scale, "bicubic", True, "symmetric")
    rows = torch.zeros(scale, 5, dtype=torch.float64)
    for phase in range(scale):
        row = 8 * scale + phase
        for index, weight in zip(indices[row], weights[row], strict=True):
            if weight:
                rows[phase, index - 8 + 2] = weight
    return torch.einsum("iy,jx->ijyx", rows, rows).reshape(scale**2, 1, 5, 5)


def _reflect_two(x: Tensor) -> Tensor:
    """Extend the width by two pixels on both sides, mirrored at the pixels' outer edges."""
    if x.shape[-1] == 1:
        return x.expand(-1, -1, -1, 5)
    first, second, last_but_one, last = x[..., :1], x[..., 1:2], x[..., -2:-1], x[..., -1:]
    return torch.cat([second, first, x, last, last_but_one], dim=-1)
