"""Ways of enlarging features, shared by the networks."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.resize import axis_weights


class SubPixel(nn.Module):
    """Convolution and pixel shuffle: one stage for x3, stages of two for powers of two.

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network", CVPR 2016.
    """

    def __init__(self, num_features: int, scale: int) -> None:
        super().__init__()
        factors = [2] * int(math.log2(scale)) if math.log2(scale).is_integer() else [scale]
        self.stages = nn.Sequential()
        for factor in factors:
            self.stages.append(nn.Conv2d(num_features, num_features * factor**2, 3, padding=1))
            self.stages.append(nn.PixelShuffle(factor))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, scale * H, scale * W)."""
        return self.stages(x)


class Bicubic(nn.Module):
    """MATLAB's bicubic enlargement (symmetric borders) as a layer, without rounding.

    Each axis is one convolution with `scale` outputs, the phases of the kernel, interleaved.
    """

    phases: Tensor

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        # In the middle of a long axis every output pixel sees its whole kernel.
        indices, weights = axis_weights(16, 16 * scale, scale, "bicubic", True, "symmetric")
        phases = torch.zeros(scale, 1, 5, dtype=torch.float64)
        for phase in range(scale):
            row = 8 * scale + phase
            for index, weight in zip(indices[row], weights[row], strict=True):
                if weight:
                    phases[phase, 0, index - 8 + 2] = weight
        self.register_buffer("phases", phases.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self._enlarge_width(self._enlarge_width(x.transpose(2, 3)).transpose(2, 3))

    def _enlarge_width(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        left, right = x[..., :2].flip(-1), x[..., -2:].flip(-1)
        if width == 1:
            left = right = x.expand(-1, -1, -1, 2)
        rows = torch.cat([left, x, right], dim=-1).reshape(batch * channels * height, 1, width + 4)
        phases = functional.conv1d(rows, self.phases.to(x.dtype))  # (rows, scale, W)
        return phases.transpose(1, 2).reshape(batch, channels, height, width * self.scale)
