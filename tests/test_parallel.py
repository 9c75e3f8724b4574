"""The parallel map."""

import math

import pytest

from pipeline.parallel import parallel_map


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("threads", [False, True])
def test_results_are_in_the_order_of_the_items(jobs: int, threads: bool):
    results = parallel_map(math.sqrt, [9.0, 4.0, 1.0], description="", jobs=jobs, threads=threads)
    assert results == [3.0, 2.0, 1.0]


def test_nothing_to_do_is_no_error():
    assert parallel_map(math.sqrt, [], description="") == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_reaches_the_caller(jobs: int):
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        parallel_map(math.sqrt, [4.0, -1.0], description="", jobs=jobs)
