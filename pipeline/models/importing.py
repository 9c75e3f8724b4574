"""Checkpoints published by the networks' authors, read safely and mapped key by key."""

import pickle
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.errors import UserError
from pipeline.models import NETWORK_CONFIGS, NetworkConfig, SRNetwork
from pipeline.models.keys import KeyMap, Source
from pipeline.schema import nearest, validate

# Keys under which training codes put the weights, the preferred first: the moving average of
# BasicSR, its plain weights, and what others use.
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model_state", "model")


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        tensors: By name.
        layer_names: Layers of the graph, where the file holds one (MatConvNet's do).
    """

    tensors: Mapping[str, Tensor]
    layer_names: Collection[str] = ()


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
    attempts = []
    configs = _candidates(network, scale)
    checkpoint = read_checkpoint(path)
    for config in configs:
        with torch.device("meta"):
            expected = config.build(scale=scale).state_dict()
        for key_map in (*config.key_maps(scale=scale), _own_keys(expected)):
            state, problems = _mapped(checkpoint, key_map, expected)
            attempts.append((len(problems), config, key_map, state, problems))
    fewest = min(attempt[0] for attempt in attempts)
    best = [attempt for attempt in attempts if attempt[0] == fewest]
    _, config, key_map, state, problems = best[0]
    if problems:
        preset = f", preset {config.preset}" if config.preset else ""
        read_as = f"read as {key_map.origin}{preset}"
        heading = f"{path}: this does not fit {network} x{scale} ({read_as}):"
        raise UserError("\n  ".join([heading, *problems]))
    fitting = sorted({str(attempt[1].preset) for attempt in best})
    if len(fitting) > 1:
        names = ", ".join(f"{network}_{preset}" for preset in fitting)
        raise UserError(
            f"{path}: several presets of {network} have these weights: name one: {names}"
        )
    built = config.build(scale=scale)
    built.load_state_dict(state)
    return built.eval(), config


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
        converted = value if source.convert is None else source.convert(value)
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


def _differing(tensors: Mapping[str, Tensor], fixed: Mapping[str, Tensor]) -> Iterator[str]:
    for key, value in fixed.items():
        if key in tensors and not (
            tensors[key].shape == value.shape
            and torch.allclose(tensors[key].to(value.dtype), value, rtol=1e-4, atol=1e-6)
        ):
            yield f"differing {key}: this network holds it constant at {value.flatten().tolist()}"


def _shape(value: Tensor) -> str:
    return "x".join(str(side) for side in value.shape) or "a single number"


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, without wrapper and without `module.` before each name.

    Nothing in the file is executed.

    Raises:
        UserError: If the file is missing, is of no known kind, is broken, or needs pickled classes.
    """
    readers = {
        ".pth": _read_torch,
        ".pt": _read_torch,
        ".npz": _read_npz,
        ".safetensors": _read_safetensors,
        ".mat": _read_mat,
    }
    if path.suffix.lower() not in readers:
        known = " ".join(readers)
        raise UserError(f"{path}: {path.suffix or 'no suffix'} is not one of {known}")
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    checkpoint = readers[path.suffix.lower()](path)
    tensors = checkpoint.tensors
    if not tensors:
        raise UserError(f"{path}: there are no tensors in this file")
    if all(key.startswith("module.") for key in tensors):  # of nn.DataParallel
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    return Checkpoint(tensors, checkpoint.layer_names)


def _read_torch(path: Path) -> Checkpoint:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's message names the class, then goes on about how to trust the file.
        reason = str(error).split("Unsupported")[-1] if "Unsupported" in str(error) else ""
        reason = f" ({'unsupported' + reason.splitlines()[0].rstrip('. ')})" if reason else ""
        raise UserError(
            f"{path}: this file needs pickled classes, which could run any code, and is "
            f"refused{reason}; ask for its state_dict saved alone"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: this is not a checkpoint of PyTorch ({line})") from None
    return Checkpoint(_tensors(path, _unwrapped(content)))


def _unwrapped(content: Any) -> Any:
    for key in WRAPPERS:
        inner = content.get(key) if isinstance(content, Mapping) else None
        if isinstance(inner, Mapping) and all(isinstance(v, Tensor) for v in inner.values()):
            return inner
    return content


def _tensors(path: Path, content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: this holds a {type(content).__name__}, not tensors by name")
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(
            f"{path}: {', '.join(others)}: not tensors; weights are looked for at the top or in "
            + ", ".join(WRAPPERS)
        )
    return {str(key): value for key, value in content.items()}


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        return Checkpoint(load_file(path))
    except SafetensorError as error:
        raise UserError(f"{path}: this is not a safetensors file ({error})") from None


def _read_npz(path: Path) -> Checkpoint:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Checkpoint({name: _tensor(arrays[name]) for name in arrays.files})
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, TypeError) as error:
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise UserError(
                f"{path}: this file needs pickled objects, which could run any code, and is refused"
            ) from None
        raise UserError(f"{path}: this is not an .npz archive of arrays ({error})") from None


def _read_mat(path: Path) -> Checkpoint:
    import scipy.io

    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        raise UserError(
            f"{path}: this is MATLAB's v7.3 format; save it again with save(..., '-v7')"
        ) from None
    except (ValueError, OSError, EOFError, TypeError, IndexError, KeyError) as error:
        raise UserError(f"{path}: this is not a .mat file ({error})") from None
    tensors: dict[str, Tensor] = {}
    layer_names: list[str] = []
    for name, value in content.items():
        if _is_dagnn(value):
            layer_names += [str(layer["name"].item()) for layer in value["layers"].item().ravel()]
            parameters = value["params"].item().ravel()
            tensors |= {str(p["name"].item()): _tensor(p["value"]) for p in parameters}
        elif not name.startswith("__") and isinstance(value, np.ndarray):
            tensors |= dict(_from_matlab(name, value))
    return Checkpoint(tensors, layer_names)


def _is_dagnn(value: Any) -> bool:
    """Whether a MATLAB variable is a network of MatConvNet's DagNN."""
    names = value.dtype.names if isinstance(value, np.ndarray) and value.size == 1 else None
    return names is not None and {"params", "layers"} <= set(names)


def _from_matlab(name: str, value: NDArray[Any]) -> Iterator[tuple[str, Tensor]]:
    """Name the arrays of a MATLAB variable.

    Arrays are `variable`, cells `variable.0`, fields `variable.field`; what is not numbers is left
    out.
    """
    if value.dtype.names:
        for index, entry in enumerate(value.ravel()):
            prefix = name if value.size == 1 else f"{name}.{index}"
            for part in value.dtype.names:
                if isinstance(entry[part], np.ndarray):
                    yield from _from_matlab(f"{prefix}.{part}", entry[part])
    elif value.dtype == object:
        for index, entry in enumerate(value.ravel()):
            if isinstance(entry, np.ndarray):
                yield from _from_matlab(f"{name}.{index}", entry)
    elif np.issubdtype(value.dtype, np.number):
        yield name, _tensor(value)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
