"""What a person may name to be evaluated: bicubic, zero-shot training, or a trained network."""

from typing import NamedTuple

from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.methods import BicubicMethod, Method, NetworkMethod
from pipeline.evaluation.tables import BASELINE, NETWORK
from pipeline.models.files import load_model
from pipeline.tracking.resolve import resolve_model
from pipeline.training.zero_shot import ZeroShotConfig, ZeroShotMethod

ZERO_SHOT = {
    "zero-shot": ZeroShotConfig(),
    "zero-shot-blind": ZeroShotConfig(blur="estimate"),  # LR was blurred by an unknown Gaussian
}


class Named(NamedTuple):
    """A method, what its results' folder is called, and its enlargement."""

    name: str
    method: Method
    scale: int


def named_method(reference: str, config: EvaluateConfig, *, scale: int | None) -> Named:
    """Find the method that a name or reference means.

    Args:
        reference: `bicubic`, `zero-shot`, `zero-shot-blind`, or what `resolve_model` takes.
        config: Protocol, tiling and self-ensemble.
        scale: Enlargement; a trained network knows its own.

    Raises:
        UserError: If there is no such model, or the scale is missing or not the model's.
    """
    if reference in (BASELINE, *ZERO_SHOT):
        if scale is None:
            raise UserError(f"{reference} enlarges by any factor: give --scale")
        if reference == BASELINE:
            return Named(BASELINE, BicubicMethod(scale, config.protocol.resize_border), scale)
        return Named(reference, ZeroShotMethod(scale, ZERO_SHOT[reference]), scale)
    path = resolve_model(reference)
    network = load_model(path)
    if scale is not None and scale != network.scale:
        raise UserError(f"{path} enlarges by {network.scale}, not by {scale}")
    return Named(NETWORK, NetworkMethod(network, config.tile, config.self_ensemble), network.scale)
