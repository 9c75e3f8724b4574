"""The evaluations that runs of the store hold, for comparing them."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.compare import Evaluated, alike
from pipeline.tracking.resolve import find_run
from pipeline.tracking.runs import PAGE
from pipeline.tracking.store import connect_or_explain, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SUMMARY, TABLE = "summary.json", "per_image.json"


def recorded_evaluations(runs: Sequence[str], *, protocol: str | None = None) -> list[Evaluated]:
    """Read the evaluations of each run, the latest where several were made alike.

    Args:
        runs: Ids; every run of the store that has been evaluated where there are none.
        protocol: Name of the only protocol wanted.

    Raises:
        UserError: If the store is away, a run is unknown, or a named run has no such evaluation.
    """
    client = connect_or_explain()
    found = []
    for run in [find_run(client, run) for run in runs] or _all_runs(client):
        own = [_read(client, run, place) for place in _places(client, run, protocol)]
        if runs and not own:
            wanted = f" by the protocol {protocol}" if protocol else ""
            raise UserError(f"run {run.info.run_id} ({run.info.run_name}): no evaluation{wanted}")
        found += [group[-1] for group in alike(own)]
    return found


def _all_runs(client: "MlflowClient") -> list["Run"]:
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id(client)], "tags.evaluations != ''", max_results=PAGE, page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return runs


def _places(client: "MlflowClient", run: "Run", protocol: str | None) -> list[str]:
    """Folders of the evaluations, such as `evaluation/3-rgb`, the oldest first."""
    folders = [file.path for file in client.list_artifacts(run.info.run_id, "evaluation")]
    numbered = [(*Path(folder).name.partition("-")[::2], folder) for folder in folders]
    chosen = [
        (int(number), folder) for number, name, folder in numbered if protocol in (None, name)
    ]
    return [folder for _, folder in sorted(chosen)]


def _read(client: "MlflowClient", run: "Run", place: str) -> Evaluated:
    with TemporaryDirectory() as folder:
        here = Path(client.download_artifacts(run.info.run_id, place, folder))
        summary: dict[str, Any] = json.loads((here / SUMMARY).read_text(encoding="utf-8"))
        table = json.loads((here / TABLE).read_text(encoding="utf-8"))
    frame = pd.DataFrame(table["data"], columns=table["columns"])
    return Evaluated(run.info.run_id, str(run.info.run_name), summary, frame)
