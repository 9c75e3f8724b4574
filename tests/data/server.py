"""A real HTTP server on this machine that behaves as badly as asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """What the server does at a path.

    Attributes:
        body: The file.
        cut_after: Bytes after which each answer's connection is closed, however much was promised.
        cuts: How many answers are cut; None for all.
        ranges: Whether byte ranges are honoured.
        statuses: Answered first, one a request, before the file.
        retry_after: Sent with those.
        redirect: Where to send the client instead.
        length: Whether the size is told.
        etag: Version of the file.
        kind: Content type.
        shift: Added to where a range starts: a wrong answer.
    """

    body: bytes = b""
    cut_after: int | None = None
    cuts: int | None = None
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    retry_after: str | None = None
    redirect: str | None = None
    length: bool = True
    etag: str | None = '"1"'
    kind: str = "application/octet-stream"
    shift: int = 0


@dataclass
class Server:
    """A running server: `sites` by path, and the requests so far as (path, Range)."""

    address: str
    sites: dict[str, Site]
    requests: list[tuple[str, str | None]]

    def add(self, path: str, body: bytes = b"", **behaviour: Any) -> str:
        self.sites[path] = Site(body, **behaviour)
        return f"{self.address}{path}"

    def ranges(self, path: str) -> list[str | None]:
        return [asked for wanted, asked in self.requests if wanted == path]


@contextmanager
def serving() -> Iterator[Server]:
    sites: dict[str, Site] = {}
    requests: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("Range")))
            site = sites.get(self.path)
            if site is None:
                self.send_error(404)
            elif site.statuses:
                self.send_response(site.statuses.pop(0))
                if site.retry_after:
                    self.send_header("Retry-After", site.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif site.redirect:
                self.send_response(302)
                self.send_header("Location", site.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.give(site)

        def give(self, site: Site) -> None:
            start = 0
            asked = self.headers.get("Range")
            unchanged = self.headers.get("If-Range") in (None, site.etag)
            if asked and site.ranges and unchanged:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(site.body):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(site.body)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = max(0, start + site.shift)
                self.send_response(206)
                last = len(site.body) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(site.body)}")
            else:
                self.send_response(200)
            rest = site.body[start:]
            if site.length:
                self.send_header("Content-Length", str(len(rest)))
            if site.etag:
                self.send_header("ETag", site.etag)
            self.send_header("Content-Type", site.kind)
            self.end_headers()
            if site.cut_after is not None and site.cuts != 0:
                site.cuts = None if site.cuts is None else site.cuts - 1
                rest = rest[: site.cut_after]
            self.wfile.write(rest)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", sites, requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
