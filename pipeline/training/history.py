"""The curve of a training, `plots/train.csv`: numbers that repeat exactly, and no times."""

import csv
import io
from collections.abc import Mapping
from typing import Any


class History:
    """Averages of every quantity over the steps between two rows at which it was there."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, float]) -> None:
        """Take in the values of a step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def close_row(self, step: int, values: Mapping[str, float]) -> dict[str, float]:
        """End a row at `step`: the averages since the last one, and `values` as they are.

        Returns:
            The row's numbers without the step.
        """
        row = {name: total / self._counts[name] for name, total in self._sums.items()}
        row |= values
        self.rows.append({"step": str(step)} | {name: f"{v:.6g}" for name, v in row.items()})
        self._sums, self._counts = {}, {}
        return row

    def csv(self) -> str:
        """The rows as CSV."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint; floats survive JSON exactly."""
        return {"rows": self.rows, "sums": self._sums, "counts": self._counts}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows, self._sums = list(state["rows"]), dict(state["sums"])
        self._counts = dict(state["counts"])
