"""What validation decides, where it is asked to: the best weights, and an early end."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pipeline.metrics import METRICS
from pipeline.training.config import TrainConfig


class Watch:
    """Follows one metric.

    Attributes:
        metric: Its name, such as psnr_y.
        min_gain: What counts as a gain.
        best: The best score so far.
        step: When it was reached.
        missed: Validations since then.
    """

    def __init__(self, metric: str, min_gain: float = 0.0) -> None:
        self.metric, self.min_gain = metric, min_gain
        self._sign = 1 if METRICS[metric.rsplit("_", 1)[0]].higher_is_better else -1
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.best: float | None = None
        self.step = self.missed = 0

    def gains(self, scores: Mapping[str, float], step: int) -> bool:
        """Take in a validation; whether it is the best so far."""
        score = scores[self.metric]
        better = self.best is None or self._sign * (score - self.best) > self.min_gain
        if better:
            self.best, self.step, self.missed = score, step, 0
        else:
            self.missed += 1
        return better

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {"best": self.best, "step": self.step, "missed": self.missed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.best, self.step, self.missed = state["best"], state["step"], state["missed"]


class Selection:
    """The best weights so far, and whether it is time to end.

    Attributes:
        weights: Of the best validation by `keep_best`.
        ended: Whether training ends early.
    """

    def __init__(self, config: TrainConfig) -> None:
        stop = config.early_stop
        self._keep = Watch(config.keep_best) if config.keep_best else None
        self._stop = Watch(stop.metric, stop.min_gain) if stop else None
        self._patience = stop.patience if stop else 0
        self.weights: dict[str, Tensor] = {}
        self.ended = False

    def forget(self) -> None:
        """Begin anew, when another scale is trained."""
        self.weights = {}
        for watch in self._watches():
            watch.forget()

    def consider(
        self, scores: Mapping[str, float], step: int, weights: Mapping[str, Tensor], *, last: bool
    ) -> None:
        """Take in a validation of these weights; `last` says whether the last phase runs."""
        if self._keep is not None and self._keep.gains(scores, step):
            self.weights = {key: value.detach().clone() for key, value in weights.items()}
        if self._stop is not None:
            self._stop.gains(scores, step)
            self.ended = last and self._stop.missed >= self._patience

    def told(self) -> dict[str, float]:
        """What to log: the best score so far."""
        if self._keep is None or self._keep.best is None:
            return {}
        return {f"best/{self._keep.metric}": self._keep.best, "best/step": float(self._keep.step)}

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint; the weights are tensors."""
        return {"ended": self.ended, "watches": [watch.state() for watch in self._watches()]}

    def load_state(self, state: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.ended, self.weights = state["ended"], dict(weights)
        for watch, values in zip(self._watches(), state["watches"], strict=True):
            watch.load_state(values)

    def _watches(self) -> list[Watch]:
        return [watch for watch in (self._keep, self._stop) if watch is not None]
