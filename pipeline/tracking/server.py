"""MLflow's pages over the store of this project."""

import os
import socket
import subprocess
import sys

from pipeline.errors import UserError
from pipeline.tracking.store import connect_or_explain, is_default, main_root, quiet, tracking_uri

HOST = "127.0.0.1"


def serve(port: int) -> None:
    """Serve the runs on this machine until Ctrl-C.

    One worker and no job runners: MLflow's defaults need three times the memory and the time.

    Args:
        port: Port on 127.0.0.1.

    Raises:
        UserError: If the port is taken or the store is away.
    """
    if tracking_uri().startswith(("http://", "https://")):
        print(f"the runs are at {tracking_uri()}")
        return
    if not _is_free(port):
        raise UserError(f"port {port} is taken; choose another: sr ui --port {port + 1}")
    connect_or_explain()
    quiet()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level warning"]
    if is_default():
        command += ["--artifacts-destination", (main_root() / "mlartifacts").as_uri()]
    print(f"runs: http://{HOST}:{port} (ready in about ten seconds; Ctrl-C ends it)", flush=True)
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",  # of what MLflow itself imports
    }
    process = subprocess.Popen(command, env=environment, cwd=main_root())
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal has sent it the same
        return
    if status != 0:
        raise UserError(f"the server ended with status {status}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0
