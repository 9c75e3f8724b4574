"""One parallel map for work that is done picture by picture."""

import multiprocessing
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from pipeline.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_forked_function: Callable[[Any], Any]  # of a worker: what it was forked for


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    description: str,
    jobs: int | None = None,
    shared: bool = False,
) -> list[Result]:
    """Apply a function to every item on several processes.

    Args:
        function: Its result must not depend on the order of calls; picklable, unless shared.
        items: Arguments, one a call; picklable, as the results are.
        description: What the progress bar says; shown on a terminal only.
        jobs: Number of workers; all cores by default.
        shared: For functions that hold much, such as a network: the workers share the memory of
            this process. They are forked from it, at once and ready; where the system cannot do
            that safely (all but Linux, and where a GPU is in use), they are threads.

    Returns:
        Results in the order of the items.

    Raises:
        UserError: If a worker is killed.
    """
    jobs = min(jobs or cpu_count(), max(len(items), 1))
    results: Iterable[Result]
    if jobs == 1:
        results = map(function, items)
    elif shared and _forks_safely():
        results = _forked(function, items, jobs, description)
    else:
        prefer = "threads" if shared else "processes"
        workers = Parallel(n_jobs=jobs, return_as="generator", prefer=prefer)
        results = workers(delayed(function)(item) for item in items)
    bar = tqdm(results, total=len(items), desc=description, disable=not sys.stderr.isatty())
    return list(bar)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, for work that is done one item a core; also as a decorator."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _forks_safely() -> bool:
    import torch

    in_use: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return sys.platform == "linux" and not in_use


def _forked(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, description: str
) -> Iterator[Result]:
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("fork"), initializer=_begin, initargs=(function,)
    )
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of locks that other threads hold; nothing but `function` runs here.
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork")
            results = pool.map(_call, items)
        yield from results
    except BrokenProcessPool:
        raise UserError(
            f"{description}: a worker process was killed, perhaps for want of memory; nothing is "
            "lost, run it again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(function: Callable[[Any], Any]) -> None:
    global _forked_function
    import torch

    _forked_function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the pool
    torch.set_num_threads(1)  # one item a core; threads of a pool do not survive the fork


def _call(item: Any) -> Any:
    return _forked_function(item)
