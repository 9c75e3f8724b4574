"""Fixtures for training."""

from pathlib import Path

import pytest

from tests.training.stores import write_stores


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds small stores of HR and LR."""
    write_stores(tmp_path)
    return tmp_path
