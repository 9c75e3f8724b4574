"""Weights to start from, as far as they fit."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.errors import UserError

SHOWN = 12


class Transfer(NamedTuple):
    """What became of weights that were offered to a network.

    Attributes:
        loaded: Names of the network's tensors that were.
        fresh: Those that were not, and why.
        unused: Names of the offered tensors that the network has no place for.
    """

    loaded: list[str]
    fresh: list[str]
    unused: list[str]

    def lines(self) -> list[str]:
        """For a person."""
        total = len(self.loaded) + len(self.fresh)
        lines = [f"loaded {len(self.loaded)} of the network's {total} tensors"]
        lines += [f"not loaded: {_some(self.fresh)}"] if self.fresh else []
        return lines + ([f"not used: {_some(self.unused)}"] if self.unused else [])


@torch.no_grad()
def transfer(tensors: Mapping[str, Tensor], network: nn.Module) -> Transfer:
    """Load what has the same name and shape, in place."""
    own = network.state_dict()
    loaded, fresh = [], []
    for name, value in own.items():
        offered = tensors.get(name)
        if offered is None:
            fresh.append(f"{name} (absent)")
        elif offered.shape != value.shape:
            fresh.append(f"{name} ({tuple(offered.shape)} instead of {tuple(value.shape)})")
        else:
            value.copy_(offered)
            loaded.append(name)
    return Transfer(loaded, fresh, [name for name in tensors if name not in own])


def start_from(path: Path, network: nn.Module) -> None:
    """Load the weights of a file as far as they fit, and say what was loaded and what was not.

    Raises:
        UserError: If the file is missing or broken, or nothing in it fits.
    """
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise UserError(f"train.init_from: {path}: there is no such file") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"train.init_from: {path}: no safetensors file ({error})") from None
    result = transfer(tensors, network)
    if not result.loaded:
        raise UserError(
            f"train.init_from: {path}: nothing fits the network; {'; '.join(result.lines()[1:])}"
        )
    for line in result.lines():
        print(f"init_from {path}: {line}", file=sys.stderr)


def _some(names: list[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
