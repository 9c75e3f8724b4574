"""How a published checkpoint names a network's parameters: the form of every key map.

A map stands beside its network and is returned by its configuration's `key_maps`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Convert = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Source:
    """Where one of our tensors comes from.

    Attributes:
        key: Name in the checkpoint.
        convert: From the checkpoint's layout or units to ours.
    """

    key: str
    convert: Convert | None = None


@dataclass(frozen=True)
class KeyMap:
    """One published format of a network's weights.

    Attributes:
        origin: Whose files these are, for messages.
        sources: Our key to its source; every key of the network's state must be there.
        fixed: Keys of the checkpoint that hold what is a constant here, with the value that they
            must have where they are present.
        unused: Keys of the checkpoint that this network and scale have no use for, such as the
            branches of other scales; they may be absent.
        graph: Says what is wrong with the names of the graph's layers, or nothing; for files that
            hold the graph and networks that differ in it alone.
    """

    origin: str
    sources: Mapping[str, Source]
    fixed: Mapping[str, Tensor] = field(default_factory=dict)
    unused: Sequence[str] = ()
    graph: Callable[[Collection[str]], str] | None = None


def layers(
    names: Mapping[str, str],
    *,
    parts: Mapping[str, str] | None = None,
    convert: Convert | None = None,
) -> dict[str, Source]:
    """Map layers, each with its parts.

    Args:
        names: Our layer to the checkpoint's.
        parts: Our part to the checkpoint's with its separator; weight and bias by default.
        convert: Conversion of every part.
    """
    chosen = {"weight": ".weight", "bias": ".bias"} if parts is None else parts
    return {
        f"{ours}.{part}": Source(theirs + suffix, convert)
        for ours, theirs in names.items()
        for part, suffix in chosen.items()
    }


def multiplied(factor: float) -> Convert:
    """Change of units, such as from pictures in [0, 255] to [0, 1]."""
    return lambda value: value * factor


def reversed_inputs(num_features: int) -> Convert:
    """Kernel over concatenated maps of `num_features` each, in the other order."""

    def convert(value: Tensor) -> Tensor:
        outputs, _, *kernel = value.shape
        return value.reshape(outputs, -1, num_features, *kernel).flip(1).reshape(value.shape)

    return convert


def from_matconvnet(value: Tensor) -> Tensor:
    """Filter or bias of MatConvNet, whose trailing axes of one MATLAB drops.

    Filters are (H, W, in, out), those of transposed convolutions (H, W, out, in); biases (1, out).
    Both kinds of filters become PyTorch's by the same permutation.
    """
    if value.ndim == 2 and value.shape[0] == 1:
        return value[0]
    filters = value.reshape(*value.shape, *[1] * (4 - value.ndim))
    return filters.permute(3, 2, 0, 1)


def mean_shift(layer: str, offset: Sequence[float]) -> dict[str, Tensor]:
    """Values of a 1x1 convolution that only adds `offset` to each channel."""
    channels = len(offset)
    return {
        f"{layer}.weight": torch.eye(channels).view(channels, channels, 1, 1),
        f"{layer}.bias": torch.tensor(offset),
    }
