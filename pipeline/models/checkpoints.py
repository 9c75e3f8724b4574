"""Checkpoint files of other programs, read without executing anything in them."""

import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # to catch it; nothing here loads a pickle
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.errors import UserError

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
        with warnings.catch_warnings(action="ignore"):  # of an old or new version of the format
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
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
    from scipy.io.matlab import MatReadError

    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        raise UserError(
            f"{path}: this is MATLAB's v7.3 format; save it again with save(..., '-v7')"
        ) from None
    except (MatReadError, ValueError, OSError, TypeError, IndexError, KeyError) as error:
        raise UserError(f"{path}: this is not a .mat file ({error})") from None
    variables = {name: value for name, value in content.items() if not name.startswith("__")}
    for value in variables.values():
        if _is_dagnn(value):  # whatever else is in the file belongs to its training
            return _from_dagnn(value)
    arrays = (_from_matlab(name, value) for name, value in variables.items())
    return Checkpoint(dict(pair for pairs in arrays for pair in pairs))


def _is_dagnn(value: Any) -> bool:
    """Whether a MATLAB variable is a network of MatConvNet's DagNN, as `saveobj` gives it."""
    names = value.dtype.names if isinstance(value, np.ndarray) and value.size == 1 else None
    return names is not None and {"params", "layers"} <= set(names)


def _from_dagnn(network: NDArray[Any]) -> Checkpoint:
    parameters = network["params"].item().ravel()
    layer_names = [str(layer["name"].item()) for layer in network["layers"].item().ravel()]
    return Checkpoint({str(p["name"].item()): _tensor(p["value"]) for p in parameters}, layer_names)


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
