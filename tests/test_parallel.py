"""The parallel map."""

import math
import os
import signal
import sys

import pytest
import torch

from pipeline.errors import UserError
from pipeline.parallel import one_thread, parallel_map


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_results_are_in_the_order_of_the_items(jobs: int, shared: bool):
    results = parallel_map(math.sqrt, [9.0, 4.0, 1.0], description="", jobs=jobs, shared=shared)
    assert results == [3.0, 2.0, 1.0]


def test_nothing_to_do_is_no_error():
    assert parallel_map(math.sqrt, [], description="") == []


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_an_error_reaches_the_caller(jobs: int, shared: bool):
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        parallel_map(math.sqrt, [4.0, -1.0], description="", jobs=jobs, shared=shared)


def test_shared_work_needs_no_pickling():
    held = {3: "three", 5: "five"}
    assert parallel_map(lambda k: held[k], [5, 3], description="", jobs=2, shared=True) == [
        "five",
        "three",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="work is shared with threads here")
def test_a_killed_worker_is_an_error_and_not_a_wait():
    def killed(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(UserError, match="pictures: a worker process was killed"):
        parallel_map(killed, range(6), description="pictures", jobs=2, shared=True)


def test_one_thread_ends_with_the_work():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert one_thread()(torch.get_num_threads)() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
