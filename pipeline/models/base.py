"""The contract of a network."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from pipeline.models.keys import KeyMap
from pipeline.schema import PresetConfig

Colour = Literal["luma", "rgb"]


class SRNetwork(nn.Module, ABC):
    """Maps low resolution to high: `forward(lr) -> sr`.

    (N, C, H, W) in [0, 1] to (N, C, scale * H, scale * W), not clamped; C is `num_channels`. Any
    H and W from `min_size` up are accepted. Pre-upsampling networks interpolate inside.

    Attributes:
        scale: Enlargement of height and width.
        colour: `luma` networks take the Y of BT.601 (studio range, as `pipeline.images.colour`
            gives it); callers that hold RGB go through `pipeline.models.run_on_rgb`.
        min_size: Smallest height and width of the LR input.
    """

    min_size: int = 1

    def __init__(self, *, scale: int, colour: Colour) -> None:
        super().__init__()
        self.scale = scale
        self.colour: Colour = colour
        self.num_channels = 1 if colour == "luma" else 3

    @abstractmethod
    def forward(self, lr: Tensor) -> Tensor:
        """Return the super-resolved batch."""

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """Return every supervised output, the final one last.

        Outputs smaller than the final one are levels (their target is the HR shrunk to their
        size); outputs of the same size are iterations or recursions (same target). Networks
        supervised at one place only inherit this.
        """
        return [self(lr)]


class NetworkConfig(PresetConfig):
    """Settings of one network; subclasses add `name: Literal[...]` and `build`.

    Attributes:
        paper: Reference for tables: authors, title, venue.
        year: Year of the paper.
        scales: Scales that the network is defined for.
    """

    paper: ClassVar[str]
    year: ClassVar[int]
    scales: ClassVar[Sequence[int]] = (2, 3, 4, 8)

    @classmethod
    def group(cls) -> str:
        """Folder that the network's file is in, such as `post_upsampling`."""
        return cls.__module__.split(".")[2]

    def check_scale(self, scale: int) -> None:
        """Refuse a scale that the network is not defined for.

        Raises:
            ValueError: Naming the scales that there are.
        """
        if scale not in self.scales:
            name = getattr(self, "name", type(self).__name__)
            known = ", ".join(f"x{known}" for known in self.scales)
            raise ValueError(f"{name} is not defined for scale {scale} (defined for {known})")

    def key_maps(self, *, scale: int) -> Sequence[KeyMap]:
        """Formats of published checkpoints that fit this configuration; none by default."""
        return ()

    @abstractmethod
    def build(self, *, scale: int) -> SRNetwork:
        """Construct the network with freshly initialised weights.

        Raises:
            ValueError: If the network is not defined for `scale`.
        """
        raise NotImplementedError
