"""One parallel map for work that is done picture by picture."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    description: str,
    jobs: int | None = None,
    threads: bool = False,
) -> list[Result]:
    """Apply a function to every item on several processes, or threads.

    Joblib's own context (`joblib.parallel_config`) chooses another backend, such as a cluster's.

    Args:
        function: Picklable; its result must not depend on the order of calls.
        items: Arguments, one a call.
        description: What the progress bar says; shown on a terminal only.
        jobs: Number of workers; all cores by default.
        threads: Use threads of this process, for functions that leave the interpreter free.

    Returns:
        Results in the order of the items.
    """
    jobs = min(jobs or cpu_count(), max(len(items), 1))
    results: Iterable[Result]
    if jobs == 1:
        results = map(function, items)
    else:
        workers = Parallel(
            n_jobs=jobs, return_as="generator", prefer="threads" if threads else "processes"
        )
        results = workers(delayed(function)(item) for item in items)
    bar = tqdm(results, total=len(items), desc=description, disable=not sys.stderr.isatty())
    return list(bar)
