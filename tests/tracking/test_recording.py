"""Runs of trainings and evaluations, as MLflow gives them back."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.models.files import weights_sha256
from pipeline.tracking import recording, store
from pipeline.tracking.recording import evaluation_run, log_report, training_run

PARAMS = {
    "scale": 2,
    "data": {"train": [{"name": "embedded"}]},
    "model": {"name": "edsr", "num_features": 4},
    "evaluate": {"protocol": {"name": "rgb"}, "metrics": ["psnr_y"]},
}
PICTURE = np.arange(12 * 20 * 3, dtype=np.uint8).reshape(12, 20, 3)


def train(model: Path | None = None, *, steps: range = range(1, 4), resumed: bool = False) -> None:
    with training_run(
        PARAMS, key="k1", resumed=resumed, name="edsr-x2", inputs=[Path("data/hr")]
    ) as run:
        for step in steps:
            run.log_scalars(step, {"loss/total": 1 / step, "valid/psnr_y": 30 + step})
        run.log_picture(steps[-1], "valid/a b", PICTURE)
        if model is not None:
            run.log_model(model)


def train_until(end: BaseException) -> None:
    with training_run(PARAMS, key="k1", resumed=False, name="n", inputs=[]) as run:
        for step in range(1, 6):
            run.log_scalars(step, {"loss/total": 1 / step})
        run.log_picture(4, "valid/a b", PICTURE)
        raise end


def evaluate(model: Path, *, protocol: str = "rgb", psnr: float = 31.0, **settings: object) -> None:
    params = PARAMS | {"evaluate": {"protocol": {"name": protocol}, **settings}}
    with evaluation_run(model, params, protocol=protocol, name="edsr-x2", inputs=[]) as run:
        run.log_metrics({"mean/psnr_y": psnr, "mean/gain_psnr_y": 1.5, "odd": float("inf")})
        run.log_table("per_image", pd.DataFrame({"name": ["a", "b"], "psnr_y": [31, np.inf]}))
        run.log_picture("chelsea", PICTURE)


def all_runs(client: MlflowClient) -> list[Run]:
    return list(client.search_runs([store.experiment_id(client)]))


def steps_of(client: MlflowClient, run: Run, key: str) -> list[int]:
    return [point.step for point in client.get_metric_history(run.info.run_id, key)]


def names(client: MlflowClient, run: Run, folder: str) -> list[str]:
    return [Path(f.path).name for f in client.list_artifacts(run.info.run_id, folder)]


def test_a_training_is_recorded_whole(project: Path, client: MlflowClient, model: Path) -> None:
    Path("dvc.lock").write_text(
        "stages:\n  store_hr:\n    outs:\n    - {path: data/hr, md5: " + "a" * 32 + ".dir}\n"
    )
    train(model)
    [run] = all_runs(client)
    assert (run.info.run_name, run.info.status) == ("edsr-x2", "FINISHED")
    assert run.data.params["model.num_features"] == "4"
    assert not any(key.startswith("evaluate") for key in run.data.params)
    assert steps_of(client, run, "loss/total") == [1, 2, 3]
    assert run.data.tags["weights_sha256"] == weights_sha256(model)
    [dataset] = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("data/hr", "a" * 32 + ".dir")
    pictures = names(client, run, "images")
    assert len(pictures) == 2
    assert all(name.startswith("valid~a b+step+3+timestamp+") for name in pictures)
    found = client.search_runs(
        [run.info.experiment_id], f"dataset.digest = '{dataset.dataset.digest}'"
    )
    assert len(found) == 1
    assert not list((project / ".cache" / "runs").iterdir())


def test_the_name_of_an_experiment_is_the_one_that_dvc_gives(
    project: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "puffy-daks")
    monkeypatch.setenv("DVC_STAGE", "train")
    train()
    [run] = all_runs(client)
    assert run.info.run_name == run.data.tags["dvc.experiment"] == "puffy-daks"
    assert run.data.tags["dvc.stage"] == "train"


def test_a_resumed_training_continues_its_run_with_one_point_a_step(
    project: Path, client: MlflowClient, model: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_until(KeyboardInterrupt())
    [killed] = all_runs(client)
    assert killed.info.status == "KILLED"
    train(model, steps=range(3, 8), resumed=True)  # from a checkpoint of step 2
    [run] = all_runs(client)
    assert run.info.run_id == killed.info.run_id
    assert run.info.status == "FINISHED"
    assert steps_of(client, run, "loss/total") == [1, 2, 3, 4, 5, 6, 7]
    assert steps_of(client, run, "valid/psnr_y") == [3, 4, 5, 6, 7]
    assert len(names(client, run, "images")) == 4
    train(model, steps=range(7, 8), resumed=True)  # killed after its end, before DVC knew
    [run] = all_runs(client)
    assert steps_of(client, run, "loss/total") == [1, 2, 3, 4, 5, 6, 7]
    assert len(run.outputs.model_outputs) == 1


def test_a_training_from_the_beginning_gets_a_run_of_its_own(
    project: Path, client: MlflowClient
) -> None:
    train()
    train()
    assert len(all_runs(client)) == 2


def test_a_training_that_fails_is_marked(project: Path, client: MlflowClient) -> None:
    with pytest.raises(ZeroDivisionError):
        train_until(ZeroDivisionError())
    [run] = all_runs(client)
    assert run.info.status == "FAILED"


def test_a_killed_process_loses_no_point(project: Path, client: MlflowClient) -> None:
    code = """
        import os, signal
        from pipeline.tracking import outbox
        from pipeline.tracking.recording import training_run
        outbox.INTERVAL = 1000  # so that nothing is sent between the opening and the kill
        with training_run({"a": 1}, key="k1", resumed=False, name="n", inputs=[]) as run:
            for step in range(1, 2001):
                run.log_scalars(step, {"loss/total": 1 / step})
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)])
    assert done.returncode == -9
    train(steps=range(1501, 2101), resumed=True)
    [run] = all_runs(client)
    assert run.info.status == "FINISHED"
    assert steps_of(client, run, "loss/total") == list(range(1, 2101))


