"""Small studies, and their real server as a process."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import requests

from pipeline.images.picture import write_png
from pipeline.study.create import Design, create_study
from pipeline.study.definition import Study, read_study
from pipeline.study.server import StudyPages, listen, make_server
from pipeline.study.sources import open_material
from pipeline.study.store import open_answers
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


class Served:
    """A running server, seen from outside."""

    address: str
    password: str

    def admin(self) -> requests.Session:
        """A browser that is logged in."""
        session = requests.Session()
        answer = session.post(f"{self.address}/admin/login", {"password": self.password})
        assert answer.status_code == 200, answer.text
        return session

    def links(self) -> list[str]:
        rows = self.admin().get(f"{self.address}/admin/links.csv").text.splitlines()[1:]
        return [row.split(",")[1] for row in rows]


class ServerHere(Served):
    """A server in a thread of this process, which starts at once."""

    def __init__(self, folder: Path, *, participants: int = 3) -> None:
        study = read_study(folder)
        self._answers = open_answers(study, None, folder)
        self.password = self._answers.ensure_password() or ""
        self._answers.ensure_participants(participants)
        self._socket = listen("127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = make_server(StudyPages(folder, study, self._answers).app())
        self._thread = Thread(target=self._server.run, args=[[self._socket]])
        self._thread.start()
        wait_for(lambda: self._server.started)

    def kill(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._answers.close()


class StudyServer(Served):
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
    def password(self) -> str:  # type: ignore[override]
        found = re.search(r"password: +(\S+)", self.log)
        assert found is not None, self.log
        return found[1]


@pytest.fixture
def serve_here() -> Iterator[Callable[..., ServerHere]]:
    """Start servers in this process; they end with the test."""
    running: list[ServerHere] = []

    def start(folder: Path, *, participants: int = 3) -> ServerHere:
        running.append(ServerHere(folder, participants=participants))
        return running[-1]

    yield start
    for server in running:
        server.kill()


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
