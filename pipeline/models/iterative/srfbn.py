"""SRFBN: a feedback block that runs several times, each time seeing its own last result.

Li et al., "Feedback Network for Image Super-Resolution", CVPR 2019, figures 2 and 3. The feedback
block goes up to HR and down again `num_groups` times with dense connections; after every step a
picture is reconstructed and supervised, the last is the result. Published (x4): 3,631K
parameters, 483K for SRFBN-S. Faithful to the authors' code (PReLU starting at 0.2, bilinear
skip); the mean of DIV2K is a buffer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import (
    DIV2K_MEAN,
    div2k_mean,
    enlarging_conv,
    he_initialise,
    shrinking_conv,
)
from pipeline.models.keys import KeyMap, layers, mean_shift, multiplied
from pipeline.models.thin import ThinConv2d

SLOPE = 0.2


class SRFBNConfig(NetworkConfig):
    """Settings of SRFBN; the defaults are SRFBN-S."""

    paper: ClassVar[str] = "Li et al., Feedback Network for Image Super-Resolution, CVPR 2019"
    year: ClassVar[int] = 2019
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "s": {},
        "full": {"num_features": 64, "num_groups": 6},
    }

    name: Literal["srfbn"] = "srfbn"
    colour: Colour = "rgb"
    num_features: int = Field(32, gt=0)  # m
    num_groups: int = Field(3, gt=0)  # G, up- and down-projections in the feedback block
    num_steps: int = Field(4, gt=0)  # T, runs of the feedback block

    def build(self, *, scale: int) -> "SRFBN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return SRFBN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' files, github.com/Paper99/SRFBN_CVPR19, of pictures in [0, 255].

        Without its biases the network is homogeneous, so only they are in units of intensity.
        """
        names = {f"head.{i}": f"{name}.0" for i, name in ((0, "conv_in"), (2, "feat_in"))}
        acts = {f"head.{i}": f"{name}.1" for i, name in ((1, "conv_in"), (3, "feat_in"))}
        pairs = {"feedback.compress_in": "block.compress_in"}
        pairs |= {"feedback.compress_out": "block.compress_out", "enlarge": "out"}
        for group in range(self.num_groups):
            pairs[f"feedback.ups.{group}"] = f"block.upBlocks.{group}"
            pairs[f"feedback.downs.{group}"] = f"block.downBlocks.{group}"
        for group in range(self.num_groups - 1):
            pairs[f"feedback.mix_lr.{group}"] = f"block.uptranBlocks.{group}"
            pairs[f"feedback.mix_hr.{group}"] = f"block.downtranBlocks.{group}"
        names |= {f"{ours}.0": f"{theirs}.0" for ours, theirs in pairs.items()}
        acts |= {f"{ours}.1": f"{theirs}.1" for ours, theirs in pairs.items()}
        names["tail"] = "conv_out.0"
        sources = layers(names | acts, parts={"weight": ".weight"})
        sources |= layers(names, parts={"bias": ".bias"}, convert=multiplied(1 / 255))
        fixed = mean_shift("sub_mean", [-255 * mean for mean in DIV2K_MEAN])
        fixed |= mean_shift("add_mean", [255 * mean for mean in DIV2K_MEAN])
        return [KeyMap("the authors' SRFBN", sources, fixed)]


def activated(conv: nn.Module) -> nn.Sequential:
    """Append the PReLU that follows every convolution but the last."""
    return nn.Sequential(conv, nn.PReLU(init=SLOPE))


class FeedbackBlock(nn.Module):
    """Up- and down-projections, each seeing all earlier features of its side (figure 3)."""

    def __init__(self, num_features: int, num_groups: int, scale: int) -> None:
        super().__init__()

        def mixing(num_inputs: int) -> nn.Sequential:
            return activated(nn.Conv2d(num_inputs * num_features, num_features, 1))

        self.compress_in = mixing(2)
        self.ups = nn.ModuleList(
            activated(enlarging_conv(num_features, scale)) for _ in range(num_groups)
        )
        self.downs = nn.ModuleList(
            activated(shrinking_conv(num_features, scale)) for _ in range(num_groups)
        )
        self.mix_lr = nn.ModuleList(mixing(group + 1) for group in range(1, num_groups))
        self.mix_hr = nn.ModuleList(mixing(group + 1) for group in range(1, num_groups))
        self.compress_out = mixing(num_groups)

    def forward(self, x: Tensor, last: Tensor) -> Tensor:
        """Features and the last step's result, both (N, F, H, W) -> (N, F, H, W)."""
        lr_features = [self.compress_in(torch.cat([x, last], dim=1))]  # each (N, F, H, W)
        hr_features: list[Tensor] = []  # each (N, F, scale * H, scale * W)
        for group, (up, down) in enumerate(zip(self.ups, self.downs, strict=True)):
            lr = self.mix_lr[group - 1](torch.cat(lr_features, 1)) if group else lr_features[0]
            hr_features.append(up(lr))
            hr = self.mix_hr[group - 1](torch.cat(hr_features, 1)) if group else hr_features[0]
            lr_features.append(down(hr))
        return self.compress_out(torch.cat(lr_features[1:], dim=1))


class SRFBN(SRNetwork):
    """See the module's docstring."""

    mean: Tensor

    def __init__(self, config: SRFBNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.num_steps = config.num_steps
        self.register_buffer("mean", div2k_mean(channels), persistent=False)
        self.head = nn.Sequential(
            *activated(nn.Conv2d(channels, 4 * features, 3, padding=1)),
            *activated(nn.Conv2d(4 * features, features, 1)),
        )
        self.feedback = FeedbackBlock(features, config.num_groups, scale)
        self.enlarge = activated(enlarging_conv(features, scale))
        self.tail = ThinConv2d(features, channels, 3)
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        *_, hidden = self._steps(lr)
        return self._picture(lr, hidden)

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """The picture after every step."""
        return [self._picture(lr, hidden) for hidden in self._steps(lr)]

    def _steps(self, lr: Tensor) -> list[Tensor]:
        features = self.head(lr - self.mean)
        states = [features]  # the first step has only its own input to see
        for _ in range(self.num_steps):
            states.append(self.feedback(features, states[-1]))
        return states[1:]

    def _picture(self, lr: Tensor, hidden: Tensor) -> Tensor:
        skip = functional.interpolate(
            lr, scale_factor=self.scale, mode="bilinear", align_corners=False
        )
        return skip + self.tail(self.enlarge(hidden))
