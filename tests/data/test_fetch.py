"""Downloads from a real server that misbehaves."""

import hashlib
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.fetch import fetch
from pipeline.errors import UserError

BODY = np.random.default_rng(0).bytes(3_000_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """What a path answers is told by its words: `/cut/norange/data.bin`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []
        self.body = BODY
        self.tag = '"one"'

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def count(self, path: str) -> int:
        return sum(asked == f"/{path}" for asked, _ in self.requests)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        server, words = self.server, self.path.split("/")
        server.requests.append((self.path, self.headers.get("Range")))
        asked = server.count(self.path[1:])
        status = next((int(word) for word in words if word.isdigit()), None)
        if status and not ("once" in words and asked > 1):
            self.answer(status, b"no", {"Retry-After": "0"})
        elif "redirect" in words:
            self.answer(302, b"", {"Location": server.address("target/data.bin")})
        elif "page" in words:
            self.answer(200, b"<html>sign in</html>", {"Content-Type": "text/html; charset=utf-8"})
        elif "wrong" in words:
            self.answer(200, BODY[::-1], {})
        elif "gzip" in words:
            self.answer(200, server.body, {"Content-Encoding": "gzip"})
        else:
            self.send_file(cut="cut" in words and asked == 1, ranges="norange" not in words)

    def send_file(self, *, cut: bool, ranges: bool) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        changed = self.headers.get("If-Range") not in (None, server.tag)
        start = int(wanted[6:-1]) if wanted and ranges and not changed else 0
        if start >= len(server.body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(server.body)}"})
            return
        body = server.body[start:]
        headers = {} if "untagged" in self.path else {"ETag": server.tag}
        if start:
            last = len(server.body) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(server.body)}"
        self.answer(206 if start else 200, body, headers, sent=len(body) // 2 if cut else None)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str], *, sent: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:sent])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, path: Path, *routes: str, sha256: str | None = DIGEST) -> str:
    addresses = [server.address(route) for route in routes]
    return fetch(addresses, path, sha256=sha256, attempts=3, backoff=0.001, timeout=5)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "route",
    ["data.bin", "redirect/data.bin", "cut/data.bin", "cut/norange/data.bin", "cut/untagged/d.bin"]
    + [f"once/{status}/data.bin" for status in (408, 429, 500, 502, 503, 504)],
)
@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_the_file_arrives_whole(server: Server, tmp_path: Path, route: str, sha256: str | None):
    path = tmp_path / "new" / "data.bin"
    assert get(server, path, route, sha256=sha256) == DIGEST
    assert path.read_bytes() == BODY
    assert files(path.parent) == ["data.bin"]


def test_a_cut_download_asks_only_for_what_is_missing(server: Server, tmp_path: Path):
    get(server, tmp_path / "data.bin", "cut/data.bin")
    assert [asked for _, asked in server.requests] == [None, f"bytes={len(BODY) // 2}-"]


def test_a_later_run_resumes_what_an_earlier_one_left(server: Server, tmp_path: Path):
    path = tmp_path / "data.bin"
    with pytest.raises(UserError, match="cut after 1500000"):
        fetch([server.address("cut/data.bin")], path, sha256=DIGEST, attempts=1)
    assert not path.exists()
    get(server, path, "cut/data.bin")
    assert path.read_bytes() == BODY
    assert server.requests[1][1] == f"bytes={len(BODY) // 2}-"


def test_a_mirror_goes_on_where_another_was_cut(server: Server, tmp_path: Path):
    fetch(
        [server.address("cut/data.bin"), server.address("mirror/data.bin")],
        tmp_path / "data.bin",
        sha256=DIGEST,
        attempts=1,
    )
    assert server.requests[1] == ("/mirror/data.bin", f"bytes={len(BODY) // 2}-")


def test_without_a_digest_halves_of_two_versions_are_not_joined(server: Server, tmp_path: Path):
    path = tmp_path / "data.bin"
    with pytest.raises(UserError, match="cut after"):
        fetch([server.address("cut/data.bin")], path, attempts=1)
    server.body, server.tag = BODY[::-1], '"two"'
    get(server, path, "cut/data.bin", sha256=None)
    assert path.read_bytes() == BODY[::-1]


def test_what_had_arrived_completely_is_not_fetched_again(server: Server, tmp_path: Path):
    (tmp_path / ".data.bin.part").write_bytes(BODY)
    get(server, tmp_path / "data.bin", "data.bin")
    assert server.requests == [("/data.bin", f"bytes={len(BODY)}-")]
    assert files(tmp_path) == ["data.bin"]


def test_what_had_arrived_of_another_file_does_not_stay(server: Server, tmp_path: Path):
    (tmp_path / ".data.bin.part").write_bytes(BODY + b"more")
    get(server, tmp_path / "data.bin", "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_a_file_with_the_right_digest_is_left_alone(server: Server, tmp_path: Path):
    (tmp_path / "data.bin").write_bytes(BODY)
    assert get(server, tmp_path / "data.bin", "data.bin") == DIGEST
    assert server.requests == []


def test_a_file_with_the_wrong_digest_is_fetched_again(server: Server, tmp_path: Path):
    (tmp_path / "data.bin").write_bytes(b"old")
    get(server, tmp_path / "data.bin", "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == BODY


@pytest.mark.parametrize("bad", ["404/x", "403/x", "500/x", "429/x", "page/x", "wrong/x"])
def test_the_next_mirror_serves_where_one_fails(server: Server, tmp_path: Path, bad: str):
    get(server, tmp_path / "data.bin", bad, "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_an_absent_server_is_passed_over(server: Server, tmp_path: Path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as gone:
        absent = f"http://127.0.0.1:{gone.server_port}/data.bin"
    fetch(
        [absent, server.address("data.bin")],
        tmp_path / "data.bin",
        sha256=DIGEST,
        attempts=2,
        backoff=0.001,
    )
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_busy_servers_are_asked_again_and_absent_files_are_not(server: Server, tmp_path: Path):
    with pytest.raises(UserError, match="status 404"):
        get(server, tmp_path / "data.bin", "404/x", "503/x")
    assert (server.count("404/x"), server.count("503/x")) == (1, 3)


def test_the_wrong_body_is_refused_with_both_digests(server: Server, tmp_path: Path):
    wrong = hashlib.sha256(BODY[::-1]).hexdigest()
    with pytest.raises(UserError, match=f"sha256 {wrong}, not {DIGEST}") as raised:
        get(server, tmp_path / "data.bin", "wrong/x")
    assert f"place it at {tmp_path / 'data.bin'}" in str(raised.value)
    assert files(tmp_path) == []


def test_every_address_is_named_with_its_failure(server: Server, tmp_path: Path):
    routes = ("404/a", "page/b", "wrong/c")
    with pytest.raises(UserError) as raised:
        get(server, tmp_path / "data.bin", *routes)
    lines = str(raised.value).splitlines()
    for line, route in zip(lines, routes, strict=False):
        assert line.startswith(server.address(route))
    assert "web page" in lines[1]


def test_bytes_declared_as_compressed_stay_as_published(server: Server, tmp_path: Path):
    get(server, tmp_path / "data.tar.gz", "gzip/data.tar.gz")
    assert (tmp_path / "data.tar.gz").read_bytes() == BODY


def test_a_full_disk_is_told_before_the_first_byte(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2_000_000))
    with pytest.raises(UserError, match=r"0\.0 GB are needed there and 0\.0 GB are free"):
        get(server, tmp_path / "data.bin", "data.bin")
    assert files(tmp_path) == []


def test_an_address_that_is_none_is_told(tmp_path: Path):
    with pytest.raises(UserError, match=r"nonsense: .*No scheme"):
        fetch(["nonsense"], tmp_path / "data.bin")
