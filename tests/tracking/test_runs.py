"""The table of runs, and the commands around it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.tracking.runs import runs_table, tidy
from pipeline.tracking.server import serve
from tests.tracking.servers import free_port, wait_until_healthy
from tests.tracking.test_recording import all_runs, evaluate, train


def test_a_row_shows_the_latest_evaluation(
    project: Path, client: MlflowClient, model: Path
) -> None:
    train(model)
    evaluate(model, psnr=30.0)
    evaluate(model, psnr=31.0, protocol="luma-first")
    [row] = runs_table().to_dict("records")
    assert row["id"] == all_runs(client)[0].info.run_id
    shown = {key: row[key] for key in ("name", "network", "scale", "data", "protocol", "psnr_y")}
    assert shown == {
        "name": "edsr-x2",
        "network": "edsr",
        "scale": "2",
        "data": "embedded",
        "protocol": "luma-first",
        "psnr_y": 31.0,
    }
    assert "luma-first  31.00 1.50" in tidy(runs_table())


def test_rows_are_limited_and_filtered_newest_first(project: Path, client: MlflowClient) -> None:
    for _ in range(3):
        train()
    newest = [run.info.run_id for run in all_runs(client)]
    assert list(runs_table(limit=2)["id"]) == newest[:2]
    assert len(runs_table(limit=0)) == 3
    assert len(runs_table(condition="params.scale = '3'")) == 0
    assert "id" in tidy(runs_table(condition="params.scale = '3'"))
    with pytest.raises(UserError, match="--filter"):
        runs_table(condition="params.scale ~ 3")


def test_the_command_prints_json_on_request(project: Path) -> None:
    train()
    result = CliRunner().invoke(app, ["runs", "--json"])
    assert result.exit_code == 0
    [row] = json.loads(result.stdout)
    assert (row["name"], row["gain"]) == ("edsr-x2", None)


def test_replay_says_what_it_did(project: Path) -> None:
    result = CliRunner().invoke(app, ["runs", "replay"])
    assert (result.exit_code, result.stdout) == (0, "0 sent, 0 left\n")


def test_a_remote_store_has_its_pages_already(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://runs.example")
    serve(5000)
    assert capsys.readouterr().out == "the runs are at http://runs.example\n"


@pytest.mark.server
@pytest.mark.slow
def test_the_pages_show_the_runs_until_ctrl_c(project: Path, client: MlflowClient) -> None:
    train()
    [run] = all_runs(client)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "ui", "--port", str(port)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_healthy(address, process)
        with pytest.raises(UserError, match=f"port {port} is taken"):
            serve(port)
        asked = f"{address}/api/2.0/mlflow/runs/get?run_id={run.info.run_id}"
        with urlopen(asked) as answer:
            assert json.load(answer)["run"]["info"]["run_name"] == "edsr-x2"
        with urlopen(f"{address}/api/2.0/mlflow/artifacts/list?run_id={run.info.run_id}") as answer:
            assert [file["path"] for file in json.load(answer)["files"]] == ["images"]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert address in said.decode()
    assert "arning" not in complaints.decode()
