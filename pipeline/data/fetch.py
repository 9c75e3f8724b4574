"""Verified downloads: resumed after a cut, repeated after a failure, from one mirror or the next.

What has arrived of a file waits beside it as `.<name>.part`, with a note of where it came from, so
that a later run resumes too. Nothing is at the file's own path before it is whole and verified.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import requests
import urllib3
from tqdm import tqdm

from pipeline.data.hashing import file_sha256
from pipeline.errors import UserError

_CHUNK = 1 << 20
_BUSY = {408, 425, 429, 500, 502, 503, 504}  # worth asking again, after a while
_LONGEST_WAIT = 60.0


class _Failed(Exception):
    """This address does not give the file; another may."""


class _Interrupted(_Failed):
    """This address may give the file, or what is missing of it, if asked again."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Part(NamedTuple):
    """What has arrived so far, and the note of where it came from."""

    path: Path
    note: Path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self) -> dict[str, str]:
        try:
            origin = json.loads(self.note.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return origin if isinstance(origin, dict) else {}

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def fetch(
    addresses: Sequence[str],
    path: Path,
    *,
    sha256: str | None = None,
    attempts: int = 5,
    backoff: float = 1.0,
    timeout: float = 30.0,
) -> str:
    """Download a file, unless it is there already with the right digest.

    Args:
        addresses: The file's official address and its mirrors, tried in this order.
        path: Where the file shall be.
        sha256: What its bytes must hash to; None takes whatever arrives whole.
        attempts: How often an address is asked, the first time included; progress starts the
            count again.
        backoff: Seconds before the second attempt, doubled before each further one; a server's
            `Retry-After` counts where it is longer, up to a minute.
        timeout: Seconds without an answer, or without a further byte, that count as a cut.

    Returns:
        The file's sha256.

    Raises:
        UserError: If no address gives the file, with the reason for each, or the disk is too full.
    """
    if path.exists() and sha256 in (None, found := file_sha256(path)):
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json"))
    failures = []
    for address in addresses:
        try:
            _persist(address, part, sha256, attempts=attempts, backoff=backoff, timeout=timeout)
            found = _verify(part, sha256)
        except _Failed as failure:
            failures.append(f"{address}: {failure}")
            continue
        os.replace(part.path, path)
        part.remove()
        return found
    advice = f"{path.name} cannot be had; if you have it from elsewhere, place it at {path}"
    raise UserError("\n".join([*failures, advice]))


def _persist(
    address: str,
    part: _Part,
    sha256: str | None,
    *,
    attempts: int,
    backoff: float,
    timeout: float,
) -> None:
    """Ask one address until the part is whole."""
    failed = 0
    while True:
        before = part.size()
        try:
            return _receive(address, part, sha256, timeout)
        except _Interrupted as failure:
            failed = 1 if part.size() > before else failed + 1
            if failed >= attempts:
                raise
            time.sleep(min(max(backoff * 2 ** (failed - 1), failure.wait), _LONGEST_WAIT))


def _receive(address: str, part: _Part, sha256: str | None, timeout: float) -> None:
    """Ask an address once for what is missing, and append it."""
    headers = {"Accept-Encoding": "identity", **_resume(address, part, sha256)}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=timeout) as response:
            if _is_whole(response, part):
                return
            start = _start(response, part)
            total = _total(response, start)
            _require_space(part.path, total - start if total is not None else 0)
            _note_origin(response, address, part)
            _append(response, part, start, total)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted(f"no connection ({_reason(error)})") from None
    except (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.HTTPError) as error:
        raise _Interrupted(f"cut after {part.size()} bytes ({_reason(error)})") from None
    except requests.RequestException as error:
        raise _Failed(_reason(error)) from None
    if total is not None and part.size() != total:
        raise _Interrupted(f"cut after {part.size()} of {total} bytes")


def _resume(address: str, part: _Part, sha256: str | None) -> dict[str, str]:
    """The headers that ask for what is missing, where what is there can be continued.

    Without a digest that decides in the end, bytes are joined only if the same server says that
    its file has not changed in between.
    """
    origin = part.origin()
    same = origin.get("address") == address
    validator = origin.get("validator", "") if same else ""
    if not part.size() or not (validator or sha256):
        return {}
    headers = {"Range": f"bytes={part.size()}-"}
    return {**headers, "If-Range": validator} if validator else headers


def _is_whole(response: requests.Response, part: _Part) -> bool:
    """Whether nothing is missing, as after a run that ended before the last renaming."""
    size = response.headers.get("Content-Range", "")
    return response.status_code == 416 and size == f"bytes */{part.size()}"


def _start(response: requests.Response, part: _Part) -> int:
    """From which byte the answer goes on; raises if it is no part of the file."""
    status = response.status_code
    if status == 206:
        first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if first == str(part.size()):
            return part.size()
        part.remove()
        raise _Interrupted(f"it answers from byte {first or '?'} on, which was not asked for")
    if status == 416:
        part.remove()
        raise _Interrupted("what had arrived was longer than the file")
    if status in _BUSY:
        raise _Interrupted(f"status {status} {response.reason}", _retry_after(response))
    if status != 200:
        raise _Failed(f"status {status} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Failed("it answers with a web page, not the file")
    return 0


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _total(response: requests.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _require_space(path: Path, need: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if need > free:
        raise UserError(
            f"{path.parent}: {need / 1e9:.1f} GB are needed there and {free / 1e9:.1f} GB are free"
        )


def _note_origin(response: requests.Response, address: str, part: _Part) -> None:
    # Of entity tags only strong ones promise equal bytes.
    tag = response.headers.get("ETag", "")
    validator = response.headers.get("Last-Modified", "") if not tag or tag[:2] == "W/" else tag
    origin = {"address": address, "validator": validator}
    part.note.write_text(json.dumps(origin), encoding="utf-8")


def _append(response: requests.Response, part: _Part, start: int, total: int | None) -> None:
    bar = tqdm(
        initial=start,
        total=total,
        desc=part.path.name.removeprefix(".").removesuffix(".part"),
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
    )
    # The bytes as published: a server that declares `x.tar.gz` as compressed text changes nothing.
    chunks = response.raw.stream(_CHUNK, decode_content=False)
    with bar, part.path.open("ab" if start else "wb") as file:
        for chunk in chunks:
            file.write(chunk)
            bar.update(len(chunk))


def _verify(part: _Part, sha256: str | None) -> str:
    found = file_sha256(part.path)
    if sha256 not in (None, found):
        part.remove()
        raise _Failed(f"what arrived has sha256 {found}, not {sha256}")
    return found


def _reason(error: BaseException) -> str:
    """The innermost cause, without the wrapping of two libraries."""
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    reason = getattr(error, "reason", None)
    return _reason(reason) if isinstance(reason, BaseException) else str(error)
