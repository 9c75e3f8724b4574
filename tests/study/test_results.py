"""From answers to tables, against numbers worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from pipeline.errors import UserError
from pipeline.evaluation.opinions import read_scores
from pipeline.images.manifest import pixels_sha256
from pipeline.images.picture import read_png
from pipeline.study.definition import Study
from pipeline.study.order import playlist
from pipeline.study.results import study_results, write_results
from tests.study.conftest import MakeStudy
from tests.study.test_ratings import DOWN, UP


def answers_of(study: Study, people: int, value) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    """What participants answer who give `value(number, presentation)`."""
    rows = [
        {
            "participant": number,
            "position": position,
            "role": shown.role,
            "first": shown.item.first,
            "second": shown.item.second,
            "value": value(number, shown),
            "milliseconds": 1000 * number,
            "pixel_ratio": 1.0,
            "viewport": "10x10",
            "received": "2026-01-01T00:00:00.000Z",
            "finished": True,
        }
        for number in range(1, people + 1)
        for position, shown in enumerate(playlist(study, number))
    ]
    return pd.DataFrame(rows)


GRADE = {"reference": 5, "good": 4, "poor": 2}


def rating(study: Study):  # type: ignore[no-untyped-def]
    def value(number: int, shown) -> int:  # type: ignore[no-untyped-def]
        grade = GRADE[study.stimuli[shown.item.first].method] - (number % 3 == 0)
        changed = shown.role == "repeat" and number == 2
        return 1 if shown.role == "training" else grade - changed

    return value


def test_means_are_those_worked_out_by_hand(make_study: MakeStudy):
    _, study = make_study(repeats=2)
    result = study_results(study, answers_of(study, 9, rating(study)))
    methods = result.methods.set_index("method")
    # Three of nine participants give one grade less, for every picture.
    for method, grade in GRADE.items():
        assert methods.loc[method, "mos"] == pytest.approx(grade - 1 / 3)
        assert methods.loc[method, "dmos"] == pytest.approx(grade)
    half = stats.t.ppf(0.975, 8) * 0.5 / 3  # nine values, three of them one less: deviation 0.5
    assert methods.loc["good", "high"] - methods.loc["good", "mos"] == pytest.approx(half)
    assert methods["dmos_low"].tolist() == pytest.approx([5, 4, 2])
    assert list(methods.index) == ["reference", "good", "poor"]
    assert len(result.pictures) == 9
    assert (result.pictures["answers"] == 9).all()


def test_practice_and_second_answers_do_not_count_and_repeats_tell_consistency(
    make_study: MakeStudy,
):
    _, study = make_study(repeats=4)
    result = study_results(study, answers_of(study, 6, rating(study)))
    people = result.observers.set_index("participant")
    assert people["repeats"].tolist() == [4] * 6
    assert people["repeats_equal"].tolist() == [1, 0, 1, 1, 1, 1]
    assert people["repeats_difference"].tolist() == [0, 1, 0, 0, 0, 0]
    assert people["median_seconds"].tolist() == [1, 2, 3, 4, 5, 6]
    assert "repeated items answered alike: 83 %" in result.text()
    # Participant 2's lower second answers leave the mean alone.
    assert result.methods.set_index("method").loc["good", "mos"] == pytest.approx(4 - 2 / 6)


def test_an_observer_far_off_on_both_sides_is_left_out(make_study: MakeStudy):
    _, study = make_study()

    def value(number: int, shown) -> int:  # type: ignore[no-untyped-def]
        return (UP if shown.item.first % 2 else DOWN)[number - 1]

    answers = answers_of(study, 10, value)
    result = study_results(study, answers)
    people = result.observers.set_index("participant")
    assert people.index[people["rejected"]].tolist() == [10]
    assert sorted(people.loc[10, ["above", "below"]]) == [4, 5]
    assert people["counted"].tolist() == [True] * 9 + [False]
    assert "left out, rejected: participant 10" in result.text()
    assert (result.pictures["answers"] == 9).all()
    kept = {round(sum(grades[:9]) / 9, 9) for grades in (UP, DOWN)}
    assert set(result.pictures["mos"].round(9)) == kept
    everybody = study_results(study, answers, screening=False)
    assert everybody.observers["counted"].all()
    assert set(everybody.pictures["mos"].round(9)) == {2.6, 3.4}


def test_who_has_not_finished_counts_only_on_request(make_study: MakeStudy):
    _, study = make_study()
    answers = answers_of(study, 5, rating(study))
    answers.loc[answers["participant"] == 3, "finished"] = False
    answers = answers[(answers["participant"] != 3) | (answers["position"] < 8)]
    result = study_results(study, answers)
    assert "left out, unfinished: participant 3" in result.text()
    assert (result.pictures["answers"] == 4).all()
    more = study_results(study, answers, unfinished=True)
    assert more.pictures["answers"].max() == 5
    nobody = answers[answers["participant"] == 3]
    with pytest.raises(UserError, match="none of 1 participants who began has finished"):
        study_results(study, nobody)


def test_nobody_at_all_is_an_error(make_study: MakeStudy):
    _, study = make_study()
    with pytest.raises(UserError, match="none of 0 participants"):
        study_results(study, answers_of(study, 1, rating(study)).iloc[:0])


def prefer(study: Study):  # type: ignore[no-untyped-def]
    def value(number: int, shown) -> int:  # type: ignore[no-untyped-def]
        left, right = (GRADE[study.stimuli[i].method] for i in shown.item)
        better = 1 if left > right else 2
        return better if number % 4 else 3 - better  # one in four prefers the worse

    return value


def test_pairs_give_shares_worths_and_consistency(make_study: MakeStudy):
    _, study = make_study(kind="pairs", repeats=3)
    result = study_results(study, answers_of(study, 8, prefer(study)))
    assert result.pairs is not None
    assert result.pairs["wins"].tolist() == [18, 18, 18]  # 6 of 8 participants, 3 pictures
    assert result.pairs["losses"].tolist() == [6, 6, 6]
    methods = result.methods.set_index("method")
    assert methods["preference"].tolist() == pytest.approx([0.75, 0.5, 0.25])
    assert list(methods.index) == ["reference", "good", "poor"]
    assert methods["worth"].is_monotonic_decreasing
    assert (methods["low"] <= methods["preference"]).all()
    assert result.observers["repeats_equal"].tolist() == [1] * 8  # whichever side it was on
    assert (result.pictures["answers"] == 16).all()


@pytest.mark.parametrize("kind", ["rating", "pairs"])
def test_evaluate_reads_the_scores_by_the_pixels_that_were_judged(
    kind: str, make_study: MakeStudy, pictures: Path, tmp_path: Path
):
    _, study = make_study(kind=kind)
    value = rating(study) if kind == "rating" else prefer(study)
    result = study_results(study, answers_of(study, 9, value))
    paths = write_results(result, tmp_path / "out")
    assert all(path.stat().st_size > 0 for path in paths)
    opinions = read_scores(tmp_path / "out" / "results.csv")
    assert opinions.score == ("mos" if kind == "rating" else "preference")
    judged = next(s for s in study.stimuli if s.method == "poor" and not s.training)
    picture = read_png(pictures / "poor" / judged.set / f"{judged.image}.png")
    table = result.pictures
    row = table[
        (table["method"] == "poor")
        & (table["image"] == judged.image)
        & (table["set"] == judged.set)
    ]
    assert opinions.by_pixels[pixels_sha256(picture)] == pytest.approx(
        row[opinions.score].iloc[0], abs=1e-6
    )


def test_the_same_answers_give_the_same_bytes(make_study: MakeStudy, tmp_path: Path):
    _, study = make_study()
    answers = answers_of(study, 6, rating(study))
    for name in ("x", "y"):
        write_results(study_results(study, answers), tmp_path / name)
    for path in (tmp_path / "x").iterdir():
        assert path.read_bytes() == (tmp_path / "y" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file"),
        ("", "not a table"),
        ("set,image\n1,2\n", "no column method"),
        ("set,image,method,low,high,answers,pixels_sha256\n", "no column mos or preference"),
        ("set,image,method,mos,low,high,answers,pixels_sha256\na,b,c,?,1,2,3,x\n", "is no number"),
    ],
)
def test_a_file_that_is_no_result_is_refused(text: str | None, message: str, tmp_path: Path):
    path = tmp_path / "results.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_scores(path)
