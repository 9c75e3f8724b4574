"""The discriminators: the whole list in one place."""

from typing import Annotated

from pydantic import Field

from pipeline.models.discriminators.base import Discriminator, DiscriminatorConfig
from pipeline.models.discriminators.feature import FeatureDiscriminatorConfig
from pipeline.models.discriminators.patch import PatchDiscriminatorConfig
from pipeline.models.discriminators.unet import UNetDiscriminatorConfig
from pipeline.models.discriminators.vgg import VGGDiscriminatorConfig

AnyDiscriminatorConfig = Annotated[
    VGGDiscriminatorConfig
    | PatchDiscriminatorConfig
    | UNetDiscriminatorConfig
    | FeatureDiscriminatorConfig,
    Field(discriminator="name"),
]

__all__ = [
    "AnyDiscriminatorConfig",
    "Discriminator",
    "DiscriminatorConfig",
    "FeatureDiscriminatorConfig",
]
