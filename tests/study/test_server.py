"""The server as programs see it: what it takes, what it refuses, and who may see what."""

from collections.abc import Callable

import pytest
import requests

from pipeline.study.server import _MAX_BODY
from tests.study.conftest import MakeStudy, ServerHere, answer_body

ServeHere = Callable[..., ServerHere]


@pytest.fixture
def link(make_study: MakeStudy, serve_here: ServeHere) -> str:
    folder, _ = make_study(training_pictures=0, repeats=0)
    return serve_here(folder).links()[0]


def state(link: str) -> dict[str, int]:
    return requests.get(f"{link}/state").json()


def test_an_answer_is_taken_once_and_the_first_one_stays(link: str):
    for value in (4, 4, 2):
        answer = requests.post(f"{link}/answers/0", json=answer_body(value))
        assert answer.status_code == 200
        assert answer.json()["position"] == 1
    admin = link.partition("/s/")[0]
    assert requests.get(f"{admin}/health").text == "ok"
    assert state(link)["position"] == 1


def test_an_answer_out_of_turn_is_not_taken(link: str):
    answer = requests.post(f"{link}/answers/5", json=answer_body(3))
    assert answer.json()["position"] == 0
    assert requests.post(f"{link}/answers/999", json=answer_body(3)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        answer_body(0),
        answer_body(6),
        answer_body(3) | {"value": True},
        answer_body(3) | {"value": "3"},
        answer_body(3) | {"milliseconds": -1},
        answer_body(3) | {"pixel_ratio": 0},
        answer_body(3) | {"viewport": "<script>"},
        answer_body(3) | {"another": 1},
    ],
)
def test_what_is_no_answer_is_refused(body: dict[str, object], link: str):
    assert requests.post(f"{link}/answers/0", json=body).status_code == 400
    assert state(link)["position"] == 0


def test_a_body_that_is_too_long_or_no_json_is_refused(link: str):
    assert requests.post(f"{link}/answers/0", data=b" " * (_MAX_BODY + 1)).status_code == 413
    assert requests.post(f"{link}/answers/0", data=b"\xff{").status_code == 400


@pytest.mark.parametrize("page", ["", "/state", "/pictures/x.png", "/answers/0"])
def test_a_link_that_nobody_has_leads_nowhere(page: str, link: str):
    wrong = link[:-1] + ("A" if link[-1] != "A" else "B") + page
    method = "POST" if "answers" in page else "GET"
    answer = requests.request(method, wrong, json=answer_body(1))
    assert answer.status_code == 404


def test_pictures_are_kept_by_the_browser_and_nothing_else_is(link: str):
    shown = state(link)
    address = link.partition("/s/")[0] + shown["pictures"][0]["url"]  # type: ignore[index]
    picture = requests.get(address)
    assert picture.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert picture.headers["Content-Type"] == "image/png"
    assert "no-store" in requests.get(f"{link}/state").headers["Cache-Control"]
    assert "no-store" in requests.get(link).headers["Cache-Control"]


@pytest.mark.parametrize("name", ["../study.json", "..%2Fstudy.json", "study.json", "x.png"])
def test_only_the_studys_pictures_can_be_fetched(name: str, link: str):
    request = requests.Request("GET", link).prepare()
    request.url = f"{link}/pictures/{name}"  # as it is, not made tidy
    assert requests.Session().send(request).status_code == 404


def test_nothing_that_a_participant_gets_names_a_method(link: str):
    for _ in range(state(link)["total"]):
        text = requests.get(f"{link}/state").text
        assert not any(word in text for word in ("reference", "good", "poor", "repeat", "test"))
        requests.post(f"{link}/answers/{state(link)['position']}", json=answer_body(3))
    assert "reference" not in requests.get(link).text


def test_every_answer_carries_the_protecting_headers(link: str):
    site = link.partition("/s/")[0]
    for address in (link, f"{link}/state", f"{site}/admin", f"{site}/static/study.js", site + "/?"):
        headers = requests.get(address).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in headers


def test_links_are_unguessable(make_study: MakeStudy, serve_here: ServeHere):
    links = serve_here(make_study()[0], participants=40).links()
    tokens = {link.rpartition("/")[2] for link in links}
    assert len(tokens) == 40
    assert {len(token) for token in tokens} == {22}  # 128 bits


def test_the_admin_page_needs_the_password(make_study: MakeStudy, serve_here: ServeHere):
    folder, _ = make_study()
    server = serve_here(folder)
    stranger = requests.Session()
    assert "Password" in stranger.get(f"{server.address}/admin").text
    assert "/s/" not in stranger.get(f"{server.address}/admin/links.csv").text
    wrong = stranger.post(f"{server.address}/admin/login", {"password": "wrong"})
    assert wrong.status_code == 403
    forged = {"study_admin": f"session 99999999999.{'0' * 64}"}
    for cookies in ({"study_admin": "x"}, forged):
        assert "Password" in requests.get(f"{server.address}/admin", cookies=cookies).text
    added = stranger.post(f"{server.address}/admin/participants", {"count": "5", "token": "x"})
    assert added.status_code == 403
    assert len(server.links()) == 3


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    make_study: MakeStudy, serve_here: ServeHere
):
    server = serve_here(make_study()[0])
    answer = requests.post(
        f"{server.address}/admin/login", {"password": server.password}, allow_redirects=False
    )
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/admin"))


def test_a_form_of_another_site_adds_nobody(make_study: MakeStudy, serve_here: ServeHere):
    server = serve_here(make_study()[0])
    admin = server.admin()
    for data in ({"count": "5"}, {"count": "5", "token": "guess"}):
        assert admin.post(f"{server.address}/admin/participants", data).status_code == 403
    assert len(server.links()) == 3


def test_the_password_is_stored_hashed_only(make_study: MakeStudy, serve_here: ServeHere):
    folder, _ = make_study()
    server = serve_here(folder)
    for file in folder.iterdir():
        if file.is_file():
            assert server.password.encode() not in file.read_bytes()