def test_an_evaluation_adds_to_the_run_of_the_training(
    project: Path, client: MlflowClient, model: Path
) -> None:
    train(model)
    evaluate(model)
    [run] = all_runs(client)
    assert run.data.metrics["rgb/mean/psnr_y"] == 31.0
    assert "rgb/odd" not in run.data.metrics
    assert run.data.tags["evaluate.protocol.name"] == "rgb"
    assert names(client, run, "evaluation/1-rgb") == [
        "metrics.json", "per_image.json", "settings.json"
    ]  # fmt: skip
    path = client.download_artifacts(run.info.run_id, "evaluation/1-rgb/per_image.json")
    assert json.loads(Path(path).read_text()) == {
        "columns": ["name", "psnr_y"],
        "data": [["a", 31.0], ["b", None]],
    }
    assert any(n.startswith("rgb~chelsea+step+1+") for n in names(client, run, "images"))


def test_editing_only_evaluate_parameters_adds_to_the_same_run(
    project: Path, client: MlflowClient, model: Path
) -> None:
    train(model)
    evaluate(model, metrics=["psnr_y"])
    evaluate(model, psnr=31.4, self_ensemble=True)
    evaluate(model, psnr=31.2, protocol="luma-first")
    [run] = all_runs(client)
    assert steps_of(client, run, "rgb/mean/psnr_y") == [1, 2]
    assert run.data.metrics["rgb/mean/psnr_y"] == 31.4
    assert run.data.metrics["luma-first/mean/psnr_y"] == 31.2
    tags = {key: value for key, value in run.data.tags.items() if key.startswith("evaluate.")}
    assert tags == {"evaluate.protocol.name": "luma-first"}
    assert (run.data.tags["protocol"], run.data.tags["evaluations"]) == ("luma-first", "3")
    assert sorted(names(client, run, "evaluation")) == ["1-rgb", "2-rgb", "3-luma-first"]


def test_where_the_training_is_unknown_the_evaluation_makes_a_run_and_says_so(
    project: Path, client: MlflowClient, model: Path
) -> None:
    evaluate(model)
    evaluate(model)
    [run] = all_runs(client)
    assert "made elsewhere" in run.data.tags["training"]
    assert run.data.params["model.name"] == "edsr"
    assert run.info.status == "FINISHED"
    assert steps_of(client, run, "rgb/mean/psnr_y") == [1, 2]
    assert len(run.outputs.model_outputs) == 1


def test_the_report_is_kept_with_the_run(
    project: Path, client: MlflowClient, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "index.html"
    page.write_text("<html>")
    log_report(weights_sha256(model), page)
    assert "no run of the model" in capsys.readouterr().err
    train(model)
    log_report(weights_sha256(model), page)
    [run] = all_runs(client)
    assert names(client, run, "report") == ["index.html"]


def test_a_long_training_is_recorded_with_the_load_of_the_machine(
    project: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "SAMPLING", 0.2)
    with training_run(PARAMS, key="k", resumed=False, name="n", inputs=[]) as run:
        for step in range(1, 4):
            run.log_scalars(step, {"loss/total": 1.0})
            recording.threading.Event().wait(0.5)
    [found] = all_runs(client)
    assert found.data.metrics["system/cpu_utilization_percentage"] >= 0
    assert found.data.metrics["system/system_memory_usage_megabytes"] > 0


def test_a_normal_run_is_silent_and_opens_no_connection(project: Path, model: Path) -> None:
    code = f"""
        import socket
        def refuse(*arguments, **named):
            raise AssertionError(f"a connection was tried: {{arguments}}")
        socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse
        import sys; sys.path.insert(0, {os.getcwd()!r})
        from pathlib import Path
        from pipeline.tracking.recording import evaluation_run, training_run
        model = Path({str(model)!r})
        with training_run({{"scale": 2}}, key="k", resumed=False, name="n", inputs=[]) as run:
            run.log_scalars(1, {{"loss/total": 1.0}})
            run.log_model(model)
        with evaluation_run(model, {{}}, protocol="rgb", name="n", inputs=[]) as run:
            run.log_metrics({{"mean/psnr_y": 30.0}})
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DO_NOT"))}
    (project / "mlflow.db").unlink()  # the first use, which creates the store, is silent too
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
