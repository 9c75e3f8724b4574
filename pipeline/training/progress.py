"""What a person sees while training runs: one bar on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import NoReturn

from tqdm import tqdm


class Progress:
    """Shows step, loss, validation score, images a second and the time left."""

    def __init__(self, *, start: int, steps: int, line_every: int, shown: bool = True) -> None:
        self._steps, self._line_every, self._shown = steps, line_every, shown
        self._start, self._began = start, time.monotonic()
        self._done, self._asked = start, (start, self._began)
        self._score = ""
        self._bar: tqdm[NoReturn] | None = None
        if shown and sys.stderr.isatty():
            layout = "{desc} {percentage:3.0f}%|{bar}| {n}/{total} [{remaining} left{postfix}]"
            self._bar = tqdm(
                total=steps, initial=start, desc="train", bar_format=layout, mininterval=0.2
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def validated(self, scores: dict[str, float]) -> None:
        """Show these validation scores from now on."""
        self._score = "".join(f", {name} {value:.2f}" for name, value in scores.items())

    def advance(self, step: int, loss: float, batch_size: int) -> None:
        """Show a finished step, counted from 1."""
        self._done = step
        if self._bar is not None:
            if step % 10 == 0:
                self._bar.set_postfix_str(self._text(step, loss, batch_size), refresh=False)
            self._bar.update()
        elif self._shown and (step % self._line_every == 0 or step == self._steps):
            left = self._seconds_left(step)
            text = f"train {step}/{self._steps}: {self._text(step, loss, batch_size)}"
            print(f"{text}, {left // 60:.0f}:{left % 60:02.0f} left", file=sys.stderr, flush=True)

    def images_per_second(self, batch_size: int) -> float:
        """Speed since this was asked last."""
        now, since = time.monotonic(), self._asked
        steps = self._done - since[0]
        self._asked = self._done, now
        return steps * batch_size / max(now - since[1], 1e-9)

    def _text(self, step: int, loss: float, batch_size: int) -> str:
        return f"loss {loss:.4f}{self._score}, {self._rate(step) * batch_size:.0f} images/s"

    def _rate(self, step: int) -> float:
        return (step - self._start) / max(time.monotonic() - self._began, 1e-9)

    def _seconds_left(self, step: int) -> int:
        return round((self._steps - step) / max(self._rate(step), 1e-9))
