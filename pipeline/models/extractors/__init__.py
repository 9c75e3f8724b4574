"""Pretrained feature extractors, for losses and metrics: the whole list in one place."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from pipeline.models.extractors.alexnet import AlexNetConfig
from pipeline.models.extractors.base import (
    WEIGHTS_FOLDER,
    ExtractorConfig,
    FeatureExtractor,
    Features,
    Layer,
    Pixels,
    WeightsFile,
    check_layer,
)
from pipeline.models.extractors.efficientnet import EfficientNetLite0Config
from pipeline.models.extractors.resnet import ResNet50Config
from pipeline.models.extractors.vgg import VGG16Config, VGG19Config

AnyExtractorConfig = Annotated[
    VGG16Config | VGG19Config | AlexNetConfig | ResNet50Config | EfficientNetLite0Config,
    Field(discriminator="name"),
]


def required_weights(configs: Iterable[ExtractorConfig]) -> list[WeightsFile]:
    """Files that must be downloaded before these extractors can be built, each once."""
    files = [config.weights_file for config in configs]
    return list(dict.fromkeys(file for file in files if file is not None))


__all__ = [
    "WEIGHTS_FOLDER",
    "AnyExtractorConfig",
    "ExtractorConfig",
    "FeatureExtractor",
    "Features",
    "Layer",
    "Pixels",
    "WeightsFile",
    "check_layer",
    "required_weights",
]
