"""Small studies, and their real server as a process."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from pipeline.images import write_png
from pipeline.study.create import Design, create_study
from pipeline.study.definition import Study
from pipeline.study.sources import open_material
from tests.tracking.servers import free_port, wait_until_healthy

MakeStudy = Callable[..., tuple[Path, Study]]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four HR pictures in two sets and what two methods made of them."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for key in ("a/one", "a/two", "b/one", "b/three"):
        hr = random.integers(0, 256, (60, 80, 3), np.uint8)
        write_png(root / "hr" / f"{key}.png", hr)
        write_png(root / "good" / f"{key}.png", hr // 2 + 60)
        write_png(root / "poor" / f"{key}.png", hr // 8 + 100)
    return root


@pytest.fixture
def make_study(pictures: Path, tmp_path: Path) -> MakeStudy:
    def make(**design: object) -> tuple[Path, Study]:
        methods = {"good": pictures / "good", "poor": pictures / "poor"}
        material = open_material(pictures / "hr", methods, lr=None, scale=None)
        folder = tmp_path / "study"
        return folder, create_study(folder, material, Design(**design), title="Quality")  # type: ignore[arg-type]

    return make


class StudyServer:
    """`sr study serve` as a process that can be killed and started again at the same address."""

    def __init__(self, folder: Path, *, database: str | None = None, participants: int = 3) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "pipeline.cli", "study", "serve", str(folder)]
        self._command += ["--port", str(port), "--participants", str(participants)]
        self._environment = dict(os.environ)
        if database:
            self._environment["SR_STUDY_DATABASE"] = database
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log
            )
        wait_until_healthy(self.address, self._process)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def password(self) -> str:
        found = re.search(r"password: +(\S+)", self.log)
        assert found is not None, self.log
        return found[1]

    def admin(self) -> requests.Session:
        """A browser that is logged in."""
        session = requests.Session()
        answer = session.post(f"{self.address}/admin/login", {"password": self.password})
        assert answer.status_code == 200, answer.text
        return session

    def links(self) -> list[str]:
        rows = self.admin().get(f"{self.address}/admin/links.csv").text.splitlines()[1:]
        return [row.split(",")[1] for row in rows]


@pytest.fixture
def serve() -> Iterator[Callable[..., StudyServer]]:
    running: list[StudyServer] = []

    def start(folder: Path, **options: object) -> StudyServer:
        server = StudyServer(folder, **options)  # type: ignore[arg-type]
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.kill()


def answer_body(value: int) -> dict[str, object]:
    return {"value": value, "milliseconds": 900, "pixel_ratio": 2, "viewport": "390x844"}


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
