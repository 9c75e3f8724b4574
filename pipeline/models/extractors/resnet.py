"""ResNet-50 up to its last stage.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; the stride lies in
the 3x3 convolution of a stage's first block, as torchvision has it. 23,508,032 parameters without
the classifier. `stage3` is the third stage (torchvision's `layer3`) after its last activation,
`stage3_pre` before it; `stem` and `stem_pre` likewise, ahead of the pooling.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pipeline.models.extractors.base import FeatureExtractor, Features, Layer, PublishedConfig

_BLOCKS = (3, 4, 6, 3)


def _layers() -> dict[str, Layer]:
    layers = {"stem_pre": Layer(64, 2), "stem": Layer(64, 2)}
    for stage in (1, 2, 3, 4):
        layer = Layer(256 * 2 ** (stage - 1), 2 ** (stage + 1))
        layers |= {f"stage{stage}_pre": layer, f"stage{stage}": layer}
    return layers


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut; the sum is not yet activated."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, 4 * width, H / stride, W / stride)."""
        inner = torch.relu(self.bn1(self.conv1(x)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        return self.bn3(self.conv3(inner)) + self.downsample(x)


class ResNet50(FeatureExtractor):
    """ResNet-50 with torchvision's keys (`layer1.0.conv1.weight`, ...)."""

    layers: Mapping[str, Layer] = _layers()

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for stage, blocks in enumerate(_BLOCKS, start=1):
            width = 64 * 2 ** (stage - 1)
            sequence = nn.Sequential()
            for index in range(blocks):
                stride = 2 if index == 0 and stage > 1 else 1
                sequence.append(Bottleneck(inputs, width, stride))
                inputs = 4 * width
            self.add_module(f"layer{stage}", sequence)

    def compute(self, x: Tensor, layers: Collection[str]) -> Features:
        """Compute the layers from a normalised batch."""
        features = {"stem_pre": self.bn1(self.conv1(x))}
        features["stem"] = torch.relu(features["stem_pre"])
        x = self.maxpool(features["stem"])
        for stage in (1, 2, 3, 4):
            if set(layers) <= features.keys():
                break
            for block in self.get_submodule(f"layer{stage}").children():
                before = block(x)
                x = torch.relu(before)
            features |= {f"stage{stage}_pre": before, f"stage{stage}": x}
        return {name: features[name] for name in layers}


class ResNet50Config(PublishedConfig):
    """ResNet-50 with torchvision's `IMAGENET1K_V1` weights (103 MB)."""

    url: ClassVar[str] = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
    sha256: ClassVar[str] = "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"
    layers: ClassVar[Mapping[str, Layer]] = ResNet50.layers

    name: Literal["resnet50"] = "resnet50"

    def architecture(self) -> FeatureExtractor:
        """Construct the extractor with freshly initialised weights."""
        return ResNet50()
