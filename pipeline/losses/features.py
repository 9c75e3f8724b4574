"""Losses between feature maps of a pretrained network: content and texture.

Features of the target are computed without gradient. Terms that use the same extractor share its
features: `WeightedLoss` computes them once for all. A batch of one channel is repeated to three,
since the extractors were trained on RGB.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from pipeline.losses.base import Loss, LossConfig
from pipeline.models.extractors import (
    AnyExtractorConfig,
    FeatureExtractor,
    Features,
    check_layer,
)

Criterion = Literal["l1", "l2"]

_DISTANCES = {"l1": functional.l1_loss, "l2": functional.mse_loss}


class FeaturePair(NamedTuple):
    """Features of a prediction, and of its target without gradient."""

    sr: Features
    hr: Features


def feature_pair(
    extractor: FeatureExtractor, layers: Collection[str], sr: Tensor, hr: Tensor
) -> FeaturePair:
    """Compute the layers of a prediction and its target, (N, C, H, W) in [0, 1]."""
    with torch.no_grad():
        target = extractor(hr, layers)
    return FeaturePair(extractor(sr, layers), target)


def gram(features: Tensor) -> Tensor:
    """Correlations between the channels of a feature map.

    Args:
        features: (N, F, H, W).

    Returns:
        (N, F, F): the sum of products over all positions, divided by F * H * W.

    References:
        Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016,
        eq. 3; normalised as in Johnson et al., "Perceptual Losses for Real-Time Style Transfer
        and Super-Resolution", ECCV 2016, section 3.2.
    """
    flat = features.flatten(2)
    return flat @ flat.mT / (flat.shape[1] * flat.shape[2])


def into_patches(features: Tensor, size: int) -> Tensor:
    """Cut feature maps into squares side by side.

    Args:
        features: (N, F, H, W).
        size: Side of a square, in positions.

    Returns:
        (N * number of squares, F, size, size).

    Raises:
        ValueError: If height or width is no multiple of `size`.
    """
    number, channels, height, width = features.shape
    if height % size or width % size:
        raise ValueError(f"feature maps of {width}x{height} are no multiple of {size}x{size}")
    squares = features.reshape(number, channels, height // size, size, width // size, size)
    return squares.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, size, size)


class FeatureLoss(Loss):
    """A loss that sees a picture through an extractor.

    Attributes:
        extractor: What computes the features.
        layers: Names of the feature maps that are used.
    """

    def __init__(self, extractor: FeatureExtractor, layers: Collection[str]) -> None:
        super().__init__()
        self.extractor = extractor
        self.layers = tuple(layers)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return self.compare(feature_pair(self.extractor, self.layers, sr, hr))

    @abstractmethod
    def compare(self, pair: FeaturePair) -> Tensor:
        """Return the loss from features that are already computed, a scalar."""
        raise NotImplementedError


class FeatureLossConfig(LossConfig):
    """What the losses between feature maps share.

    Attributes:
        extractor: The pretrained network.
        layers: Weight of each layer by its name, such as `conv5_4` (before the activation) or
            `relu5_4` (after it).
        criterion: Distance between feature maps, or their Gram matrices.
    """

    extractor: AnyExtractorConfig
    layers: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    criterion: Criterion

    @model_validator(mode="after")
    def _known_layers(self) -> "FeatureLossConfig":
        for layer in self.layers:
            check_layer(layer, self.extractor.layers)
        return self

    def build(self) -> Loss:
        """Construct the loss with an extractor of its own."""
        return self.build_on(self.extractor.build())

    @abstractmethod
    def build_on(self, extractor: FeatureExtractor) -> FeatureLoss:
        """Construct the loss on an extractor built from `self.extractor`."""
        raise NotImplementedError


class ContentConfig(FeatureLossConfig):
    """Distance between feature maps, the perceptual loss.

    Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
    2016, eq. 2; SRGAN: VGG-19's `relu5_4` with L2 (Ledig et al., CVPR 2017, eq. 5); ESRGAN:
    `conv5_4` with L1 (Wang et al., ECCVW 2018, section 3.3).
    """

    name: Literal["content"] = "content"
    criterion: Criterion = "l1"

    def build_on(self, extractor: FeatureExtractor) -> FeatureLoss:
        """Construct the loss on an extractor built from `self.extractor`."""
        return Content(extractor, self.layers, self.criterion)


class Content(FeatureLoss):
    """Weighted sum over the layers of the mean distance between their features."""

    def __init__(
        self, extractor: FeatureExtractor, weights: Mapping[str, float], criterion: Criterion
    ) -> None:
        super().__init__(extractor, weights)
        self.weights = dict(weights)
        self.distance = _DISTANCES[criterion]

    def compare(self, pair: FeaturePair) -> Tensor:
        """Return the loss, a scalar."""
        parts = [
            weight * self.distance(pair.sr[layer], pair.hr[layer])
            for layer, weight in self.weights.items()
        ]
        return torch.stack(parts).sum()


class TextureConfig(FeatureLossConfig):
    """Distance between Gram matrices: the same patterns, wherever they are.

    Patch-wise: Sajjadi et al., "EnhanceNet", ICCV 2017, section 4.2.3, with patches of 16 pixels
    on VGG-19's `relu1_1`, `relu2_1`, `relu3_1`.

    Attributes:
        patch: Side, in pixels of the picture, of the patches whose matrices are compared one by
            one; null for the whole picture. A multiple of each layer's stride, and a divisor of
            the picture's sides.
    """

    name: Literal["texture"] = "texture"
    criterion: Criterion = "l2"
    patch: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _patch_fits_strides(self) -> "TextureConfig":
        for name in self.layers if self.patch is not None else ():
            stride = self.extractor.layers[name].stride
            if self.patch is not None and self.patch % stride:
                raise ValueError(
                    f"patch {self.patch} is no multiple of {stride}, the stride of layer {name!r}"
                )
        return self

    def build_on(self, extractor: FeatureExtractor) -> FeatureLoss:
        """Construct the loss on an extractor built from `self.extractor`."""
        return Texture(extractor, self.layers, self.criterion, self.patch)


class Texture(FeatureLoss):
    """Weighted sum over the layers of the mean distance between their Gram matrices."""

    def __init__(
        self,
        extractor: FeatureExtractor,
        weights: Mapping[str, float],
        criterion: Criterion,
        patch: int | None,
    ) -> None:
        super().__init__(extractor, weights)
        self.weights = dict(weights)
        self.distance = _DISTANCES[criterion]
        self.patch = patch

    def compare(self, pair: FeaturePair) -> Tensor:
        """Return the loss, a scalar."""
        parts = [
            weight
            * self.distance(self._gram(layer, pair.sr[layer]), self._gram(layer, pair.hr[layer]))
            for layer, weight in self.weights.items()
        ]
        return torch.stack(parts).sum()

    def _gram(self, layer: str, features: Tensor) -> Tensor:
        if self.patch is None:
            return gram(features)
        return gram(into_patches(features, self.patch // self.extractor.layers[layer].stride))
