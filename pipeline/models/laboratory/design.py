"""The design laboratory's choices, and which of their combinations make no sense.

The choices are those of the surveys' figures of design strategies: Wang et al., "Deep Learning
for Image Super-resolution: A Survey", TPAMI 2021, figures 2 to 4, and Bashir et al., "A
comprehensive review of deep learning-based single image super-resolution", PeerJ Computer Science
2021. Every combination that no rule is against builds, runs and trains.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import ClassVar, Literal, NamedTuple, get_args

from pydantic import Field, model_validator

from pipeline.models.base import Colour, NetworkConfig, SRNetwork

Placement = Literal["pre", "post", "progressive", "iterative"]
Block = Literal[
    "plain",
    "residual",
    "recursive",
    "dense",
    "channel_attention",
    "dilated",
    "group",
    "depthwise",
    "multi_path",
    "pyramid_pooling",
]
Skips = Literal["none", "local", "global", "both"]
Upsampler = Literal["transposed", "sub_pixel", "resize_convolution", "interpolation"]
Normalisation = Literal["none", "batch", "instance", "layer", "group", "weight"]
Activation = Literal["relu", "leaky_relu", "prelu", "elu", "gelu", "silu"]


class Design(NamedTuple):
    """One value for each choice, valid or not."""

    placement: Placement
    block: Block
    skips: Skips
    upsampler: Upsampler
    normalisation: Normalisation
    activation: Activation


class Rule(NamedTuple):
    """A sentence against some designs at some scales; without a scale, against them at any."""

    reason: str
    forbids: Callable[[Design, int | None], bool]


RULES = (
    Rule(
        "a network that enlarges before its first layer has nothing learned to enlarge with: "
        "placement pre takes upsampler interpolation",
        lambda design, _: design.placement == "pre" and design.upsampler != "interpolation",
    ),
    Rule(
        "a residual block is a local skip: block residual takes skips local or both",
        lambda design, _: design.block == "residual" and design.skips in ("none", "global"),
    ),
    Rule(
        "instance normalisation takes away the mean and contrast of every channel, and without a "
        "skip the picture's brightness never reaches the output: normalisation instance takes "
        "skips local, global or both",
        lambda design, _: design.normalisation == "instance" and design.skips == "none",
    ),
    Rule(
        "channel attention weighs channels by their means, which instance normalisation has made "
        "the same for every picture: block channel_attention takes another normalisation",
        lambda design, _: (
            design.block == "channel_attention" and design.normalisation == "instance"
        ),
    ),
    Rule(
        "progressive levels double the size: placement progressive takes scales that are powers "
        "of two",
        lambda design, scale: (
            design.placement == "progressive" and scale is not None and scale & (scale - 1) != 0
        ),
    ),
)


def reason_against(design: Design, *, scale: int | None = None) -> str | None:
    """Say in one sentence why a design makes no sense, or nothing if it does.

    Args:
        design: The combination.
        scale: Enlargement; without it, only what holds at every scale counts.
    """
    return next((rule.reason for rule in RULES if rule.forbids(design, scale)), None)


def designs() -> Iterator[Design]:
    """Every combination, valid or not, always in the same order."""
    choices = (Placement, Block, Skips, Upsampler, Normalisation, Activation)
    for values in product(*(get_args(choice) for choice in choices)):
        yield Design(*values)


class LaboratoryConfig(NetworkConfig):
    """Settings of a network put together from design choices."""

    paper: ClassVar[str] = "Wang et al., Deep Learning for Image SR: A Survey, TPAMI 2021"
    year: ClassVar[int] = 2021

    name: Literal["laboratory"] = "laboratory"
    colour: Colour = "rgb"
    placement: Placement = "post"  # where it enlarges
    block: Block = "residual"
    # Local: around every block. Global: from the interpolated picture to the output.
    skips: Skips = "both"
    upsampler: Upsampler = "sub_pixel"
    normalisation: Normalisation = "none"  # after the convolutions of the blocks
    activation: Activation = "relu"  # before the convolutions of the blocks
    num_features: int = Field(32, gt=0, multiple_of=16)  # blocks split them by up to 16
    # In all: progressive levels and up-and-down iterations share them out, at least one each.
    num_blocks: int = Field(6, gt=0)

    @property
    def design(self) -> Design:
        """The choices alone."""
        return Design(
            self.placement,
            self.block,
            self.skips,
            self.upsampler,
            self.normalisation,
            self.activation,
        )

    @model_validator(mode="after")
    def _makes_sense(self) -> "LaboratoryConfig":
        reason = reason_against(self.design)
        if reason is not None:
            raise ValueError(reason)
        return self

    def check_scale(self, scale: int) -> None:
        """Refuse a scale that the design is not defined for.

        Raises:
            ValueError: Saying why.
        """
        super().check_scale(scale)
        reason = reason_against(self.design, scale=scale)
        if reason is not None:
            raise ValueError(f"{self.name} x{scale}: {reason}")

    def build(self, *, scale: int) -> SRNetwork:
        """Construct the network with freshly initialised weights."""
        from pipeline.models.laboratory.network import Laboratory

        self.check_scale(scale)
        return Laboratory(self, scale=scale)
