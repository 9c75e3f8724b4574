"""The table of runs."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.tracking.store import connect_or_explain, experiment_id
from pipeline.tracking.writer import WEIGHTS_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = 1000
COLUMNS = [
    *("id", "name", "status", "started", "network", "scale", "data"),
    *("protocol", "psnr_y", "gain", "weights_sha256"),
]


def runs_table(*, condition: str = "", limit: int = 20) -> pd.DataFrame:
    """List the runs of the store, newest first.

    Scores are those of the latest evaluation, whose protocol stands beside them.

    Args:
        condition: MLflow's filter, such as `params.model.name = 'edsr' and params.scale = '2'`;
            keys with dots go in backquotes.
        limit: Largest number of rows; 0 for all.

    Returns:
        One row a run: id, name, status, started (UTC), network, scale, data, protocol, psnr_y,
        gain (dB over bicubic), weights_sha256; what a run does not have is null.

    Raises:
        UserError: If the store is away or does not understand the filter.
    """
    from mlflow.exceptions import MlflowException

    client = connect_or_explain()
    rows: list[dict[str, Any]] = []
    token = None
    while True:
        size = min(PAGE, limit - len(rows)) if limit else PAGE
        try:
            page = client.search_runs(
                [experiment_id(client)], condition, max_results=size, page_token=token
            )
        except MlflowException as error:
            raise UserError(f"--filter {condition!r}: {error}") from None
        rows += [_row(run) for run in page]
        token = page.token
        if not token or (limit and len(rows) >= limit):
            return pd.DataFrame(rows, columns=COLUMNS)


def tidy(table: pd.DataFrame) -> str:
    """Lay the table out for a terminal, with short ids and dashes for what is missing."""
    shown = table.drop(columns=["weights_sha256"])
    for score in ("psnr_y", "gain"):
        shown[score] = [f"{value:.2f}" if pd.notna(value) else "-" for value in shown[score]]
    return shown.fillna("-").to_string(index=False)


def _row(run: "Run") -> dict[str, Any]:
    params, metrics, tags = run.data.params, run.data.metrics, run.data.tags
    protocol = tags.get("protocol", "")
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms").isoformat(" ", "seconds"),
        "network": _network(params),
        "scale": params.get("scale"),
        "data": _data(params),
        "protocol": protocol,
        "psnr_y": metrics.get(f"{protocol}/mean/psnr_y"),
        "gain": metrics.get(f"{protocol}/mean/gain_psnr_y"),
        "weights_sha256": tags.get(WEIGHTS_TAG),
    }


def _network(params: Mapping[str, str]) -> str | None:
    name, preset = params.get("model.name"), params.get("model.preset")
    return name if preset in (None, "null", name) else f"{name} {preset}"


def _data(params: Mapping[str, str]) -> str | None:
    """Names of the training sets, from parameters such as `data.train.0.name`."""
    names = {}
    for key in sorted(params):
        match = re.fullmatch(r"data\.train\.(\d+)\.(name|set)", key)
        if match and params[key] != "null":
            names[int(match[1])] = params[key]  # `set` comes after `name`, and says more
    return ", ".join(names[number] for number in sorted(names)) or None
