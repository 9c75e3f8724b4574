"""Fixtures for every test."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data (published tables, images, weights) beside the checkout.

    It holds `data/`, `reference/` and `weights/`. It is not part of the project; set
    `SR_REFERENCE` where it lies elsewhere.
    """
    folder = Path(os.environ.get("SR_REFERENCE", ROOT.parent / "shared"))
    if not (folder / "reference").is_dir():
        pytest.skip(f"reference data is absent: no folder {folder} (set SR_REFERENCE)")
    return folder
