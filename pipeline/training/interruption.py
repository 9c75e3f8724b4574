"""Why a training may have to stop early, and how it is told.

- Ctrl-C and SIGTERM (a cluster's preemption): the step is finished, a checkpoint saved, and the
  process ends with the status a shell expects, 130 or 143. A second Ctrl-C ends it at once.
- DVC leaves the process of a stage running when it is killed itself. Such an orphan saves and
  ends with 143 within a second of its next step, so that the next `dvc repro`, which waits for
  its lock, goes on from there. A training started by hand outlives its shell as usual.
- The same holds for the processes of a stage that started them by torchrun, when it is killed.
"""

import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any

import psutil

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WATCH_SECONDS = 0.5
LAUNCHER = "SR_TRAINING_LAUNCHER"  # process that started this one by torchrun


class Stopped(SystemExit):
    """Training has saved a checkpoint and ends, with this exit status."""


class Interruption:
    """Notices requests to stop while it is entered as a context."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, Any] = {}
        self._watched = [p for p in (dvc_process(), _launcher()) if p is not None]
        self._next_look = 0.0

    def __enter__(self) -> "Interruption":
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

    def requested(self) -> bool:
        """Whether to save and stop now."""
        if self._signal is None and self._is_orphan():
            self._signal = signal.SIGTERM
        return self._signal is not None

    def stop(self) -> None:
        """End the training with the status of the request.

        Raises:
            Stopped: Always.
        """
        raise Stopped(128 + (self._signal or signal.SIGTERM))

    def _is_orphan(self) -> bool:
        now = time.monotonic()
        if not self._watched or now < self._next_look:
            return False
        self._next_look = now + WATCH_SECONDS
        return not all(process.is_running() for process in self._watched)


def _launcher() -> psutil.Process | None:
    pid = os.environ.get(LAUNCHER)
    try:
        return psutil.Process(int(pid)) if pid is not None else None
    except psutil.NoSuchProcess:
        # It died before we came to look: stand in for it with a process that is gone.
        raise Stopped(128 + signal.SIGTERM) from None


def dvc_process() -> psutil.Process | None:
    """The DVC process that runs this stage, or None where the stage was started by hand.

    DVC sets DVC_STAGE for what it starts and not for itself, so it is the nearest ancestor
    without; shells and launchers between the two inherit the variable.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    for ancestor in psutil.Process().parents():
        try:
            if "DVC_STAGE" not in ancestor.environ():
                return ancestor
        except psutil.Error:
            return ancestor
    return None
