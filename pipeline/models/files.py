"""A trained network on disk: `model.safetensors` and its description `model.json` beside it."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pipeline.errors import UserError
from pipeline.models import NetworkConfig, SRNetwork, network_config


def save_model(path: Path, network: SRNetwork, config: NetworkConfig, *, scale: int) -> None:
    """Write weights and description; equal weights give equal bytes.

    Args:
        path: The `.safetensors` file; the description goes beside it as `.json`.
        network: Network whose state is saved, on any device.
        config: The configuration that built it.
        scale: The scale that it was built for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    save_file(state, path)
    description = {"network": config.model_dump(mode="json"), "scale": scale}
    text = json.dumps(description, indent=2, sort_keys=True) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")


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
    """Read the network's configuration and scale from the `.json` beside the weights.

    Raises:
        UserError: If the file is missing or does not describe a network.
    """
    beside = path.with_suffix(".json")
    try:
        description = json.loads(beside.read_text(encoding="utf-8"))
        values, scale = description["network"], description["scale"]
    except FileNotFoundError:
        raise UserError(f"{beside}: there is no such file; it describes {path.name}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{beside}: this is not a network's description ({error})") from None
    return network_config(values), scale


def weights_sha256(path: Path) -> str:
    """Digest of the weights file: the name by which runs and results know a model."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_state(path: Path, network: SRNetwork) -> dict[str, torch.Tensor]:
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except SafetensorError as error:
        raise UserError(f"{path}: this is not a safetensors file ({error})") from None
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
