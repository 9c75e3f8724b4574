"""Events on their way to MLflow: on disk first, delivered in the background.

What training reports is written to `.cache/runs/<time>-<process>/` and sent by a thread, which
tries again while the store is away. What could not be sent by the end stays in that folder; the
next run that reaches the store sends it first, and so does `sr runs replay`.
"""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from pipeline.tracking.store import main_root, tracking_uri
from pipeline.tracking.writer import Event, RunWriter

INTERVAL = 2.0  # seconds between deliveries: live enough to watch, few calls
LONGEST_PAUSE = 30.0  # seconds between attempts while the store is away
PATIENCE = 20.0  # seconds that the end of a run waits for a store that is away
LONGEST_SILENCE = 180.0  # the same for one that neither answers nor fails


class Outbox:
    """Takes events at once and delivers them in order.

    A context manager; leaving it waits until everything is delivered, or for `PATIENCE` seconds
    without success.
    """

    def __init__(self) -> None:
        self.folder = _outboxes() / f"{time.time_ns()}-{os.getpid()}"
        self._lock = _lock_of(self.folder)
        self._pending: list[Event] = []
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._last_success = time.monotonic()
        self._broken = ""
        self._delivered = self._given_up = False
        self._files = 0
        self._thread = threading.Thread(target=self._deliver_all, name="tracking", daemon=True)

    def __enter__(self) -> "Outbox":
        # Locked before it exists, so that no other process takes it for a leftover.
        self._attempt_on_disk(lambda: self.folder.parent.mkdir(parents=True, exist_ok=True))
        self._attempt_on_disk(self._lock.acquire)
        self._attempt_on_disk(self.folder.mkdir)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._last_success = time.monotonic()
        self._closing.set()
        while self._thread.is_alive() and not self._is_hopeless():
            self._thread.join(timeout=0.2)
        self._given_up = True
        self._thread.join(timeout=1.0)
        if not self._thread.is_alive():  # else it still writes, and the record stays locked
            self._lock.release()
        if self._delivered:
            _remove(self.folder)
        else:
            _say(
                f"the tracking store {tracking_uri()} stayed away ({self._broken or 'silent'}); "
                f"the record of this run waits in {self.folder}: "
                "`sr runs replay` sends it, and so does the next run"
            )

    def keep(self, name: str, content: bytes) -> str:
        """Keep a file that an event will name; return its name, empty where that failed."""
        written = self._attempt_on_disk(lambda: (self.folder / name).write_bytes(content))
        return name if written else ""

    def put(self, kind: str, **fields: Any) -> None:
        """Take an event; nothing that goes wrong with it reaches the caller."""
        event = {"kind": kind, "time": time.time_ns() // 1_000_000, **fields}
        line = json.dumps(event) + "\n"
        with self._guard:
            self._attempt_on_disk(lambda: _append(self.folder / "events.jsonl", line))
            self._pending.append(event)

    def put_file(self, kind: str, name: str, fill: Callable[[Path], object], **fields: Any) -> None:
        """Take an event with a file or folder, which `fill` makes at the path that it gets."""
        with self._guard:
            self._files += 1
            relative = f"files/{self._files}/{name}"
        path = self.folder / relative
        if self._attempt_on_disk(lambda: path.parent.mkdir(parents=True)) and (
            self._attempt_on_disk(lambda: fill(path))
        ):
            self.put(kind, file=relative, **fields)

    def _attempt_on_disk(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except OSError as error:
            self._report(f"cannot write in {self.folder}: {error}")
            return False
        return True

    def _deliver_all(self) -> None:
        """The thread: deliver until the outbox is closed and empty."""
        delivery = None
        pause = INTERVAL
        while not self._given_up:
            closing = self._closing.is_set()
            try:
                if delivery is None:
                    replay_leftovers()
                    delivery = _Delivery(self.folder)
                self._deliver(delivery)
                if closing and not self._pending:
                    self._delivered = True
                    return
                pause = INTERVAL
            except Exception as error:  # a store can fail in every way
                self._report(_reason(error))
                pause = min(2 * pause, LONGEST_PAUSE)
                if closing:
                    time.sleep(1.0)
            self._closing.wait(pause)

    def _is_hopeless(self) -> bool:
        silence = time.monotonic() - self._last_success
        return silence > (PATIENCE if self._broken else LONGEST_SILENCE)

    def _deliver(self, delivery: "_Delivery") -> None:
        while self._pending and not self._given_up:
            with self._guard:
                events = list(self._pending)
            count = delivery.step(events)
            with self._guard:
                del self._pending[:count]
            self._last_success = time.monotonic()
            if self._broken:
                self._broken = ""
                _say("the tracking store is back; nothing is lost")

    def _report(self, reason: str) -> None:
        if not self._broken:
            _say(f"tracking: {reason}; the run goes on, and its record is kept and sent later")
        self._broken = reason


class _Delivery:
    """Writes events in order and notes on disk how many are done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "state.json"
        state = json.loads(self._note.read_text()) if self._note.exists() else {}
        self.delivered: int = state.pop("delivered", 0)
        self._writer = RunWriter(folder, state)

    def step(self, events: Sequence[Event]) -> int:
        """Write the first event, or all metrics at the beginning; return their number."""
        first = events[0]
        try:
            if first["kind"] == "metrics":
                group = list(next(groupby(events, key=lambda event: event["kind"]))[1])
                self._writer.write_metrics(group)
                return self._done(len(group))
            self._writer.write(first)
        except Exception as error:
            if first["kind"] in ("training", "evaluation") or not _is_refusal(error):
                raise
            # Waiting would not help, and would hold up everything behind it.
            _say(f"tracking: the store refuses a record ({first['kind']}): {_reason(error)}")
        if "file" in first:
            shutil.rmtree((self._folder / first["file"]).parent, ignore_errors=True)
        return self._done(1)

    def _done(self, count: int) -> int:
        self.delivered += count
        state = {**self._writer.state, "delivered": self.delivered}
        with suppress(OSError):  # at worst, events are written twice, which does no harm
            temporary = self._note.with_suffix(".part")
            temporary.write_text(json.dumps(state))
            os.replace(temporary, self._note)
        return count


def replay_leftovers() -> int:
    """Deliver what earlier runs could not, oldest first.

    A record without an end is of a process that was killed; its run is marked so. Records of
    running processes are left to these.

    Returns:
        Number of records delivered and removed.

    Raises:
        Exception: Whatever MLflow raises while the store is away; what is left stays.
    """
    count = 0
    for outbox in leftovers():
        try:
            with _lock_of(outbox).acquire(blocking=False):
                _replay(outbox)
        except Timeout:
            continue
        _remove(outbox)
        count += 1
    return count


def leftovers() -> list[Path]:
    """Folders of records that are not delivered, oldest first; of running processes too."""
    return sorted(path for path in _outboxes().glob("*") if path.is_dir())


def _replay(outbox: Path) -> None:
    events = _read_events(outbox / "events.jsonl")
    if not events:
        return
    if events[-1]["kind"] != "end":
        of, moment = events[0]["kind"], events[-1]["time"]
        events.append({"kind": "end", "of": of, "status": "KILLED", "time": moment})
    delivery = _Delivery(outbox)
    while left := events[delivery.delivered :]:
        delivery.step(left)


def _read_events(path: Path) -> list[Mapping[str, Any]]:
    """Read the events; a last line that a killed process left unfinished is dropped."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def _outboxes() -> Path:
    return main_root() / ".cache" / "runs"


def _lock_of(outbox: Path) -> FileLock:
    return FileLock(outbox.with_suffix(".lock"))


def _remove(outbox: Path) -> None:
    shutil.rmtree(outbox, ignore_errors=True)
    outbox.with_suffix(".lock").unlink(missing_ok=True)


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


def _is_refusal(error: Exception) -> bool:
    """Whether the store understood and said no, so that asking again gives the same."""
    code = getattr(error, "error_code", "")
    return isinstance(error, LookupError) or code in (
        "INVALID_PARAMETER_VALUE",
        "BAD_REQUEST",
        "RESOURCE_DOES_NOT_EXIST",
    )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _say(message: str) -> None:
    tqdm.write(message, file=sys.stderr)
