"""What the stages call: the record of a training, of an evaluation, of a report."""

import math
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.images.picture import Picture, write_png
from pipeline.models.files import weights_sha256
from pipeline.tracking import packaging
from pipeline.tracking.outbox import Outbox
from pipeline.tracking.provenance import (
    MAX_DIFF,
    dataset_digests,
    environment_tags,
    flatten,
    uncommitted_changes,
)
from pipeline.tracking.writer import KEY_TAG

LATER_SECTIONS = ("evaluate", "report")  # say nothing about the training
SAMPLING = 10.0  # seconds between two looks at the machine, as MLflow's own


class TrainingRun:
    """Takes what a training reports; a `Recorder` that also takes the trained model."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.step = 0

    def log_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers of one step; the steps of a key must grow."""
        self.step = max(self.step, step)
        self._outbox.put("metrics", step=step, values=dict(values))

    def log_picture(self, step: int, key: str, picture: Picture) -> None:
        """Record a picture, shown by MLflow under its key along the steps."""
        self._outbox.put_file(
            "picture", "picture.png", lambda path: write_png(path, picture), step=step, key=key
        )

    def log_model(self, path: Path) -> None:
        """Record the trained network, with the code that runs it.

        Args:
            path: The `.safetensors` file.
        """
        _put_model(self._outbox, path, of="training")


class EvaluationRun:
    """Takes the results of an evaluation and adds them to the run of the training."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def log_metrics(self, values: Mapping[str, float]) -> None:
        """Record scores, such as `mean/psnr_y`; the protocol is put before their names.

        Call it once. Later evaluations with the same protocol become further points of the same
        metric, numbered from 1. Values that are not finite are left out.
        """
        finite = {key: value for key, value in values.items() if math.isfinite(value)}
        self._outbox.put("scores", values=finite)

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        """Record a table, such as the scores of each image; call it once a name.

        What is not finite becomes null.
        """
        text = table.to_json(orient="split", index=False, double_precision=15)
        self._outbox.put_file("table", f"{name}.json", lambda path: path.write_text(text))

    def log_picture(self, key: str, picture: Picture) -> None:
        """Record a picture, such as HR, bicubic and SR of one image side by side."""
        self._outbox.put_file(
            "picture", "picture.png", lambda path: write_png(path, picture), step=None, key=key
        )

    def log_file(self, path: Path) -> None:
        """Record a file as it is."""
        self._outbox.put_file("file", path.name, lambda copy: shutil.copyfile(path, copy))


@contextmanager
def training_run(
    params: Mapping[str, Any],
    *,
    key: str,
    resumed: bool,
    name: str,
    inputs: Sequence[Path],
) -> Iterator[TrainingRun]:
    """Open the run of a training, or continue that of the training that is resumed.

    Args:
        params: Sections of `params.yaml`; those of later stages are passed over.
        key: Digest of parameters and inputs that names the training's checkpoints.
        resumed: Whether the training starts from a checkpoint, and so continues its run.
        name: Name of the run where DVC gives none (it names experiments).
        inputs: Folders that the training reads, as `dvc.yaml` spells them.

    Yields:
        The recorder. The run ends as finished; as failed after an exception; as killed after
        Ctrl-C or a request to exit.
    """
    with Outbox() as outbox:
        opening = _opening(outbox, _of_training(params), name=name, inputs=inputs)
        opening["tags"][KEY_TAG] = key
        outbox.put("training", key=key, resumed=resumed, **opening)
        run = TrainingRun(outbox)
        with _ending(outbox, of="training"), _machine_watched(run):
            yield run


@contextmanager
def evaluation_run(
    model: Path,
    params: Mapping[str, Any],
    *,
    protocol: str,
    name: str,
    inputs: Sequence[Path],
) -> Iterator[EvaluationRun]:
    """Add an evaluation to the run of the training that made the weights.

    Settings of the evaluation become tags, since parameters of a run cannot change: the tags are
    of the latest evaluation, and every one keeps its settings, scores and files in the folder
    `evaluation/<number>-<protocol>/` of the run. Where the store has no run of these weights, one
    is made, with a tag `training` that says so, and the model is recorded with it.

    Args:
        model: The `.safetensors` file that is evaluated.
        params: Sections of `params.yaml`; `evaluate` holds the settings, the others describe the
            run where one must be made.
        protocol: Name of the protocol, `luma-first` or `rgb`.
        name: Name of the run where one must be made.
        inputs: Folders that the evaluation reads.

    Yields:
        The recorder.
    """
    with Outbox() as outbox:
        settings = flatten({"evaluate": params.get("evaluate", {})})
        outbox.put(
            "evaluation",
            weights_sha256=weights_sha256(model),
            protocol=protocol,
            settings=settings,
            **_opening(outbox, _of_training(params), name=name, inputs=inputs),
        )
        _put_model(outbox, model, of="evaluation")
        with _ending(outbox, of="evaluation"):
            yield EvaluationRun(outbox)


def log_report(weights: str, report: Path) -> None:
    """Add the report to the run of the model, in place of an earlier one.

    Args:
        weights: The sha256 of the weights that the report is about.
        report: The HTML file.
    """
    with Outbox() as outbox:
        outbox.put_file(
            "report",
            report.name,
            lambda copy: shutil.copyfile(report, copy),
            weights_sha256=weights,
        )


def _of_training(params: Mapping[str, Any]) -> dict[str, Any]:
    return {section: params[section] for section in params if section not in LATER_SECTIONS}


def _opening(
    outbox: Outbox, params: Mapping[str, Any], *, name: str, inputs: Sequence[Path]
) -> dict[str, Any]:
    tags = environment_tags()
    changes = uncommitted_changes().encode(errors="surrogateescape")
    tags["git.changes"] = "none" if not changes else "source/changes.patch"
    patch = ""
    if len(changes) > MAX_DIFF:
        tags["git.changes"] = f"not kept: {len(changes)} bytes"
    elif changes:
        patch = outbox.keep("changes.patch", changes)
    return {
        "name": tags.get("dvc.experiment", name),
        "tags": tags,
        "params": flatten(params),
        "datasets": dataset_digests(inputs),
        "patch": patch,
    }


@contextmanager
def _ending(outbox: Outbox, *, of: str) -> Iterator[None]:
    status = "FAILED"
    try:
        yield
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        outbox.put("end", of=of, status=status)


@contextmanager
def _machine_watched(run: TrainingRun) -> Iterator[None]:
    """Record the machine's load along the steps of the training, while it is long enough."""
    stop = threading.Event()

    def watch() -> None:
        monitors: list[Any] = []
        while not stop.wait(SAMPLING):
            monitors = monitors or _monitors()
            values: dict[str, float] = {}
            for monitor in monitors:
                monitor.collect_metrics()
                values |= {f"system/{key}": v for key, v in monitor.aggregate_metrics().items()}
                monitor.clear_metrics()
            run.log_scalars(run.step, values)

    thread = threading.Thread(target=watch, name="machine", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _monitors() -> list[Any]:
    """MLflow's monitors, so that names and units are those that its page knows."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    kinds: list[Any] = [CPUMonitor, DiskMonitor, GPUMonitor]
    monitors = []
    for kind in kinds:
        with suppress(Exception):  # no GPU, or no library to ask it
            monitors.append(kind())
    return monitors


def _put_model(outbox: Outbox, path: Path, *, of: str) -> None:
    outbox.put_file(
        "model",
        "model",
        lambda folder: packaging.collect(path, folder),
        of=of,
        weights_sha256=weights_sha256(path),
    )
