"""One process at a time works on a training's checkpoints."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import UserError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(folder: Path, *, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock of a folder; the system releases it however the process ends.

    Args:
        folder: Its file `lock` is locked.
        patience: Seconds to wait for another holder, such as the orphan of a killed DVC, which
            needs a moment to notice, save and end.

    Raises:
        UserError: If the other holder goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lock"
    with open(path, "a+", encoding="utf-8") as file:
        _wait_for(file, path, patience)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _wait_for(file: IO[str], path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            return _try_lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
        if time.monotonic() > deadline:
            raise UserError(
                f"{path}: the same training already runs as process {holder}; "
                "wait until it is done, or stop it (it saves a checkpoint)"
            )
        if not told:
            print(f"waiting for process {holder}, which runs the same training", file=sys.stderr)
            told = True
        time.sleep(0.2)
