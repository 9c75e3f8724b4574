"""The kill and resume matrix: every kind of training, killed at several moments."""

import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.training.driver import DieAtStep, DieInWrite, train
from tests.training.recipes import RECIPES
from tests.training.stores import write_stores
from tests.training.test_resume import outcome, steps_resumed

# Steps 4, 5, 6 and 8 are where phases change; checkpoints are at 3, 6, 9 and 12.
MOMENTS = [
    pytest.param(DieAtStep(7), [6], id="step 7"),
    pytest.param(DieAtStep(4), [3], id="step 4", marks=pytest.mark.slow),
    pytest.param(DieAtStep(6), [6], id="step 6", marks=pytest.mark.slow),
    pytest.param(DieInWrite(2, 0.5), [3], id="tensors half written", marks=pytest.mark.slow),
    pytest.param(DieInWrite(3, 0.5), [3], id="description half written", marks=pytest.mark.slow),
]


def store(folder: Path, recipe: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_stores(folder, scale=recipe.get("scale", 2))
    return folder


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """Gives the outcome of a training that nothing interrupted; each is trained once."""

    @cache
    def outcome_of(name: str) -> dict[str, bytes]:
        folder = store(tmp_path_factory.mktemp(name), RECIPES[name])
        assert train(folder, "whole", **RECIPES[name]) == 0, (folder / "whole.err").read_text()
        return outcome(folder, "whole")

    return outcome_of


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("moment", "resumed_at"), MOMENTS)
def test_every_kind_of_training_resumes_to_the_same_bytes(
    tmp_path: Path,
    whole_of: Callable[[str], dict[str, bytes]],
    name: str,
    moment: Any,
    resumed_at: list[int],
):
    recipe = RECIPES[name]
    folder = store(tmp_path, recipe)
    assert train(folder, "killed", prepare=moment, **recipe) == -signal.SIGKILL
    assert train(folder, "killed", feed_threads=3, **recipe) == 0
    assert steps_resumed(folder, "killed") == resumed_at
    assert outcome(folder, "killed") == whole_of(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "curriculum"])
def test_a_checkpoint_at_every_step_resumes_from_each(
    tmp_path: Path, whole_of: Callable[[str], dict[str, bytes]], name: str
):
    recipe = RECIPES[name] | {"checkpoint_every": 1}
    folder = store(tmp_path, recipe)
    for step in range(1, 12):
        assert train(folder, "killed", prepare=DieAtStep(step), **recipe) == -signal.SIGKILL
    assert train(folder, "killed", **recipe) == 0
    assert steps_resumed(folder, "killed") == list(range(1, 12))
    assert outcome(folder, "killed") == whole_of(name)


def test_the_curve_has_every_part_share_rate_and_what_discriminators_answer(
    whole_of: Callable[[str], dict[str, bytes]],
):
    header, *rows = whole_of("gan")["train.csv"].decode().splitlines()
    columns = header.split(",")
    for part in ("l1", "image", "critic", "spectral"):
        assert {f"loss/{part}", f"share/{part}"} <= set(columns)
    for name in ("image", "critic", "spectral"):
        told = {f"discriminator/{name}/{what}" for what in ("loss", "real", "fake")}
        assert told | {f"learning_rate/{name}"} <= set(columns)
    assert {"discriminator/image/r1", "discriminator/critic/gradient_penalty"} <= set(columns)
    assert {"learning_rate", "gradient_norm", "valid/psnr_y"} <= set(columns)
    values = dict(zip(columns, rows[-1].split(","), strict=True))
    assert float(values["learning_rate/image"]) == pytest.approx(1e-3 * (1 / 4 + 3 / 8) / 4)


def test_an_early_stop_ends_and_the_best_is_kept(whole_of: Callable[[str], dict[str, bytes]]):
    lines = whole_of("selected")["train.csv"].decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "4", "8"]
    last = dict(zip(lines[0].split(","), lines[-1].split(","), strict=True))
    assert float(last["best/psnr_y"]) >= float(last["valid/psnr_y"])
