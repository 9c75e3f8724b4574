"""AlexNet up to its last convolution, the default backbone of LPIPS.

Krizhevsky, "One Weird Trick for Parallelizing Convolutional Neural Networks", 2014: the variant
of one tower that torchvision publishes; 2,469,696 parameters in the convolutions.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

from torch import Tensor, nn

from pipeline.models.extractors.base import FeatureExtractor, Features, Layer, PublishedConfig

_LAYERS = {
    "conv1": Layer(64, 4, smallest=7),
    "relu1": Layer(64, 4, smallest=7),
    "pool1": Layer(64, 8, smallest=15),
    "conv2": Layer(192, 8, smallest=15),
    "relu2": Layer(192, 8, smallest=15),
    "pool2": Layer(192, 16, smallest=31),
    "conv3": Layer(384, 16, smallest=31),
    "relu3": Layer(384, 16, smallest=31),
    "conv4": Layer(256, 16, smallest=31),
    "relu4": Layer(256, 16, smallest=31),
    "conv5": Layer(256, 16, smallest=31),
    "relu5": Layer(256, 16, smallest=31),
}


class AlexNet(FeatureExtractor):
    """The convolutions of AlexNet, with torchvision's keys (`features.0.weight`, ...)."""

    layers: Mapping[str, Layer] = _LAYERS

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )

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


class AlexNetConfig(PublishedConfig):
    """AlexNet with torchvision's `IMAGENET1K_V1` weights (244 MB, most of it unused)."""

    url: ClassVar[str] = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
    sha256: ClassVar[str] = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
    layers: ClassVar[Mapping[str, Layer]] = _LAYERS

    name: Literal["alexnet"] = "alexnet"

    def architecture(self) -> FeatureExtractor:
        """Construct the extractor with freshly initialised weights."""
        return AlexNet()
