"""A store that is away costs nothing but a sentence."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from pipeline.models.files import weights_sha256
from pipeline.tracking import outbox, store
from pipeline.tracking.recording import evaluation_run, training_run
from tests.tracking.servers import Server, mlflow_server, postgres
from tests.tracking.test_recording import all_runs, evaluate, names, steps_of, train

AWAY = "http://127.0.0.1:1"


@pytest.fixture
def away(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", AWAY)
    monkeypatch.setattr(outbox, "PATIENCE", 0.5)


def kept_events(project: Path) -> list[list[dict[str, object]]]:
    files = sorted((project / ".cache" / "runs").glob("*/events.jsonl"))
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


def test_what_could_not_be_sent_is_kept_and_sent_later(
    away: None,
    project: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train(model)
    evaluate(model)
    said = capsys.readouterr().err
    assert f"{AWAY} stayed away" in said
    assert "`sr runs replay` sends it" in said
    training, evaluation = kept_events(project)
    assert [event["kind"] for event in training[:2]] == ["training", "metrics"]
    assert training[-1]["kind"] == evaluation[-1]["kind"] == "end"

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert outbox.replay_leftovers() == 2
    assert kept_events(project) == []
    client = store.connect()
    [run] = all_runs(client)  # the evaluation has found the training, which was sent before
    assert run.data.tags["weights_sha256"] == weights_sha256(model)
    assert run.data.metrics["rgb/mean/psnr_y"] == 31.0
    assert steps_of(client, run, "loss/total") == [1, 2, 3]
    assert run.info.start_time == training[0]["time"]
    assert (run.info.status, run.info.end_time) == ("FINISHED", training[-1]["time"])


def test_the_next_run_sends_what_was_kept(
    away: None, project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(model)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    evaluate(model)
    [run] = all_runs(store.connect())
    assert run.data.metrics["rgb/mean/psnr_y"] == 31.0
    assert run.data.metrics["loss/total"] == pytest.approx(1 / 3)


def test_logging_does_not_wait_for_a_store_that_is_away(away: None) -> None:
    with training_run({}, key="k", resumed=False, name="n", inputs=[]) as run:
        start = time.monotonic()
        for step in range(1, 501):
            run.log_scalars(step, {"loss/total": 1.0})
        assert time.monotonic() - start < 2.0


def test_a_record_that_the_store_refuses_does_not_hold_up_the_others(
    project: Path, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with training_run({}, key="k", resumed=False, name="n", inputs=[]) as run:
        run.log_scalars(1, {"loss§": 1.0})
        run.log_picture(1, "x", np.zeros((8, 8, 3), "uint8"))
        time.sleep(1)
        run.log_scalars(2, {"loss": 2.0})
    assert "refuses a record (metrics)" in capsys.readouterr().err
    [found] = all_runs(client)
    assert found.data.metrics == {"loss": 2.0}


def test_a_full_disk_does_not_stop_the_training(
    project: Path,
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox, "_append", full)
    train()
    assert "No space left" in capsys.readouterr().err
    [run] = all_runs(client)
    assert steps_of(client, run, "loss/total") == [1, 2, 3]


def test_a_record_in_use_is_left_to_its_process(project: Path, client: MlflowClient) -> None:
    with training_run({}, key="k", resumed=False, name="n", inputs=[]) as run:
        run.log_scalars(1, {"loss": 1.0})
        assert outbox.replay_leftovers() == 0
        run.log_scalars(2, {"loss": 1.0})
    [found] = all_runs(client)
    assert steps_of(client, found, "loss") == [1, 2]


def test_half_a_line_at_the_end_of_a_record_is_passed_over(
    away: None, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train()
    [file] = (project / ".cache" / "runs").glob("*/events.jsonl")
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b'"kind": "end"')])
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    outbox.replay_leftovers()
    [run] = all_runs(store.connect())
    assert run.info.status == "KILLED"
    assert run.data.metrics["valid/psnr_y"] == 33.0


def record_through_an_outage(server: Server, model: Path) -> None:
    """Log 300 steps; the server is killed in the middle and comes back a little later."""
    with training_run({"scale": 2}, key="k1", resumed=False, name="n", inputs=[]) as run:
        restarting = None
        for step in range(1, 301):
            run.log_scalars(step, {"loss/total": 1 / step, "rate": 0.1})
            if step % 50 == 0:
                run.log_picture(step, "valid/a", np.full((8, 8, 3), 9, "uint8"))
            if step == 100:
                server.kill()
            if step == 200:
                restarting = threading.Thread(target=server.start)
                restarting.start()
            time.sleep(0.01)
        run.log_model(model)
        assert restarting is not None
        restarting.join()
    with evaluation_run(model, {}, protocol="rgb", name="n", inputs=[]) as evaluation:
        evaluation.log_metrics({"mean/psnr_y": 31.5})


def check_nothing_is_lost(model: Path) -> None:
    client = store.connect()
    [run] = all_runs(client)
    assert run.info.status == "FINISHED"
    for key in ("loss/total", "rate"):
        assert steps_of(client, run, key) == list(range(1, 301))
    assert len(names(client, run, "images")) == 2 * 6
    assert run.data.tags["weights_sha256"] == weights_sha256(model)
    assert run.data.metrics["rgb/mean/psnr_y"] == 31.5
    assert len(run.outputs.model_outputs) == 1


@pytest.mark.server
@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_training_loses_nothing(
    project: Path, server: Server, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setattr(outbox, "LONGEST_PAUSE", 1.0)
    record_through_an_outage(server, model)
    check_nothing_is_lost(model)
    assert not list((project / ".cache" / "runs").iterdir())


@pytest.mark.server
@pytest.mark.slow
def test_runs_go_to_a_server_over_postgresql(
    project: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.tracking.resolve import resolve_model

    with (
        postgres(tmp_path / "postgres") as address,
        mlflow_server(tmp_path / "server", address) as server,
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        monkeypatch.setattr(outbox, "LONGEST_PAUSE", 1.0)
        record_through_an_outage(server, model)
        check_nothing_is_lost(model)
        [run] = all_runs(store.connect())
        assert weights_sha256(resolve_model(run.info.run_id)) == weights_sha256(model)
    assert not (project / "mlartifacts").exists()
