"""A progressive network that ends at one of its lower levels, for curricula that grow it."""

from torch import Tensor

from pipeline.models import SRNetwork
from pipeline.models.progressive.levels import ProgressiveNetwork, num_levels


class UpToLevel(SRNetwork):
    """Runs a progressive network as one of a lower scale, sharing its weights.

    Attributes:
        network: The whole network.
        blend: Weight of the highest picture against the doubled one below it, see
            `ProgressiveNetwork.forward_level`.
    """

    def __init__(self, network: ProgressiveNetwork, *, scale: int, blend: float) -> None:
        super().__init__(scale=scale, colour=network.colour)
        self.network = network
        self.level = num_levels(scale)
        self.blend = blend
        self.min_size = network.min_size

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.network.forward_level(lr, self.level, blend=self.blend)

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """Pictures at 2, 4, ..., scale times the input, the last one blended."""
        return self.network.forward_levels(lr, self.level, blend=self.blend)


def at_scale(network: SRNetwork, scale: int, blend: float) -> SRNetwork:
    """The network as it is trained in a phase: up to a level, or as it is."""
    if isinstance(network, ProgressiveNetwork) and (scale != network.scale or blend < 1):
        return UpToLevel(network, scale=scale, blend=blend)
    return network
