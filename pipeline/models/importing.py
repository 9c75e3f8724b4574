"""Networks from the checkpoints that their authors published, mapped key by key."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.models import NETWORK_CONFIGS, NetworkConfig, SRNetwork
from pipeline.models.checkpoints import Checkpoint, read_checkpoint
from pipeline.models.complexity import on_meta
from pipeline.models.keys import KeyMap, Source
from pipeline.schema import nearest, validate


class _Attempt(NamedTuple):
    """A reading of a checkpoint as one preset in one format, and all that is wrong with it."""

    config: NetworkConfig
    origin: str
    state: Mapping[str, Tensor]
    problems: list[str]


def import_weights(network: str, path: Path, *, scale: int) -> tuple[SRNetwork, NetworkConfig]:
    """Build a network from a checkpoint of its authors.

    Among the network's presets and known formats the one that fits the file is taken.

    Args:
        network: Name, or name and preset, such as `carn` or `carn_m`.
        path: Checkpoint: .pth, .pt, .npz, .safetensors, or MatConvNet's .mat.
        scale: Enlargement that the weights are for.

    Returns:
        The network in evaluation mode, and the configuration that built it.

    Raises:
        UserError: If the file cannot be read safely, a key is missing, unexpected or misshapen
            (every such key is named), or several presets fit.
    """
    configs = _candidates(network, scale)
    checkpoint = read_checkpoint(path)
    attempts = [attempt for config in configs for attempt in _attempts(checkpoint, config, scale)]
    best = min(attempts, key=lambda attempt: len(attempt.problems))
    if best.problems:
        preset = f", preset {best.config.preset}" if best.config.preset else ""
        read_as = f"read as {best.origin}{preset}"
        heading = f"{path}: this does not fit {network} x{scale} ({read_as}):"
        raise UserError("\n  ".join([heading, *best.problems]))
    fitting = sorted({str(a.config.preset) for a in attempts if not a.problems})
    if len(fitting) > 1:
        names = ", ".join(f"{network}_{preset}" for preset in fitting)
        raise UserError(
            f"{path}: several presets of {network} have these weights: name one: {names}"
        )
    built = best.config.build(scale=scale)
    built.load_state_dict(best.state)
    return built.eval(), best.config


def resolve_network(text: str) -> list[dict[str, Any]]:
    """Settings that a name stands for: all presets of a network, or the one that is named.

    Case, hyphens and underscores do not matter: `MS-LapSRN` is `ms_lapsrn`, `carn-m` the preset
    `m` of `carn`.

    Raises:
        UserError: If no network has that name.
    """
    wanted = _plain(text)
    for name, config in NETWORK_CONFIGS.items():
        if wanted == _plain(name):
            presets = [{"preset": preset} for preset in config.presets]
            return [{"name": name, **preset} for preset in presets or [{}]]
    for name, config in NETWORK_CONFIGS.items():
        for preset in config.presets:
            if wanted == _plain(name + preset):
                return [{"name": name, "preset": preset}]
    raise UserError(f"network {text!r} is unknown{nearest(text.lower(), NETWORK_CONFIGS)}")


def _candidates(network: str, scale: int) -> list[NetworkConfig]:
    configs = []
    for values in resolve_network(network):
        config_class = NETWORK_CONFIGS[values["name"]]
        config = validate(config_class, values, where="network")
        try:
            config.check_scale(scale)
        except ValueError as error:
            raise UserError(str(error)) from None
        configs.append(config)
    return configs


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _attempts(checkpoint: Checkpoint, config: NetworkConfig, scale: int) -> Iterator[_Attempt]:
    """Read a checkpoint in every format that is known for a configuration, and in our own."""
    expected = on_meta(config, scale=scale).state_dict()
    for key_map in (*config.key_maps(scale=scale), _own_keys(expected)):
        state, problems = _mapped(checkpoint, key_map, expected)
        yield _Attempt(config, key_map.origin, state, problems)


def _own_keys(expected: Mapping[str, Tensor]) -> KeyMap:
    return KeyMap("weights of this project", {key: Source(key) for key in expected})


def _mapped(
    checkpoint: Checkpoint, key_map: KeyMap, expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """Our state from a checkpoint by a map, and every reason why it is not one."""
    tensors, sources = checkpoint.tensors, key_map.sources
    assert sources.keys() == expected.keys(), sorted(sources.keys() ^ expected.keys())
    known = {source.key for source in sources.values()} | set(key_map.unused) | set(key_map.fixed)
    state: dict[str, Tensor] = {}
    problems = [f"unexpected {key}" for key in tensors if key not in known]
    for ours, source in sources.items():
        if source.key not in tensors:
            problems.append(f"missing {source.key}")
            continue
        value = tensors[source.key]
        converted = _converted(value, source)
        if converted.shape != expected[ours].shape:
            problems.append(
                f"misshapen {source.key}: it is {_shape(value)}, which gives {_shape(converted)} "
                f"where {ours} is {_shape(expected[ours])}"
            )
        elif not torch.isfinite(converted).all():
            problems.append(f"not finite {source.key}")
        else:
            state[ours] = converted.to(expected[ours].dtype).contiguous()
    problems += _differing(tensors, key_map.fixed)
    if key_map.graph is not None and (wrong := key_map.graph(checkpoint.layer_names)):
        problems.append(wrong)
    return state, problems


def _converted(value: Tensor, source: Source) -> Tensor:
    """The tensor in our layout; as it is where it has not the axes to be converted."""
    try:
        return value if source.convert is None else source.convert(value)
    except (RuntimeError, ValueError):
        return value


def _differing(tensors: Mapping[str, Tensor], fixed: Mapping[str, Tensor]) -> Iterator[str]:
    for key, value in fixed.items():
        if key in tensors and not (
            tensors[key].shape == value.shape
            and torch.allclose(tensors[key].to(value.dtype), value, rtol=1e-4, atol=1e-6)
        ):
            yield f"differing {key}: this network holds it constant at {value.flatten().tolist()}"


def _shape(value: Tensor) -> str:
    return "x".join(str(side) for side in value.shape) or "a single number"
