"""Real servers on this machine: MLflow's, and PostgreSQL where it is installed."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(uri: str, process: subprocess.Popen[bytes], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{uri}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            assert process.poll() is None, "the server ended"
            time.sleep(0.2)
    raise AssertionError(f"{uri} did not come up in {seconds} s")


class Server:
    """An MLflow server that can be killed and started again at the same address."""

    def __init__(self, folder: Path, backend: str) -> None:
        port = free_port()
        self.uri = f"http://127.0.0.1:{port}"
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._command = [sys.executable, "-m", "mlflow", "server", "-w", "1"]
        self._command += ["--backend-store-uri", backend, "--host", "127.0.0.1"]
        self._command += ["--port", str(port), "--artifacts-destination", str(folder / "artifacts")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until_healthy(self.uri, self._process)

    def kill(self) -> None:
        """End it and its workers at once, as a crash would."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()


@contextmanager
def mlflow_server(folder: Path, backend: str) -> Iterator[Server]:
    server = Server(folder, backend)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of its own; gives the address of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(programs[-1]) if programs else None)
    if initdb is None:
        pytest.skip("PostgreSQL is not installed: no initdb on the PATH or in /usr/lib/postgresql")
    pytest.importorskip("psycopg2", reason="psycopg2-binary is not installed")
    as_owner: list[str] = []
    folder.mkdir()
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if subprocess.run(["id", "-u", "postgres"], capture_output=True).returncode != 0:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
        for parent in (folder, *folder.parents):
            if parent.owner() == "root" and parent.stat().st_mode & 0o5 != 0o5:
                parent.chmod(parent.stat().st_mode | 0o5)
    port = free_port()
    data = folder / "data"
    pg_ctl = str(Path(initdb).with_name("pg_ctl"))

    def run(*command: str) -> None:
        done = subprocess.run(
            [*as_owner, *command], cwd=folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr or done.stdout

    run(initdb, "-D", str(data), "-U", "sr", "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    run(pg_ctl, "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg2://sr@127.0.0.1:{port}/postgres"
    finally:
        run(pg_ctl, "-D", str(data), "-m", "immediate", "-w", "stop")
