"""SHA-256 of files."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Digest of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256s(paths: Sequence[Path]) -> list[str | None]:
    """Digests of many files, in order; None for one that is not there."""

    def digest(path: Path) -> str | None:
        try:
            return file_sha256(path)
        except FileNotFoundError:
            return None

    # Threads: hashing lets the interpreter go, and a process a file would cost more than it saves.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(digest, paths, chunksize=64))
