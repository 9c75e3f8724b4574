"""Combinations of settings that cannot work, found before any work is done."""

from collections.abc import Iterator, Sequence

import torch

from pipeline.degradation.config import DegradationConfig
from pipeline.errors import UserError
from pipeline.losses import AdversarialConfig
from pipeline.metrics import METRICS
from pipeline.models import SRNetwork
from pipeline.schema import nearest
from pipeline.training.config import PhaseConfig, Recipe
from pipeline.training.feed import MARGIN, Pair
from pipeline.training.phases import Phase, phases_of


def check_recipe(recipe: Recipe) -> None:
    """Refuse impossible combinations.

    Raises:
        UserError: With the key's full path, what is wrong, and what is possible.
    """
    _check_validation(recipe)
    _check_discriminators(recipe)
    _check_phases(recipe)
    for phase in phases_of(recipe):
        _check_phase(recipe, phase)


def key_of(recipe: Recipe, phase: Phase, name: str) -> str:
    """Path of a setting, in the phase where it overrides that of `train`."""
    phases = recipe.train.phases
    if phases is not None and getattr(phases[phase.number], name) is not None:
        return f"train.phases[{phase.number}].{name}"
    return "loss" if name == "loss" else f"train.{name}"


def _check_phase(recipe: Recipe, phase: Phase) -> None:
    network = _network(recipe, phase)
    scale, patch = recipe.scale, phase.patch_size
    key = key_of(recipe, phase, "patch_size")
    if patch % scale:
        lower = patch - patch % scale
        raise UserError(
            f"{key}: {patch} is not a multiple of the scale {scale}; "
            f"the nearest are {f'{lower} and ' if lower else ''}{lower + scale}"
        )
    if patch // scale < network.min_size:
        raise UserError(
            f"{key}: {patch} gives LR patches of {patch // scale} pixels, and the network needs "
            f"{network.min_size}; at least {network.min_size * scale} is needed"
        )
    divisor = recipe.train.processes * recipe.train.accumulation
    if phase.batch_size % divisor:
        raise UserError(
            f"{key_of(recipe, phase, 'batch_size')}: {phase.batch_size} is not a multiple of "
            f"train.processes x train.accumulation = {divisor}"
        )
    if phase.online is not None:
        _check_chain(recipe, phase.online, phase)
    _check_adversarial(recipe, phase, network)


def _check_chain(recipe: Recipe, degradation: DegradationConfig, phase: Phase) -> None:
    try:
        degradation.steps(recipe.scale)
    except ValueError as error:
        key = key_of(recipe, phase, "degradation").replace("train.degradation", "degradation")
        raise UserError(f"{key}: {error}") from None


def _check_adversarial(recipe: Recipe, phase: Phase, network: SRNetwork) -> None:
    """Build the discriminators without memory: they refuse patches that they cannot judge."""
    terms = [term for term in phase.loss if isinstance(term, AdversarialConfig)]
    side = phase.patch_size // recipe.scale * phase.scale
    try:
        for term in terms:
            with torch.device("meta"):
                term.discriminator.build(num_channels=network.num_channels, patch_size=side)
    except ValueError as error:
        raise UserError(f"{key_of(recipe, phase, 'loss')}: {error}") from None


def _network(recipe: Recipe, phase: Phase) -> SRNetwork:
    """Build the network without memory."""
    grows = recipe.model.group() == "progressive"
    try:
        with torch.device("meta"):
            network = recipe.model.build(scale=recipe.scale if grows else phase.scale)
        if grows:
            recipe.model.check_scale(phase.scale)
    except ValueError as error:
        own = recipe.train.phases and recipe.train.phases[phase.number].scale is not None
        key = f"train.phases[{phase.number}].scale" if own else "model"
        raise UserError(f"{key}: {error}") from None
    return network


def _check_phases(recipe: Recipe) -> None:
    train, phases = recipe.train, recipe.train.phases
    if phases is None:
        return
    total = sum(phase.steps for phase in phases)
    if total != train.steps:
        raise UserError(
            f"train.steps: {train.steps}, but train.phases have {total} steps together; "
            f"set it to {total}"
        )
    for number, phase in enumerate(phases):
        for key, problem in _problems(recipe, phase, last=number == len(phases) - 1):
            raise UserError(f"train.phases[{number}].{key}: {problem}")


def _problems(recipe: Recipe, phase: PhaseConfig, *, last: bool) -> Iterator[tuple[str, str]]:
    """Settings of a phase that have no effect, or the wrong one."""
    scale = phase.scale or recipe.scale
    if scale > recipe.scale:
        yield "scale", f"{scale} is more than the run's scale {recipe.scale}"
    if last and scale != recipe.scale:
        yield "scale", f"the last phase trains the run's scale {recipe.scale}, not {scale}"
    if phase.blend_steps and recipe.model.group() != "progressive":
        yield "blend_steps", "only progressive networks blend levels in; set it to 0"
    if phase.blend_steps >= phase.steps:
        yield "blend_steps", f"{phase.blend_steps} is not less than the phase's {phase.steps} steps"
    if phase.degradation is not None and recipe.degradation.mode != "online":
        yield "degradation", "LR is stored; set degradation.mode to online"
    if phase.degradation is not None and phase.degradation.mode != "online":
        yield "degradation.mode", "a phase degrades online; set it to online"


def _check_discriminators(recipe: Recipe) -> None:
    terms = {
        term.key
        for phase in phases_of(recipe)
        for term in phase.loss
        if isinstance(term, AdversarialConfig)
    }
    for name in recipe.train.discriminators:
        if name not in terms:
            hint = nearest(name, terms) or "; there is none"
            raise UserError(
                f"train.discriminators.{name}: no adversarial term of the loss has this name{hint}"
            )


def _check_validation(recipe: Recipe) -> None:
    train = recipe.train
    chosen = {"keep_best": train.keep_best}
    if train.early_stop is not None:
        chosen["early_stop.metric"] = train.early_stop.metric
    watched = train.validation.metrics if train.validation is not None else []
    for key, metric in chosen.items():
        if metric is not None and metric not in watched:
            hint = nearest(metric, watched)
            raise UserError(f"train.{key}: {metric} is not among train.validation.metrics{hint}")
    for name in watched:
        metric = name.rsplit("_", 1)[0]
        if metric not in METRICS:
            known = nearest(metric, METRICS)
            raise UserError(f"train.validation.metrics: {metric!r} is no metric{known}")


def large_enough(pairs: Sequence[Pair], recipe: Recipe, phase: Phase) -> list[Pair]:
    """Give the training pictures that a patch can be cut from.

    Raises:
        UserError: If there are none.
    """
    around = 2 * MARGIN if phase.online is not None else 0
    size = phase.patch_size // recipe.scale + around
    smallest_side = [min(pair.lr_size(recipe.scale)) for pair in pairs]
    fitting = [pair for pair, side in zip(pairs, smallest_side, strict=True) if side >= size]
    if not fitting:
        largest = max((max(smallest_side, default=0) - around) * recipe.scale, 0)
        raise UserError(
            f"{key_of(recipe, phase, 'patch_size')}: {phase.patch_size} is more than every picture "
            f"of the split train has (the largest allows {largest})"
            if pairs
            else "data.train: the split has no pictures"
        )
    return fitting
