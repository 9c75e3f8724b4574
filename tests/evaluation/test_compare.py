"""Comparing runs: only like with like, picture by picture."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.errors import UserError
from pipeline.evaluation.compare import (
    Evaluated,
    alike,
    comparison_table,
    comparison_text,
    plane_table,
    require_alike,
)
from pipeline.evaluation.plane import pareto_front

RUN_A, RUN_B = "a" * 32, "b" * 32
PSNR = {RUN_A: [31.0, 30.0, 35.0], RUN_B: [31.5, 30.25, 34.0]}
BICUBIC = [30.0, 29.5, 33.0]


def evaluated(run: str, plane: tuple[float, float] | None = None, **protocol: Any) -> Evaluated:
    described = {"name": "rgb", "crop_border": 2, "luma": "float", "scale": 2} | protocol
    summary: dict[str, Any] = {"protocol": described, "pictures": "ab" * 32, "sets": {"Set3": {}}}
    if plane is not None:
        points = {"network": plane, "bicubic": (12.0, 6.0)}
        named = {k: {"rmse": v[0], "niqe": v[1]} for k, v in points.items()}
        summary["plane"] = {"perception": "niqe", "points": named}
    rows = [
        {"set": "Set3", "image": str(i), "method": method, "psnr_y": psnr, "lpips": 1 / psnr}
        for method, scores in (("bicubic", BICUBIC), ("network", PSNR[run]))
        for i, psnr in enumerate(scores)
    ]
    return Evaluated(run, f"net-{run[0]}", summary, pd.DataFrame(rows))


@pytest.mark.parametrize(
    "unlike", [{"crop_border": 4}, {"luma": "rounded"}, {"scale": 3}, {"name": "luma-first"}]
)
def test_unlike_protocols_are_refused_by_the_key_they_differ_in(unlike: dict[str, Any]):
    pair = [evaluated(RUN_A), evaluated(RUN_B, **unlike)]
    with pytest.raises(UserError, match=rf"not measured alike: {next(iter(unlike))} ") as raised:
        require_alike(pair)
    assert str(next(iter(unlike.values()))) in str(raised.value)
    assert [len(group) for group in alike(pair)] == [1, 1]


def test_other_pictures_are_refused():
    other = evaluated(RUN_B)
    other.summary["pictures"] = "cd" * 32  # type: ignore[index]
    with pytest.raises(UserError, match="test pictures abababababab and cdcdcdcdcdcd"):
        require_alike([evaluated(RUN_A), other])


def test_a_self_ensemble_compares_but_is_marked():
    pair = [evaluated(RUN_A), evaluated(RUN_B, self_ensemble=True)]
    require_alike(pair)
    assert [e.label for e in pair] == ["net-a aaaaaaaa", "net-b bbbbbbbb +self-ensemble"]


def test_runs_are_compared_picture_by_picture_with_bicubic_and_with_each_other():
    group = [evaluated(RUN_A), evaluated(RUN_B)]
    table = comparison_table(group).set_index(["run", "metric"])
    ours = np.array(PSNR[RUN_B]) - BICUBIC
    row = table.loc[(RUN_B, "psnr_y")]
    assert row["mean"] == pytest.approx(np.mean(PSNR[RUN_B]))
    assert row["better_by"] == pytest.approx(ours.mean())
    assert ours.min() <= row["better_low"] <= row["better_by"] <= row["better_high"] <= ours.max()
    assert (row["wins"], row["losses"]) == (3, 0)
    assert row["p"] == pytest.approx(2 * stats.binom.pmf(0, 3, 0.5))

    against = comparison_table(group, against=RUN_A[:6]).set_index(["run", "metric"])
    row = against.loc[(RUN_B, "psnr_y")]
    assert row["better_by"] == pytest.approx(np.mean(np.subtract(PSNR[RUN_B], PSNR[RUN_A])))
    assert (row["wins"], row["losses"], row["p"]) == (2, 1, 1.0)
    assert pd.isna(against.loc[(RUN_A, "psnr_y")]["better_by"])


def test_better_means_lower_where_lower_is_better():
    table = comparison_table([evaluated(RUN_A)]).set_index(["run", "metric"])
    assert table.loc[(RUN_A, "lpips")]["better_by"] > 0


def test_identical_pictures_leave_no_infinity_in_the_means():
    run = evaluated(RUN_A)
    run.frame.loc[run.frame["method"] == "network", "psnr_y"] = [np.inf, 30.0, 31.0]
    row = comparison_table([run]).set_index(["run", "metric"]).loc[(RUN_A, "psnr_y")]
    assert (row["mean"], row["images"], row["wins"]) == (30.5, 2, 1)
    assert "inf" not in comparison_text(comparison_table([run]))


def test_an_unknown_reference_is_refused():
    with pytest.raises(UserError, match="--against ffff"):
        comparison_table([evaluated(RUN_A)], against="ffff")


def test_the_plane_has_bicubic_once_and_marks_the_front():
    table = plane_table([evaluated(RUN_A, plane=(10.0, 7.0)), evaluated(RUN_B, plane=(11.0, 7.5))])
    assert list(table["name"]) == ["net-a aaaaaaaa", "bicubic", "net-b bbbbbbbb"]
    assert list(table["pareto"]) == [True, True, False]


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)], [0, 1, 2]),
        ([(3.0, 1.0), (1.0, 3.0), (2.0, 3.0)], [1, 0]),
        ([(1.0, 1.0), (1.0, 2.0), (2.0, 1.0)], [0]),
        ([], []),
    ],
)
def test_the_pareto_front_holds_what_nothing_beats(
    points: list[tuple[float, float]], front: list[int]
):
    assert pareto_front(points) == front
