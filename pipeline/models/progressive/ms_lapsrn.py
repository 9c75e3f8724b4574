"""MS-LapSRN: LapSRN with one recursive block whose weights all levels and recursions share.

Lai et al., "Fast and Accurate Image Super-Resolution with Deep Laplacian Pyramid Networks", IEEE
TPAMI 2018, sections 3.3 and 3.4: D convolutions in a block, R recursions a level, each adding the
level's input again (shared-source skips, "SS"). Published: 222K parameters for D5R2, D5R5 and D5R8
alike. Faithful to the released models: leaky ReLU of 0.2 *before* each convolution, the residual is
predicted from the linear output of the feature upsampling. One set of weights serves all scales,
hence one released file.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Colour, NetworkConfig
from pipeline.models.keys import KeyMap
from pipeline.models.progressive.lapsrn import (
    SLOPE,
    FeatureUpsample,
    ImageUpsample,
    initialise,
    matconvnet_layers,
)
from pipeline.models.progressive.levels import ProgressiveNetwork
from pipeline.models.thin import ThinConv2d


class MSLapSRNConfig(NetworkConfig):
    """Settings of MS-LapSRN."""

    paper: ClassVar[str] = "Lai et al., Fast and Accurate SR with Deep Laplacian Pyramids, TPAMI"
    year: ClassVar[int] = 2018
    scales: ClassVar[Sequence[int]] = (2, 4, 8)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "d5r2": {},
        "d5r5": {"num_recursions": 5},
        "d5r8": {"num_recursions": 8},
    }

    name: Literal["ms_lapsrn"] = "ms_lapsrn"
    colour: Colour = "luma"
    num_features: int = Field(64, gt=0)
    num_layers: int = Field(5, gt=0)  # D
    num_recursions: int = Field(2, gt=0)  # R

    def build(self, *, scale: int) -> "MSLapSRN":
        """Construct the network with freshly initialised weights."""
        self.check_scale(scale)
        return MSLapSRN(self, scale=scale)

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """The authors' MatConvNet files, github.com/phoenix104104/LapSRN.

        The weights of D5R2, D5R5 and D5R8 have the same shapes; the layers tell them apart.
        """
        names = {"head": "input_conv", "upsample": "upconv", "residual": "residual_conv"}
        names |= {f"convs.{i}": f"conv{i + 1}" for i in range(self.num_layers)}
        sources = matconvnet_layers(names, {"image_upsample": "img_up"})
        return [KeyMap("the authors' MS-LapSRN", sources, graph=self._check_recursions)]

    def _check_recursions(self, layer_names: Collection[str]) -> str:
        """Compare with layers such as `x4SR_level1_R2_conv5`."""
        found = [re.search(r"_R(\d+)_", name) for name in layer_names]
        count = max((int(match[1]) for match in found if match), default=self.num_recursions)
        return "" if count == self.num_recursions else f"its levels have {count} recursions"


class MSLapSRN(ProgressiveNetwork):
    """See the module's docstring."""

    def __init__(self, config: MSLapSRNConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        self.num_recursions = config.num_recursions
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.convs = nn.ModuleList(
            nn.Conv2d(features, features, 3, padding=1) for _ in range(config.num_layers)
        )
        self.upsample = FeatureUpsample(features)
        self.residual = ThinConv2d(features, channels, 3)
        self.image_upsample = ImageUpsample(channels)
        initialise(self)

    def pictures(self, lr: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """See the base class."""
        features, image = self.head(lr), lr
        found = []
        for number in range(1, wanted[-1] + 1):
            features = self.upsample(functional.leaky_relu(self._embed(features), SLOPE))
            image = self.image_upsample(image) + self.residual(features)
            if number in wanted:
                found.append(image)
        return found

    def _embed(self, source: Tensor) -> Tensor:
        features = source
        for _ in range(self.num_recursions):
            for conv in self.convs:
                features = conv(functional.leaky_relu(features, SLOPE))
            features = features + source
        return features
