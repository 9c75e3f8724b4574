"""DBPN: alternating up- and down-projections, each correcting itself by its back-projection.

Haris et al., "Deep Back-Projection Networks for Super-Resolution", CVPR 2018, figures 3 to 5 and
section 4.2. An up-projection enlarges, shrinks its result again, and enlarges the *error* against
its input as a correction; a down-projection does the mirror image. All HR features are
concatenated for reconstruction. Published (x4): 10.4M parameters for D-DBPN (T = 7, dense
connections, RGB); S, M and L (T = 2, 4, 6; luma, reconstruction by a 1x1 convolution) of section
4.2. Faithful, weights start from He et al.'s distribution as in the authors' code; x3, which the
paper leaves out, follows its rule kernel = scale + 4.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.models.base import Colour, NetworkConfig, SRNetwork
from pipeline.models.blocks import enlarging_conv, he_initialise, shrinking_conv
from pipeline.models.keys import KeyMap, layers, reversed_inputs
from pipeline.models.thin import ThinConv2d


class DBPNConfig(NetworkConfig):
    """Settings of DBPN; the defaults are DBPN-S."""

    paper: ClassVar[str] = "Haris et al., Deep Back-Projection Networks for SR, CVPR 2018"
    year: ClassVar[int] = 2018
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "s": {},
        "m": {"num_stages": 4},
        "l": {"num_stages": 6},
        "d-dbpn": {
            "colour": "rgb",
            "num_initial": 256,
            "num_features": 64,
            "num_stages": 7,
            "dense": True,
            "reconstruction_kernel": 3,
        },
    }

    name: Literal["dbpn"] = "dbpn"
    colour: Colour = "luma"
    num_initial: int = Field(128, gt=0)  # n0, features of the first convolution
    num_features: int = Field(32, gt=0)  # nR, features of the projections
    num_stages: int = Field(2, gt=0)  # T, up-projections; there are T - 1 down-projections
    dense: bool = False  # every projection sees all earlier ones of the other kind (figure 4)
    reconstruction_kernel: Literal[1, 3] = 1

    def build(self, *, scale: int) -> "DBPN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return DBPN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' D-DBPN, github.com/alterzero/DBPN-Pytorch, which concatenates newest first.

        Of their other networks none has been compared.
        """
        if not self.dense:
            return ()
        names = {"head.0": "feat0.conv", "head.2": "feat1.conv"}
        slopes = {"head.1": "feat0.act", "head.3": "feat1.act"}
        mixing = {"tail": "output_conv.conv"}
        for side, count, there, back in (
            ("up", self.num_stages, "deconv", "conv"),
            ("down", self.num_stages - 1, "conv", "deconv"),
        ):
            for stage in range(count):
                ours, theirs = f"{side}s.{stage}", f"{side}{stage + 1}"
                parts = (("project", 1, there), ("back", 2, back), ("correct", 3, there))
                for part, number, kind in parts:
                    names[f"{ours}.{part}.0"] = f"{theirs}.{side}_conv{number}.{kind}"
                    slopes[f"{ours}.{part}.1"] = f"{theirs}.{side}_conv{number}.act"
                if stage >= (2 if side == "up" else 1):
                    mixing[f"{ours}.mix.0"] = f"{theirs}.conv.conv"
                    slopes[f"{ours}.mix.1"] = f"{theirs}.conv.act"
        sources = layers(names) | layers(slopes, parts={"weight": ".weight"})
        sources |= layers(mixing, parts={"bias": ".bias"})
        newest_first = reversed_inputs(self.num_features)
        sources |= layers(mixing, parts={"weight": ".weight"}, convert=newest_first)
        return [KeyMap("the authors' D-DBPN", sources)]


class Projection(nn.Module):
    """An up- or down-projection unit (figure 3), or its dense form that first mixes its inputs."""

    def __init__(self, num_features: int, scale: int, *, up: bool, num_inputs: int) -> None:
        super().__init__()
        there = enlarging_conv if up else shrinking_conv
        back = shrinking_conv if up else enlarging_conv
        self.mix = (
            nn.Sequential(nn.Conv2d(num_inputs * num_features, num_features, 1), nn.PReLU())
            if num_inputs > 1
            else nn.Identity()
        )
        self.project = nn.Sequential(there(num_features, scale), nn.PReLU())
        self.back = nn.Sequential(back(num_features, scale), nn.PReLU())
        self.correct = nn.Sequential(there(num_features, scale), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Up: (N, inputs * F, H, W) -> (N, F, scale * H, scale * W); down: the reverse sizes."""
        x = self.mix(x)
        projected = self.project(x)
        return projected + self.correct(self.back(projected) - x)


class DBPN(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: DBPNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        initial, features, stages = config.num_initial, config.num_features, config.num_stages
        self.dense = config.dense
        self.head = nn.Sequential(
            nn.Conv2d(self.num_channels, initial, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(initial, features, 1),
            nn.PReLU(),
        )
        # The up-projection of stage t sees the t down-projections before it (the first one the
        # initial features), the down-projection the t + 1 up-projections.
        self.ups = nn.ModuleList(
            Projection(features, scale, up=True, num_inputs=max(t, 1) if self.dense else 1)
            for t in range(stages)
        )
        self.downs = nn.ModuleList(
            Projection(features, scale, up=False, num_inputs=t + 1 if self.dense else 1)
            for t in range(stages - 1)
        )
        kernel = config.reconstruction_kernel
        self.tail = ThinConv2d(stages * features, self.num_channels, kernel)
        he_initialise(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        hr_features = [self.ups[0](self.head(lr))]  # each (N, F, scale * H, scale * W)
        lr_features: list[Tensor] = []  # each (N, F, H, W)
        for down, up in zip(self.downs, self.ups[1:], strict=True):
            lr_features.append(down(self._seen(hr_features)))
            hr_features.append(up(self._seen(lr_features)))
        return self.tail(torch.cat(hr_features, dim=1))

    def _seen(self, features: list[Tensor]) -> Tensor:
        return torch.cat(features, dim=1) if self.dense else features[-1]
