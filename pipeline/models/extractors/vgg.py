"""VGG-16 and VGG-19, the extractors of most perceptual losses, up to their last convolution.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015, table 1, columns D and E. The convolutions have 14,714,688 and 20,024,384 parameters.
`conv3_2` is the second convolution of the third block before its activation, `relu3_2` after it,
`pool3` the third pooling.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from pipeline.models.extractors.base import FeatureExtractor, Features, Layer, PublishedConfig

_CHANNELS = (64, 128, 256, 512, 512)


def _layers(convolutions: Sequence[int]) -> dict[str, Layer]:
    """Layers by name in torchvision's order, for so many convolutions in each block."""
    layers = {}
    for block, (count, channels) in enumerate(zip(convolutions, _CHANNELS, strict=True), start=1):
        for index in range(1, count + 1):
            layers[f"conv{block}_{index}"] = Layer(channels, 2 ** (block - 1))
            layers[f"relu{block}_{index}"] = Layer(channels, 2 ** (block - 1))
        layers[f"pool{block}"] = Layer(channels, 2**block)
    return layers


class VGG(FeatureExtractor):
    """The convolutions of a VGG, with torchvision's keys (`features.0.weight`, ...)."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__()
        self.layers = layers
        self.features = nn.Sequential()
        channels = 3
        for name, layer in layers.items():
            if name.startswith("conv"):
                self.features.append(nn.Conv2d(channels, layer.channels, 3, padding=1))
                channels = layer.channels
            else:
                self.features.append(nn.ReLU() if name.startswith("relu") else nn.MaxPool2d(2))

    def compute(self, x: Tensor, layers: Collection[str]) -> Features:
        """Compute the layers from a normalised batch."""
        features: Features = {}
        for name, module in zip(self.layers, self.features, strict=True):
            if len(features) == len(set(layers)):
                break
            x = module(x)
            if name in layers:
                features[name] = x
        return features


class VGG16Config(PublishedConfig):
    """VGG-16 with torchvision's `IMAGENET1K_V1` weights (553 MB, most of it unused)."""

    url: ClassVar[str] = "https://download.pytorch.org/models/vgg16-397923af.pth"
    sha256: ClassVar[str] = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
    layers: ClassVar[Mapping[str, Layer]] = _layers((2, 2, 3, 3, 3))

    name: Literal["vgg16"] = "vgg16"

    def architecture(self) -> FeatureExtractor:
        """Construct the extractor with freshly initialised weights."""
        return VGG(self.layers)


class VGG19Config(PublishedConfig):
    """VGG-19 with torchvision's `IMAGENET1K_V1` weights (575 MB, most of it unused)."""

    url: ClassVar[str] = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
    sha256: ClassVar[str] = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
    layers: ClassVar[Mapping[str, Layer]] = _layers((2, 2, 4, 4, 4))

    name: Literal["vgg19"] = "vgg19"

    def architecture(self) -> FeatureExtractor:
        """Construct the extractor with freshly initialised weights."""
        return VGG(self.layers)
