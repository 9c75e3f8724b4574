"""Fixtures for the losses' tests."""

import pytest
import torch


@pytest.fixture(autouse=True)
def deterministic():
    """Refuse operations without a deterministic form; one thread, since the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)
