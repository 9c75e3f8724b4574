"""Combinations of settings that cannot work, found before any work is done."""

from collections.abc import Sequence

import torch

from pipeline.data.feed import Pair
from pipeline.errors import UserError
from pipeline.metrics import METRICS
from pipeline.schema import nearest
from pipeline.training.config import Recipe


def check_recipe(recipe: Recipe) -> None:
    """Refuse impossible combinations.

    Raises:
        UserError: With the key's full path, what is wrong, and what is possible.
    """
    train, scale = recipe.train, recipe.scale
    smallest = _min_size(recipe)
    if train.patch_size % scale:
        lower = train.patch_size - train.patch_size % scale
        raise UserError(
            f"train.patch_size: {train.patch_size} is not a multiple of the scale {scale}; "
            f"the nearest are {f'{lower} and ' if lower else ''}{lower + scale}"
        )
    if train.patch_size // scale < smallest:
        raise UserError(
            f"train.patch_size: {train.patch_size} gives LR patches of "
            f"{train.patch_size // scale} pixels, and the network needs {smallest}; "
            f"at least {smallest * scale} is needed"
        )
    if train.validation is None:
        return
    for name in train.validation.metrics:
        metric = name.rsplit("_", 1)[0]
        if metric not in METRICS:
            known = nearest(metric, METRICS)
            raise UserError(f"train.validation.metrics: {metric!r} is no metric{known}")


def _min_size(recipe: Recipe) -> int:
    try:
        with torch.device("meta"):
            return recipe.model.build(scale=recipe.scale).min_size
    except ValueError as error:
        raise UserError(f"model: {error}") from None


def large_enough(pairs: Sequence[Pair], recipe: Recipe) -> list[Pair]:
    """Give the training pictures that a patch can be cut from.

    Raises:
        UserError: If there are none.
    """
    size = recipe.train.patch_size // recipe.scale
    fitting = [pair for pair in pairs if min(pair.lr.height, pair.lr.width) >= size]
    if not fitting:
        largest = max((min(p.lr.height, p.lr.width) for p in pairs), default=0) * recipe.scale
        raise UserError(
            f"train.patch_size: {recipe.train.patch_size} is more than every picture of the split "
            f"train has (the largest allows {largest})"
            if pairs
            else "data.train: the split has no pictures"
        )
    return fitting
