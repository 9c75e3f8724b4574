"""LPIPS, a distance between features of a pretrained classifier, weighted as people judged.

References:
    Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR
    2018, eq. 1; heads of the authors' release 0.1, the linear layers on a frozen classifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.base import checked_pair
from pipeline.models.extractors import WEIGHTS_FOLDER, FeatureExtractor, WeightsFile
from pipeline.models.extractors.alexnet import AlexNetConfig
from pipeline.models.extractors.base import PublishedConfig
from pipeline.models.extractors.vgg import VGG16Config
from pipeline.schema import StrictConfig

Backbone = Literal["alexnet", "vgg16"]


class LPIPSOptions(StrictConfig):
    """Options of `lpips`."""

    backbone: Backbone = "alexnet"


_HEADS_URL = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights"


@dataclass(frozen=True)
class Variant:
    """A backbone, the layers that are compared, and the file of the heads."""

    backbone: PublishedConfig
    layers: tuple[str, ...]
    heads: WeightsFile


def _heads_file(name: str, sha256: str) -> WeightsFile:
    url, path = f"{_HEADS_URL}/v0.1/{name}.pth", WEIGHTS_FOLDER / f"lpips_v0.1_{name}.pth"
    return WeightsFile(f"LPIPS ({name})", url, sha256, path)


VARIANTS: dict[Backbone, Variant] = {
    "alexnet": Variant(
        AlexNetConfig(),
        ("relu1", "relu2", "relu3", "relu4", "relu5"),
        _heads_file("alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
    ),
    "vgg16": Variant(
        VGG16Config(),
        ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
        _heads_file("vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
    ),
}


def lpips(
    sr: Tensor, hr: Tensor, *, data_range: float, border: int, backbone: Backbone = "alexnet"
) -> Tensor:
    """Learned perceptual distance, (N,): 0 for identical pictures.

    Computed in single precision, as published.

    Args:
        sr: Picture to judge, (N, 3, H, W) RGB in [0, data_range]; (N, 1, H, W) counts as grey.
        hr: Reference, same shape and range.
        data_range: Largest possible intensity.
        border: Pixels to cut off each side.
        backbone: `alexnet`, which published tables use, or `vgg16`.

    Raises:
        ValueError: If the shapes differ, there are neither one nor three channels, or a picture
            is too small for the backbone.
        UserError: If the weights of the backbone or the heads are missing, saying where to get
            them.
    """
    sr, hr = checked_pair(sr, hr, data_range=data_range, border=border, metric="LPIPS")
    if sr.shape[1] not in (1, 3):
        raise ValueError(f"LPIPS takes RGB or grey, 3 or 1 channels, not {sr.shape[1]}")
    extractor, heads = _pretrained(backbone)
    with torch.inference_mode():
        pairs = zip(sr.float() / data_range, hr.float() / data_range, strict=True)
        # One picture at a time, for the memory of the feature maps.
        values = [weighted_distance(extractor, heads, x[None], y[None]) for x, y in pairs]
    return torch.cat(values).double()


def weighted_distance(
    extractor: FeatureExtractor, heads: Mapping[str, Tensor], sr: Tensor, hr: Tensor
) -> Tensor:
    """Distance between features of unit length at each position, weighted by channel.

    Args:
        extractor: What computes the features.
        heads: Weight of each channel, (F,), by layer.
        sr: (N, C, H, W), in [0, 1].
        hr: Same shape and range.

    Returns:
        (N,): the mean over positions, summed over layers.
    """
    features = [extractor(x, heads.keys()) for x in (sr, hr)]
    total = sr.new_zeros(len(sr))
    for layer, weights in heads.items():
        x, y = (_unit_length(maps[layer]) for maps in features)
        total = total + torch.einsum("nchw,c->nhw", (x - y).square(), weights).mean((1, 2))
    return total


def _unit_length(features: Tensor) -> Tensor:
    return features / (torch.linalg.vector_norm(features, dim=1, keepdim=True) + 1e-10)


def required_weights(backbone: Backbone = "alexnet") -> list[WeightsFile]:
    """Files that must be there before LPIPS can be computed."""
    variant = VARIANTS[backbone]
    return [file for file in (variant.backbone.weights_file, variant.heads) if file is not None]


@lru_cache
def _pretrained(backbone: Backbone) -> tuple[FeatureExtractor, dict[str, Tensor]]:
    variant = VARIANTS[backbone]
    extractor = variant.backbone.build()
    sizes = {layer: extractor.layers[layer].channels for layer in variant.layers}
    return extractor, load_heads(variant.heads, sizes)


def load_heads(file: WeightsFile, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Read the published linear heads.

    Args:
        file: Where they lie.
        sizes: Number of channels of each layer, in the order of the heads.

    Returns:
        Weights by layer, (channels,).

    Raises:
        UserError: If the file is missing, broken, or of another backbone.
    """
    if not file.path.is_file():
        raise UserError(
            f"{file.path}: the heads of {file.name} are missing; they are published at {file.url} "
            f"(sha256 {file.sha256}). Run `dvc repro download`"
        )
    try:
        state = torch.load(file.path, map_location="cpu", weights_only=True)
        heads = [state[f"lin{i}.model.1.weight"].flatten() for i in range(len(sizes))]
    except Exception as error:  # a broken pickle raises almost anything
        raise UserError(f"{file.path}: these are not the heads of LPIPS ({error})") from None
    if [len(head) for head in heads] != list(sizes.values()):
        raise UserError(f"{file.path}: these heads are for another backbone than {file.name}")
    return dict(zip(sizes, heads, strict=True))
