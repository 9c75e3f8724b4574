"""What the progressive networks share: pictures at several levels, alone or blended."""

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from pipeline.models.base import Colour, SRNetwork


class ProgressiveNetwork(SRNetwork):
    """A network whose level k is the picture at 2 ** k times the input, k = 1 ... num_levels."""

    def __init__(self, *, scale: int, colour: Colour) -> None:
        super().__init__(scale=scale, colour=colour)
        self.num_levels = num_levels(scale)

    @abstractmethod
    def pictures(self, lr: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Pictures of the wanted levels, in ascending order; no level above them is computed."""

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.pictures(lr, [self.num_levels])[0]

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """Pictures at 2, 4, ..., scale times the input."""
        return self.pictures(lr, range(1, self.num_levels + 1))

    def forward_level(self, lr: Tensor, level: int, *, blend: float = 1.0) -> Tensor:
        """Run as a smaller network that ends at `level`, for curricula that grow it.

        Args:
            lr: (N, C, H, W).
            level: 1 to `num_levels`.
            blend: Weight of the level's own picture against the bilinearly doubled picture of
                the level below (the LR itself at level 1): 0 when the level joins, 1 when it has
                taken over.

        Returns:
            (N, C, 2 ** level * H, 2 ** level * W).

        Raises:
            ValueError: If there is no such level, or `blend` is outside [0, 1].

        References:
            Wang et al., "A Fully Progressive Approach to Single-Image Super-Resolution", CVPRW
            2018, section 4.
        """
        wanted = [level] if blend == 1 else [level - 1, level]
        return self._up_to(lr, [number for number in wanted if number > 0], blend)[-1]

    def forward_levels(self, lr: Tensor, level: int, *, blend: float = 1.0) -> list[Tensor]:
        """Give the pictures of all levels up to `level`, the last one blended.

        Args and errors are those of `forward_level`.
        """
        return self._up_to(lr, range(1, level + 1), blend)

    def _up_to(self, lr: Tensor, wanted: Sequence[int], blend: float) -> list[Tensor]:
        level = wanted[-1] if wanted else 0
        if not 1 <= level <= self.num_levels:
            raise ValueError(f"level {level} is not one of 1 to {self.num_levels}")
        if not 0 <= blend <= 1:
            raise ValueError(f"blend {blend} is not between 0 and 1")
        *below, picture = self.pictures(lr, wanted)
        if blend == 1:
            return [*below, picture]
        smaller = below[-1] if below else lr
        doubled = functional.interpolate(smaller, scale_factor=2.0, mode="bilinear")
        return [*below, doubled + blend * (picture - doubled)]


def num_levels(scale: int) -> int:
    """Doublings in a scale that is a power of two."""
    return scale.bit_length() - 1
