"""`train.processes` above one: the stage starts itself anew under torchrun, which restarts it.

torchrun restarts all processes when one of them dies, and they go on from the last checkpoint.
An end that is meant (done, a request to stop, an error that a person must mend) must not be
repeated, so a process that torchrun started for a stage notes its exit status in a file and ends
with 0, and the stage ends with that status.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import psutil

from pipeline.errors import UserError
from pipeline.training.config import TrainConfig
from pipeline.training.interruption import LAUNCHER, SIGNALS, Stopped
from pipeline.training.processes import under_torchrun

STATUS_FILE = "SR_TRAINING_STATUS"
MAX_RESTARTS = 3


def must_launch(config: TrainConfig) -> bool:
    """Whether this process is to start the training's processes, and to do nothing else."""
    return config.processes > 1 and not under_torchrun()


def launch(module: str, arguments: Sequence[str], *, processes: int) -> int:
    """Run a module in several processes of this machine until it is done.

    Args:
        module: Such as `stages.train`.
        arguments: Its command line.
        processes: How many.

    Returns:
        Exit status: that of the training, or torchrun's when it gave up.
    """
    with TemporaryDirectory(prefix="sr-train-") as folder:
        status = Path(folder) / "status"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={processes}", f"--max-restarts={MAX_RESTARTS}"]
        environment = os.environ | {
            STATUS_FILE: str(status),
            LAUNCHER: str(os.getpid()),
            # Else a restart may read the addresses of the processes before it, which torchrun's
            # own store keeps (pytorch/pytorch#135712), and connect to nobody, or wait for ever.
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
            # torchrun would say that it sets this; the training sets its threads itself.
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        # In a session of its own, so that Ctrl-C reaches the training once, by way of us.
        process = subprocess.Popen(
            [*command, "-m", module, *arguments], env=environment, start_new_session=True
        )
        with _signals_to_workers(process.pid):
            code = process.wait()
        return int(status.read_text()) if status.is_file() else code


@contextmanager
def ending_once() -> Iterator[None]:
    """Note a meant end for the stage that launched this process; elsewhere do nothing."""
    path = os.environ.get(STATUS_FILE)
    if path is None:
        yield
        return
    try:
        yield
    except UserError as error:
        if os.environ.get("RANK") == "0":  # the others find the same
            for line in str(error).splitlines():
                print(f"error: {line}", file=sys.stderr)
        _note(path, 1)
    except Stopped as stopped:
        _note(path, int(stopped.code or 0))
    else:
        _note(path, 0)


def _note(path: str, status: int) -> None:
    """The highest status of all processes counts."""
    file = Path(path)
    known = int(file.read_text()) if file.is_file() else 0
    temporary = file.with_name(f"status.{os.getpid()}")
    temporary.write_text(str(max(status, known)))
    os.replace(temporary, file)


@contextmanager
def _signals_to_workers(torchrun: int) -> Iterator[None]:
    """Hand requests to stop on to the processes that train: torchrun would not let them save."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        try:
            workers = psutil.Process(torchrun).children()
        except psutil.NoSuchProcess:
            return
        for worker in workers:
            worker.send_signal(number)

    before: dict[int, Callable[[int, FrameType | None], None] | int | None] = {
        number: signal.signal(number, hand_on) for number in SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
