"""Downloads from a real server that cuts, ignores, redirects, fails and lies."""

import hashlib
import os
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.data import fetch as module
from pipeline.data.fetch import Patience, fetch
from pipeline.errors import UserError
from tests.data.server import Server

BODY = os.urandom(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()
FAST = Patience(tries=2, backoff=0.01, connect=2, read=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "got" / "file.bin"


def left_over(path: Path) -> set[str]:
    return {other.name for other in path.parent.iterdir()} - {f".{path.name}.lock"}


def test_a_file_is_fetched_whole_with_its_digest_and_nothing_is_left_beside_it(
    server: Server, path: Path
):
    url = server.add("/a", BODY)
    assert fetch(url, path, sha256=DIGEST.upper(), size=len(BODY), patience=FAST) == DIGEST
    assert path.read_bytes() == BODY
    assert left_over(path) == {"file.bin"}
    fetch(url, path, sha256=DIGEST)
    fetch(url, path)
    assert len(server.requests) == 1


def test_cut_connections_are_resumed_where_they_ended(server: Server, path: Path):
    url = server.add("/a", BODY, cut_after=70_000)
    assert fetch(url, path, patience=FAST) == DIGEST
    starts = [None, *(f"bytes={start}-" for start in range(70_000, 300_000, 70_000))]
    assert server.ranges("/a") == starts


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_an_interrupted_download_goes_on_in_the_next_run(
    server: Server, path: Path, sha256: str | None
):
    url = server.add("/a", BODY, cut_after=100_000, ranges=False)
    with pytest.raises(UserError, match="2 times without progress"):
        fetch(url, path, sha256=sha256, patience=FAST)
    assert not path.exists()
    server.requests.clear()
    server.add("/a", BODY)
    assert fetch(url, path, sha256=sha256, patience=FAST) == DIGEST
    assert server.ranges("/a") == ["bytes=100000-"]


def test_without_a_digest_a_file_that_changed_meanwhile_is_fetched_anew(server: Server, path: Path):
    url = server.add("/a", BODY, cut_after=0)
    path.parent.mkdir()
    path.with_name(".file.bin.part").write_bytes(b"old" * 1000)
    path.with_name(".file.bin.part.json").write_text(f'{{"url": "{url}", "validator": "\\"0\\""}}')
    server.sites["/a"].cut_after = None
    assert fetch(url, path, patience=FAST) == DIGEST


def test_a_wrong_beginning_from_an_earlier_run_is_fetched_anew(server: Server, path: Path):
    url = server.add("/a", BODY)
    path.parent.mkdir()
    path.with_name(".file.bin.part").write_bytes(b"x" * 1000)
    assert fetch(url, path, sha256=DIGEST, patience=FAST) == DIGEST
    assert server.ranges("/a") == ["bytes=1000-", None]


@pytest.mark.parametrize("excess", [0, 10])
def test_a_part_that_is_whole_already_or_too_long_is_settled(
    server: Server, path: Path, excess: int
):
    url = server.add("/a", BODY)
    path.parent.mkdir()
    path.with_name(".file.bin.part").write_bytes(BODY + b"x" * excess)
    assert fetch(url, path, sha256=DIGEST, patience=FAST) == DIGEST


class Case(NamedTuple):
    behaviour: dict[str, object]
    requests: int


@pytest.mark.parametrize(
    "case",
    [
        Case({"ranges": False, "cut_after": 100_000, "cuts": 1}, 2),
        Case({"statuses": [429], "retry_after": "1"}, 2),
        Case({"statuses": [500, 503]}, 3),
        Case({"length": False}, 1),
        Case({"cut_after": 100_000, "cuts": 1, "shift": -5}, 3),
    ],
    ids=["ignores ranges", "too many requests", "server errors", "no length", "wrong range"],
)
def test_what_is_only_awkward_is_overcome(server: Server, path: Path, case: Case):
    url = server.add("/a", BODY, **case.behaviour)
    assert fetch(url, path, sha256=DIGEST, patience=FAST) == DIGEST
    assert len(server.requests) == case.requests


def test_redirects_are_followed(server: Server, path: Path):
    target = server.add("/b", BODY, cut_after=200_000)
    assert fetch(server.add("/a", redirect=target), path, patience=FAST) == DIGEST


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"statuses": [404]}, "answers 404"),
        ({"statuses": [500] * 9}, "answers 500"),
        ({"body": b"wrong"}, f"sha256 is {hashlib.sha256(b'wrong').hexdigest()}, .* be {DIGEST}"),
        ({"body": BODY[:1000], "length": False}, "sha256 is"),
        ({"body": BODY, "cut_after": 0}, "cut|ended after 0 of 300000"),
    ],
    ids=["not found", "failing", "wrong body", "truncated", "always cut"],
)
def test_the_next_mirror_is_tried_and_without_one_the_reason_is_told(
    server: Server, path: Path, behaviour: dict[str, object], reason: str
):
    def bad() -> str:
        settings = {"body": BODY} | {
            key: list(value) if isinstance(value, list) else value
            for key, value in behaviour.items()
        }
        return server.add("/bad", **settings)

    good = server.add("/good", BODY)
    with pytest.raises(UserError, match=reason) as raised:
        fetch(bad(), path, sha256=DIGEST, patience=FAST)
    assert f"{server.address}/bad: " in str(raised.value)
    assert not path.exists()
    assert fetch([bad(), good], path, sha256=DIGEST, patience=FAST) == DIGEST


def test_a_dead_address_fails_in_one_line(path: Path):
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9/x: no connection"):
        fetch("http://127.0.0.1:9/x", path, patience=FAST)
    with pytest.raises(UserError, match="No connection adapters"):
        fetch("ftp://127.0.0.1/x", path, patience=FAST)


def test_a_web_page_is_no_file_and_a_wrong_size_is_refused(server: Server, path: Path):
    with pytest.raises(UserError, match="a web page instead of a file"):
        fetch(server.add("/a", b"<html>", kind="text/html"), path, patience=FAST)
    with pytest.raises(UserError, match="has 300000 bytes, and should have 7"):
        fetch(server.add("/b", BODY), path, size=7, patience=FAST)
    with pytest.raises(UserError, match="has 300000 bytes, and should have 7"):
        fetch(server.add("/c", BODY, length=False), path, size=7, patience=FAST)


def test_a_present_file_with_the_wrong_digest_is_replaced(server: Server, path: Path):
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    assert fetch(server.add("/a", BODY), path, sha256=DIGEST, patience=FAST) == DIGEST
    assert path.read_bytes() == BODY


def test_a_full_disk_is_noticed_before_the_first_byte(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(UserError, match=r"needs 0\.00 GB, and the disk has 0\.00 GB free"):
        fetch(server.add("/a", BODY), path, patience=FAST)
    assert not path.exists()
    assert not path.with_name(".file.bin.part").exists()


def test_two_at_once_fetch_once(server: Server, path: Path):
    url = server.add("/a", BODY)
    threads = [threading.Thread(target=fetch, args=(url, path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == BODY
    assert len(server.requests) == 1
