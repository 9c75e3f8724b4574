"""Fifty participants at once, while the server is killed and started again."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
import requests

from pipeline.study.definition import Study
from pipeline.study.store import open_answers
from tests.study.conftest import MakeStudy, StudyServer, answer_body, wait_for
from tests.tracking.servers import postgres

CROWD = 50

Acknowledged = dict[tuple[int, int], int]
"""Value by participant and position, once the server has said that it has it."""


def take_part(number: int, link: str, acknowledged: Acknowledged) -> None:
    """Answer everything as the page does: the same answer again until the server says yes."""
    session = requests.Session()

    def insist(method: str, address: str, **body: object) -> dict[str, int]:
        while True:
            try:
                answer = session.request(method, address, timeout=30, **body)  # type: ignore[arg-type]
            except requests.RequestException:
                continue
            if answer.status_code < 500:
                assert answer.ok, answer.text
                return answer.json()

    state = insist("GET", f"{link}/state")
    while (position := state["position"]) < state["total"]:
        value = 1 + (7 * number + position) % 5
        state = insist("POST", f"{link}/answers/{position}", json=answer_body(value))
        assert state["position"] == position + 1
        acknowledged[number, position] = value


def crowd_survives(server: StudyServer, folder: Path, study: Study, database: str | None) -> None:
    links = server.links()
    assert len(set(links)) == CROWD
    acknowledged: Acknowledged = {}
    total = CROWD * requests.get(f"{links[0]}/state").json()["total"]
    with ThreadPoolExecutor(CROWD) as people:
        done = [people.submit(take_part, n, link, acknowledged) for n, link in enumerate(links, 1)]
        for part in (1, 2):
            wait_for(lambda part=part: len(acknowledged) >= total * part // 3)
            server.kill()
            assert len(acknowledged) < total, "it was killed too late to tell anything"
            stored = stored_answers(folder, study, database)
            lost = {key: v for key, v in dict(acknowledged).items() if stored.get(key) != v}
            assert not lost
            server.start()
    for person in done:
        person.result()
    frame = frame_of(folder, study, database)
    assert len(acknowledged) == total
    assert stored_answers(folder, study, database) == acknowledged
    assert len(frame) == total
    assert frame["finished"].all()
    # Everybody judged everything once, what is repeated twice, and nothing else.
    for _, group in frame.groupby("participant"):
        counted = Counter(group.loc[group["role"] != "training", "first"])
        expected = Counter(item.first for item in study.items(training=False))
        extra = counted - expected
        assert not expected - counted
        assert sum(extra.values()) == study.repeats


def frame_of(folder: Path, study: Study, database: str | None) -> pd.DataFrame:
    answers = open_answers(study, database, folder)
    try:
        return answers.frame()
    finally:
        answers.close()


def stored_answers(folder: Path, study: Study, database: str | None) -> Acknowledged:
    frame = frame_of(folder, study, database)
    keys = list(zip(frame["participant"].tolist(), frame["position"].tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, frame["value"].tolist(), strict=True))


@pytest.mark.server
def test_no_answer_of_fifty_participants_is_lost_when_the_server_is_killed(
    make_study: MakeStudy, serve: Callable[..., StudyServer]
):
    folder, study = make_study()
    crowd_survives(serve(folder, participants=CROWD), folder, study, None)


@pytest.mark.server
def test_no_answer_is_lost_with_postgresql_either(
    make_study: MakeStudy, serve: Callable[..., StudyServer]
):
    folder, study = make_study()
    # Not in pytest's folder, which another pytest shuts again for PostgreSQL's own user.
    with TemporaryDirectory() as place, postgres(Path(place) / "postgres") as database:
        server = serve(folder, database=database, participants=CROWD)
        crowd_survives(server, folder, study, database)
        server.kill()
