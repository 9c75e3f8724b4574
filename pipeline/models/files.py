"""A trained network on disk: one safetensors file, whose header says which network it holds."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from pipeline.errors import UserError
from pipeline.models import NetworkConfig, SRNetwork, network_config

_ENTRY = "network"  # the only one of the header's metadata: the order of several is not fixed


def save_model(path: Path, network: SRNetwork, config: NetworkConfig, *, scale: int) -> None:
    """Write weights and description; equal weights give equal bytes.

    Args:
        path: The `.safetensors` file.
        network: Network whose state is saved, on any device.
        config: The configuration that built it.
        scale: The scale that it was built for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    description = {"config": config.model_dump(mode="json"), "scale": scale}
    save_file(state, path, metadata={_ENTRY: json.dumps(description, sort_keys=True)})


def load_model(path: Path) -> SRNetwork:
    """Load a network in evaluation mode, on the CPU, channels last: the faster layout.

    Raises:
        UserError: If a file is missing or broken, or the weights do not fit the description.
    """
    config, scale = read_description(path)
    network = config.build(scale=scale)
    network.load_state_dict(_read_state(path, network))
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def read_description(path: Path) -> tuple[NetworkConfig, int]:
    """Read the network's configuration and scale from the header of the file.

    Raises:
        UserError: If the file is missing, is no safetensors file or does not describe a network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except SafetensorError as error:
        raise UserError(f"{path}: this is not a safetensors file ({error})") from None
    try:
        description = json.loads(metadata[_ENTRY])
        values, scale = description["config"], description["scale"]
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path}: it does not say which network it holds; "
            f"`sr import-weights NETWORK {path.name}` makes a model of others' weights"
        ) from None
    return network_config(values), scale


def weights_sha256(path: Path) -> str:
    """Digest of the weights file: the name by which runs and results know a model."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_state(path: Path, network: SRNetwork) -> dict[str, torch.Tensor]:
    state = load_file(path)
    expected = network.state_dict()
    problems = [f"missing {key}" for key in expected.keys() - state.keys()]
    problems += [f"unexpected {key}" for key in state.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(expected[key].shape)}"
        for key in expected.keys() & state.keys()
        if state[key].shape != expected[key].shape
    ]
    if problems:
        raise UserError(f"{path}: the weights do not fit: {'; '.join(sorted(problems))}")
    return state
