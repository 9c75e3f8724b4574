import subprocess
import sys

import pytest

PROGRAM = """
import platform, resource
import torch
from pipeline.training.memory import keep_freed_memory

def faults(blocks):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        torch.ones(16, 1024, 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults(5)
keep_freed_memory()
faults(30)  # aligned blocks settle after a few: not every gap between small ones is wide enough
print(platform.libc_ver()[0] or "other", before, faults(5))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts the page faults of Linux")
def test_memory_of_freed_tensors_is_used_again():
    command = [sys.executable, "-c", PROGRAM]
    library, before, after = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    if library != "glibc":
        pytest.skip(f"memory is managed by {library}, not by glibc")
    assert int(before) > 5 * 1000  # 64 MiB are 16,384 pages, or 32 huge ones
    assert int(after) < 100
