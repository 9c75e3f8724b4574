"""From answers to tables and a plot."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.study.definition import REFERENCE, Study
from pipeline.study.preferences import resample_observers, wilson_share
from pipeline.study.ratings import Grades, mean_interval, screen_observers

_EXCELLENT = 5


@dataclass(frozen=True)
class StudyResult:
    """What a study found.

    Attributes:
        study: The study.
        pictures: One row a picture and method; `pipeline.evaluation.opinions` reads it.
        methods: One row a method, the best first.
        observers: One row a participant, with what screening and repeated items say.
        answers: Every answer, by names.
        pairs: Of pairs, one row two methods.
    """

    study: Study
    pictures: pd.DataFrame
    methods: pd.DataFrame
    observers: pd.DataFrame
    answers: pd.DataFrame
    pairs: pd.DataFrame | None = None

    def text(self) -> str:
        """The result as a person reads it."""
        counted = int(self.observers["counted"].sum())
        lines = [
            self.methods.to_string(index=False, float_format=lambda value: f"{value:.2f}"),
            f"{counted} of {len(self.observers)} participants counted; 95 % intervals",
        ]
        for reason in ("unfinished", "rejected"):
            who = self.observers.loc[self.observers[reason] & ~self.observers["counted"]]
            if len(who):
                numbers = ", ".join(str(number) for number in who["participant"])
                lines.append(f"left out, {reason}: participant {numbers}")
        equal = self.observers.loc[self.observers["counted"], "repeats_equal"].mean()
        if not np.isnan(equal):
            lines.append(f"repeated items answered alike: {100 * equal:.0f} %")
        return "\n".join(lines)


def study_results(
    study: Study, answers: pd.DataFrame, *, unfinished: bool = False, screening: bool = True
) -> StudyResult:
    """Reduce answers to scores.

    Practice does not count, nor does the second answer to a repeated item.

    Args:
        study: The study.
        answers: What `Answers.frame` gives.
        unfinished: Count participants who have not answered everything too.
        screening: Leave out observers as ITU-R BT.500 says; pairs have no such rule.

    Raises:
        UserError: If nobody counts.
    """
    observers = _observers(study, answers)
    usable = observers["answers"] > 0 if unfinished else ~observers["unfinished"]
    if not usable.any():
        raise UserError(
            f"{study.name}: none of {len(observers)} participants who began has finished; "
            "`--unfinished` counts what there is"
        )
    test = answers[(answers["role"] == "test")]
    test = test[test["participant"].isin(observers.loc[usable, "participant"])]
    if study.kind == "pairs":
        observers = observers.assign(counted=usable)
        return _pairs_result(study, test, observers, _named(study, answers))
    grades = test.pivot_table(index="participant", columns="first", values="value")
    found = screen_observers(grades.to_numpy(dtype=np.float64))
    screened = pd.DataFrame(
        {"participant": grades.index, "above": found.above, "below": found.below}
    ).assign(rejected=found.rejected & screening)
    observers = observers.drop(columns="rejected").merge(screened, how="left", on="participant")
    observers["rejected"] = observers["rejected"].eq(True)
    observers["counted"] = usable.to_numpy() & ~observers["rejected"]
    kept = grades[~screened["rejected"].to_numpy()]
    return _rating_result(study, kept, observers, _named(study, answers))


def _rating_result(
    study: Study, grades: pd.DataFrame, observers: pd.DataFrame, answers: pd.DataFrame
) -> StudyResult:
    columns = {int(index): i for i, index in enumerate(grades.columns)}
    values = grades.to_numpy(dtype=np.float64)
    differences = _against_reference(study, values, columns)
    pictures, by_method = [], []
    for index, column in columns.items():
        stimulus = study.stimuli[index]
        row = {"set": stimulus.set, "image": stimulus.image, "method": stimulus.method}
        row |= _mean_columns("mos", values[:, column])
        row |= _mean_columns("dmos", differences[:, column])
        pictures.append(row | {"pixels_sha256": stimulus.pixels_sha256})
    for method in study.methods:
        mine = [c for index, c in columns.items() if study.stimuli[index].method == method]
        # An observer's grades hang together: the interval is over observers.
        row = {"method": method} | _mean_columns("mos", _row_means(values[:, mine]))
        row |= _mean_columns("dmos", _row_means(differences[:, mine]))
        by_method.append({k: v for k, v in row.items() if k != "answers"})
    methods = pd.DataFrame(by_method).sort_values("mos", ascending=False, kind="stable")
    return StudyResult(study, pd.DataFrame(pictures), methods, observers, answers)


def _against_reference(study: Study, grades: Grades, columns: dict[int, int]) -> Grades:
    """Differential grades: grade - grade of the hidden reference + 5 (ITU-T P.910, ACR-HR)."""
    references = {
        study.stimuli[index].content: column
        for index, column in columns.items()
        if study.stimuli[index].method == REFERENCE
    }
    result = np.full(grades.shape, np.nan)
    for index, column in columns.items():
        beside = references.get(study.stimuli[index].content)
        if beside is not None:
            result[:, column] = grades[:, column] - grades[:, beside] + _EXCELLENT
    return result


def _row_means(values: Grades) -> Grades:
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _mean_columns(name: str, values: Grades) -> dict[str, Any]:
    mean = mean_interval(values)
    prefix = "" if name == "mos" else f"{name}_"
    row: dict[str, Any] = {name: mean.mean, f"{prefix}low": mean.low, f"{prefix}high": mean.high}
    return row | ({"answers": mean.answers} if name == "mos" else {})


def _pairs_result(
    study: Study, test: pd.DataFrame, observers: pd.DataFrame, answers: pd.DataFrame
) -> StudyResult:
    methods = study.methods
    wins = _wins(study, test)
    total = wins.sum(axis=(0, 1))
    share, worth = resample_observers(wins.sum(axis=1))
    table = pd.DataFrame(
        {
            "method": methods,
            "preference": share.value,
            "low": share.low,
            "high": share.high,
            "worth": worth.value,
            "worth_low": worth.low,
            "worth_high": worth.high,
        }
    ).sort_values("worth", ascending=False, kind="stable")
    pairs = [
        {"method": methods[i], "other": methods[j], "wins": int(total[i, j])}
        | {"losses": int(total[j, i])}
        | wilson_share(int(total[i, j]), int(total[i, j] + total[j, i]))._asdict()
        for i in range(len(methods))
        for j in range(i + 1, len(methods))
    ]
    pictures = pd.DataFrame(list(_picture_shares(study, wins.sum(axis=0))))
    return StudyResult(study, pictures, table, observers, answers, pd.DataFrame(pairs))


def _wins(study: Study, test: pd.DataFrame) -> NDArray[np.float64]:
    """Who preferred what: (observers, pictures, methods, methods)."""
    methods = {name: i for i, name in enumerate(study.methods)}
    contents = {content: i for i, content in enumerate(_contents(study))}
    people = {number: i for i, number in enumerate(sorted(test["participant"].unique()))}
    wins = np.zeros((len(people), len(contents), len(methods), len(methods)))
    for row in _rows(test):
        left, right = study.stimuli[row.first], study.stimuli[row.second]
        better, worse = (left, right) if row.value == 1 else (right, left)
        place = (people[row.participant], contents[left.content])
        wins[(*place, methods[better.method], methods[worse.method])] += 1
    return wins


def _contents(study: Study) -> list[tuple[str, str]]:
    return list(dict.fromkeys(s.content for s in study.stimuli if not s.training))


def _picture_shares(study: Study, wins: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
    """For each picture and method, the share of its comparisons won."""
    methods = study.methods
    contents = _contents(study)
    for stimulus in study.stimuli:
        if stimulus.training:
            continue
        here = wins[contents.index(stimulus.content)]
        i = methods.index(stimulus.method)
        won, count = int(here[i].sum()), int(here[i].sum() + here[:, i].sum())
        share = wilson_share(won, count)
        yield {
            "set": stimulus.set,
            "image": stimulus.image,
            "method": stimulus.method,
            "preference": share.share,
            "low": share.low,
            "high": share.high,
            "answers": count,
            "pixels_sha256": stimulus.pixels_sha256,
        }


def _observers(study: Study, answers: pd.DataFrame) -> pd.DataFrame:
    """How far each participant came, and how alike they answered repeated items."""
    rows = []
    for number, group in answers.groupby("participant"):
        counted = group[group["role"] != "training"]
        change = _changes(study, counted)
        rows.append(
            {
                "participant": number,
                "answers": int((group["role"] == "test").sum()),
                "unfinished": not bool(group["finished"].all()),
                "rejected": False,
                "repeats": len(change),
                "repeats_equal": float((change == 0).mean()) if len(change) else np.nan,
                "repeats_difference": float(change.mean()) if len(change) else np.nan,
                "median_seconds": counted["milliseconds"].median() / 1000,
            }
        )
    columns = ["participant", "answers", "unfinished", "rejected", "repeats", "repeats_equal"]
    return pd.DataFrame(rows, columns=[*columns, "repeats_difference", "median_seconds"])


def _changes(study: Study, group: pd.DataFrame) -> NDArray[np.float64]:
    """Absolute difference of the two answers to each repeated item; of pairs 0 or 1."""
    before: dict[tuple[int, int], int] = {}
    changes = []
    for row in _rows(group):
        # Of pairs, what was preferred, whichever side it was on.
        sides = (row.first, row.second)
        item, value = (min(sides), max(sides)), row.value
        if study.kind == "pairs":
            value = int(sides[row.value - 1] == item[1])
        if row.role == "test":
            before[item] = value
        else:
            changes.append(abs(value - before[item]))
    return np.array(changes, dtype=np.float64)


class _Row(NamedTuple):
    """An answer; `second` is -1 where one picture was shown."""

    participant: int
    role: str
    first: int
    second: int
    value: int


def _rows(answers: pd.DataFrame) -> Iterator[_Row]:
    names = ("participant", "first", "second", "value")
    numbers = (answers[name].fillna(-1).astype(int).tolist() for name in names)
    roles = answers["role"].tolist()
    for role, (person, first, second, value) in zip(roles, zip(*numbers, strict=True), strict=True):
        yield _Row(person, role, first, second, value)


def _named(study: Study, answers: pd.DataFrame) -> pd.DataFrame:
    """Answers with names in place of indices."""
    named = answers.copy()
    first = [study.stimuli[int(i)] for i in answers["first"]]
    named.insert(3, "set", [stimulus.set for stimulus in first])
    named.insert(4, "image", [stimulus.image for stimulus in first])
    named.insert(5, "method", [stimulus.method for stimulus in first])
    if study.kind == "pairs":
        second = [study.stimuli[int(i)].method for i in answers["second"]]
        named.insert(6, "method_right", second)
    return named.drop(columns=["first", "second"])


def write_results(result: StudyResult, folder: Path) -> list[Path]:
    """Write `results.csv` (picture by picture), the other tables, and `plot.png`."""
    from pipeline.study.plot import write_plot

    folder.mkdir(parents=True, exist_ok=True)
    tables = {"results": result.pictures, "methods": result.methods, "pairs": result.pairs}
    tables |= {"observers": result.observers, "answers": result.answers}
    paths = []
    for name, table in tables.items():
        if table is not None:
            paths.append(folder / f"{name}.csv")
            table.round(6).to_csv(paths[-1], index=False, lineterminator="\n")
    paths.append(folder / "plot.png")
    write_plot(result.study.kind, result.methods, result.pictures, paths[-1])
    return paths
