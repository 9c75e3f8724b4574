"""A discriminator of feature maps: it sees pictures through a pretrained network.

Park et al., "SRFeat: Single Image Super-Resolution with Feature Discrimination", ECCV 2018,
section 3.2: the architecture of SRGAN's discriminator on the features of VGG-19's last block.
"""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.models.discriminators.base import Discriminator, DiscriminatorConfig
from pipeline.models.discriminators.vgg import (
    Head,
    Norm,
    VGGDiscriminator,
    VGGDiscriminatorConfig,
)
from pipeline.models.extractors import AnyExtractorConfig, check_layer


class FeatureDiscriminatorConfig(DiscriminatorConfig):
    """Settings of the feature-level discriminator.

    Attributes:
        extractor: The pretrained network.
        layer: The feature map that is judged, such as `conv5_4`.
        num_features: Of the first convolution; the last one has eight times as many.
        norm: Normalisation after each convolution but the first.
        head: `dense` layers on all positions as published (one patch size), or on their mean.
    """

    name: Literal["feature"] = "feature"
    extractor: AnyExtractorConfig
    layer: str
    num_features: int = Field(64, gt=0)
    norm: Norm = "batch"
    head: Head = "dense"

    @model_validator(mode="after")
    def _known_layer(self) -> "FeatureDiscriminatorConfig":
        check_layer(self.layer, self.extractor.layers)
        return self

    @property
    def batch_statistics(self) -> bool:
        """Whether the logit of one picture depends on the others of the batch."""
        return self.norm == "batch"

    def build(self, *, num_channels: int, patch_size: int | None) -> Discriminator:
        """Construct the discriminator; both arguments are those of the pictures."""
        layer = self.extractor.layers[self.layer]
        if patch_size is not None and patch_size % layer.stride:
            raise ValueError(
                f"discriminator 'feature' on {self.layer!r} needs a patch size that is a multiple "
                f"of {layer.stride}, not {patch_size}"
            )
        side = None if patch_size is None else patch_size // layer.stride
        settings = VGGDiscriminatorConfig(
            num_features=self.num_features, norm=self.norm, head=self.head
        )
        return VGGDiscriminator(settings, layer.channels, side)
