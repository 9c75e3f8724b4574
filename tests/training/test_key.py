"""The key of a training changes with whatever its outcome depends on."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.training import key as module
from pipeline.training.data import paired_rows
from pipeline.training.key import training_key
from tests.training.stores import small_recipe


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"loss": [{"name": "l2"}]},
        {"model": {"name": "edsr", "num_features": 5, "num_blocks": 1}},
        {"steps": 13},
        {"threads": 2},
        {"optimizer": {"name": "adam", "learning_rate": 2e-3}},
        {"memory_format": "contiguous"},
    ],
)
def test_another_parameter_is_another_key(folder: Path, change: dict[str, Any]):
    rows = list(paired_rows(folder / "hr", folder / "lr", scale=2))
    assert training_key(small_recipe(), rows) != training_key(small_recipe(**change), rows)


@pytest.mark.parametrize("change", [{"checkpoint_every": 5}, {"feed_threads": 2}, {"log_every": 3}])
def test_settings_without_influence_share_a_key(folder: Path, change: dict[str, Any]):
    rows = list(paired_rows(folder / "hr", folder / "lr", scale=2))
    assert training_key(small_recipe(), rows) == training_key(small_recipe(**change), rows)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("column", ["pixels_sha256", "name", "width"])
def test_another_picture_is_another_key(folder: Path, kind: int, column: str):
    rows = list(paired_rows(folder / "hr", folder / "lr", scale=2))
    before = training_key(small_recipe(), rows)
    rows[kind] = rows[kind].copy()
    rows[kind].loc[0, column] = 7 if column == "width" else "changed"
    assert training_key(small_recipe(), rows) != before


def test_another_line_of_code_is_another_key(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "pipeline"
    (package / "training").mkdir(parents=True)
    for name in ("__init__.py", "resize.py", "training/loop.py"):
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(module.pipeline, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(module, "CODE", ("resize.py", "training"))
    before = module.code_digest()
    assert module.code_digest() == before
    (package / "training" / "loop.py").write_text("x = 2\n")
    assert module.code_digest() != before
