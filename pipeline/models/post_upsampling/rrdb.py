"""RRDB: residual-in-residual dense blocks, the generator of ESRGAN.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCVW 2018,
figures 3 and 4: 23 blocks of three dense blocks, residuals scaled by 0.2, no normalisation.
Published: 16.7M parameters (x4). Faithful; `anime_6b` is Real-ESRGAN's small variant. Factors
other than 4 take one nearest-neighbour stage for each doubling, or one of factor 3.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, layers
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import factors

SLOPE = 0.2
RESIDUAL_SCALE = 0.2


class RRDBConfig(NetworkConfig):
    """Settings of RRDB."""

    paper: ClassVar[str] = "Wang et al., ESRGAN: Enhanced Super-Resolution GAN, ECCVW 2018"
    year: ClassVar[int] = 2018
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {},
        "anime_6b": {"num_blocks": 6},
    }

    name: Literal["rrdb"] = "rrdb"
    colour: Colour = "rgb"
    num_features: int = Field(64, gt=0)
    num_blocks: int = Field(23, gt=0)
    growth: int = Field(32, gt=0)

    def build(self, *, scale: int) -> "RRDB":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return RRDB(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """ESRGAN's two formats, and that of BasicSR and Real-ESRGAN."""
        ups = range(len(factors(scale)))
        after = 3 * len(ups)  # the oldest format numbers upsampling, convolution and activation
        current = {"head": "conv_first", "body_end": "conv_body", "hr": "conv_hr"}
        current |= {"tail": "conv_last"} | {f"up.{i}": f"conv_up{i + 1}" for i in ups}
        esrgan = {"head": "conv_first", "body_end": "trunk_conv", "hr": "HRconv"}
        esrgan |= {"tail": "conv_last"} | {f"up.{i}": f"upconv{i + 1}" for i in ups}
        oldest = {"head": "model.0", "body_end": f"model.1.sub.{self.num_blocks}"}
        oldest |= {f"up.{i}": f"model.{3 * i + 3}" for i in ups}
        oldest |= {"hr": f"model.{after + 2}", "tail": f"model.{after + 4}"}
        for block in range(self.num_blocks):
            for dense in range(3):
                for conv in range(5):
                    name = f"body.{block}.blocks.{dense}.convs.{conv}"
                    place = f"{dense + 1}.conv{conv + 1}"
                    current[name] = f"body.{block}.rdb{place}"
                    esrgan[name] = f"RRDB_trunk.{block}.RDB{place}"
                    oldest[name] = f"model.1.sub.{block}.RDB{place}.0"
        return [
            KeyMap("Real-ESRGAN and BasicSR", layers(current)),
            KeyMap("the authors' ESRGAN", layers(esrgan)),
            KeyMap("the authors' first ESRGAN", layers(oldest)),
        ]


class DenseBlock(nn.Module):
    """Five densely connected convolutions, the last without activation (figure 4)."""

    def __init__(self, num_features: int, growth: int) -> None:
        super().__init__()
        convs = [
            nn.Conv2d(num_features + i * growth, growth if i < 4 else num_features, 3, padding=1)
            for i in range(5)
        ]
        for conv in convs:  # residual blocks start small: a tenth of He et al. (section 3.1)
            nn.init.kaiming_normal_(conv.weight)
            with torch.no_grad():
                conv.weight.mul_(0.1)
                assert conv.bias is not None
                conv.bias.zero_()
        self.convs = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        seen = x
        for conv in self.convs[:-1]:
            seen = torch.cat([seen, functional.leaky_relu(conv(seen), SLOPE)], dim=1)
        return x + self.convs[-1](seen) * RESIDUAL_SCALE


class ResidualInResidual(nn.Module):
    """Three dense blocks, scaled and added to the input."""

    def __init__(self, num_features: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(DenseBlock(num_features, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + self.blocks(x) * RESIDUAL_SCALE


class RRDB(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: RRDBConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels

        def conv() -> nn.Conv2d:
            return nn.Conv2d(features, features, 3, padding=1)

        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualInResidual(features, config.growth) for _ in range(config.num_blocks))
        )
        self.body_end = conv()
        self.factors = factors(scale)
        self.up = nn.ModuleList(conv() for _ in self.factors)
        self.hr = conv()
        self.tail = ThinConv2d(features, channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        head = self.head(lr)
        features = head + self.body_end(self.body(head))
        for conv, factor in zip(self.up, self.factors, strict=True):
            larger = functional.interpolate(features, scale_factor=factor, mode="nearest")
            features = functional.leaky_relu(conv(larger), SLOPE)
        return self.tail(functional.leaky_relu(self.hr(features), SLOPE))
