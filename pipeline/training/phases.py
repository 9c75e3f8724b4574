"""The phases of a training: params with each phase's overrides filled in, by step."""

from dataclasses import dataclass

from pipeline.degradation.config import DegradationConfig
from pipeline.losses import AdversarialConfig, AnyLossConfig
from pipeline.training.config import PhaseConfig, Recipe
from pipeline.training.schedule import ScheduleConfig


@dataclass(frozen=True)
class Phase:
    """Settings of a span of steps; a training without curriculum is one phase.

    Attributes:
        number: Place among the phases, from 0.
        start: First step, counted from 0.
        stop: Step after the last.
        scale: Enlargement that is trained.
        schedule_start: Step from which the schedule counts.
        schedule_steps: Steps that the schedule spans.
        online: How LR is made of HR; null where it is stored.
    """

    number: int
    start: int
    stop: int
    scale: int
    blend_steps: int
    patch_size: int
    batch_size: int
    loss: list[AnyLossConfig]
    learning_rate: float
    schedule: ScheduleConfig
    schedule_start: int
    schedule_steps: int
    online: DegradationConfig | None

    def rate(self, step: int) -> float:
        """Learning rate of the network at a step."""
        since = step - self.schedule_start
        return self.learning_rate * self.schedule.factor(since, self.schedule_steps)

    def blend(self, step: int) -> float:
        """Weight of the newest level at a step, rising to one."""
        return min(1.0, (step - self.start + 1) / (self.blend_steps + 1))

    @property
    def batches_per_step(self) -> int:
        """Batches that a step sees: each further update of a discriminator has its own."""
        counts = [term.steps for term in self.loss if isinstance(term, AdversarialConfig)]
        return max(counts, default=1)


def phases_of(recipe: Recipe) -> list[Phase]:
    """Spell out the phases."""
    configs = recipe.train.phases or [PhaseConfig(steps=recipe.train.steps)]
    phases: list[Phase] = []
    start = 0
    for number, config in enumerate(configs):
        phases.append(_spelled_out(recipe, config, number, start))
        start += config.steps
    return phases


def _spelled_out(recipe: Recipe, config: PhaseConfig, number: int, start: int) -> Phase:
    train = recipe.train
    online = recipe.degradation.mode == "online"
    own = config.schedule is not None
    return Phase(
        number=number,
        start=start,
        stop=start + config.steps,
        scale=config.scale or recipe.scale,
        blend_steps=config.blend_steps,
        patch_size=config.patch_size or train.patch_size,
        batch_size=config.batch_size or train.batch_size,
        loss=config.loss or recipe.loss,
        learning_rate=config.learning_rate or train.optimizer.learning_rate,
        schedule=config.schedule or train.schedule,
        schedule_start=start if own else 0,
        schedule_steps=config.steps if own else train.steps,
        online=(config.degradation or recipe.degradation) if online else None,
    )
