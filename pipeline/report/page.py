"""The report: one HTML page that holds everything it shows."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from PIL import Image

from pipeline.degradation.config import DegradationConfig
from pipeline.evaluation.protocol import shown_hr
from pipeline.evaluation.published import Beside, beside_published
from pipeline.evaluation.tables import BASELINE, NETWORK, absent, shown_digits, task_scores
from pipeline.images.manifest import read_manifest
from pipeline.images.picture import Picture, crop_to_multiple, read_png
from pipeline.images.resize import imresize
from pipeline.images.windows import most_telling_window, overview, zoomed
from pipeline.report.config import ReportConfig
from pipeline.report.curves import curve_svg
from pipeline.report.strips import degradation_strips


@dataclass(frozen=True)
class ReportInputs:
    """What the page is made of: outputs of earlier stages.

    Attributes:
        summary: Content of `summary.json`.
        curve: Content of `plots/train.csv`.
        per_image: Content of `plots/per_image.csv`.
        hr: Folder of the HR store.
        results: Folder of the enlarged pictures, `<method>/<set>/<name>.png`.
        degradation: The run's degradation.
        seed: The run's seed.
    """

    summary: Mapping[str, Any]
    curve: pd.DataFrame
    per_image: pd.DataFrame
    hr: Path
    results: Path
    degradation: DegradationConfig
    seed: int


def render_report(inputs: ReportInputs, config: ReportConfig) -> str:
    """Render the page.

    Args:
        inputs: Outputs of earlier stages.
        config: Title and number of pictures.

    Returns:
        HTML that needs no network and no other file; the same bytes for the same inputs.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["score"] = format_score
    page = environment.get_template("report.html").render(
        title=config.title,
        protocol=inputs.summary["protocol"],
        sets=_set_rows(inputs.summary),
        statistics=inputs.summary["statistics"],
        metrics=_metrics(inputs.summary),
        curves=_curves(inputs.curve),
        images=_images(inputs, config.num_images),
        total=len(inputs.per_image),
        published=_published(inputs),
        plane=inputs.summary.get("plane"),
        tasks=task_scores(inputs.summary),
        strips=_strips(inputs),
        lossy=_lossy_sources(inputs.hr),
    )
    return page if page.endswith("\n") else page + "\n"


def format_score(value: float | None, metric: str, sign: str = "") -> str:
    """Write a score with its usual digits: two for dB, four for indices."""
    if value is None:
        return absent(metric)
    return f"{value:{sign}.{shown_digits(metric)}f}"


def _metrics(summary: Mapping[str, Any]) -> list[str]:
    return list(summary["mean"][NETWORK])


def _set_rows(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    rows = list(summary["sets"].items())
    return [*rows, ("all images", summary["mean"])] if len(rows) > 1 else rows


def _curves(curve: pd.DataFrame) -> list[str]:
    losses = [name for name in curve.columns if name == "loss" or name.startswith("loss/")]
    # With one term the sum and its part are the same curve.
    parts = losses if len(losses) > 2 else losses[:1]
    scores = [name for name in curve.columns if name.startswith("valid/")]
    curves = [curve_svg(curve, parts, title="training loss", log=True)] if losses else []
    return curves + [curve_svg(curve, [name], title=f"validation: {name[6:]}") for name in scores]


def _images(inputs: ReportInputs, number: int) -> list[dict[str, Any]]:
    return [_image(row, inputs) for row in _first_of_each(inputs.per_image, number)]


def _first_of_each(table: pd.DataFrame, number: int) -> Sequence[Mapping[str, Any]]:
    """Take pictures from every set in turn, so that no set is left out of a short report."""
    turns = table.assign(turn=table.groupby("set", sort=False).cumcount())
    chosen = turns.sort_values("turn", kind="stable").head(number).sort_index()
    return [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]


def _image(row: Mapping[str, Any], inputs: ReportInputs) -> dict[str, Any]:
    file = f"{row['set']}/{row['image']}.png"
    bicubic = read_png(inputs.results / BASELINE / file)
    network = read_png(inputs.results / NETWORK / file)
    scale = int(inputs.summary["protocol"]["scale"])
    hr = shown_hr(read_png(inputs.hr / "test" / file), scale, like=bicubic)
    window = most_telling_window(hr, bicubic)
    metrics = _metrics(inputs.summary)
    return {
        "name": f"{row['set']} / {row['image']}",
        "size": f"{hr.shape[1]} x {hr.shape[0]}",
        "overview": _data_uri(overview(hr, window, 256), "JPEG"),
        "panels": [
            ("HR", _data_uri(zoomed(hr, window)), {}),
            (
                BASELINE,
                _data_uri(zoomed(bicubic, window)),
                {m: row[f"{m}_bicubic"] for m in metrics},
            ),
            (NETWORK, _data_uri(zoomed(network, window)), {m: row[m] for m in metrics}),
        ],
    }


def _published(inputs: ReportInputs) -> dict[str, list[Beside]]:
    scale = int(inputs.summary["protocol"]["scale"])
    return beside_published(inputs.summary, inputs.degradation.steps(scale))


def _strips(inputs: ReportInputs) -> list[dict[str, Any]]:
    """The first colour picture of the test split through the run's chain and every preset."""
    rows = _first_of_each(inputs.per_image, len(inputs.per_image))
    files = [inputs.hr / "test" / f"{row['set']}/{row['image']}.png" for row in rows]
    pictures = [(file, read_png(file)) for file in files[:8]]
    file, hr = next(((f, p) for f, p in pictures if p.ndim == 3), pictures[0])
    scale = int(inputs.summary["protocol"]["scale"])
    hr = crop_to_multiple(hr, scale)
    window = most_telling_window(hr, imresize(imresize(hr, 1 / scale), scale))
    strips = degradation_strips(
        hr, window, inputs.degradation, scale=scale, seed=inputs.seed, name=file.stem
    )
    return [
        {"title": s.title, "steps": [(label, _data_uri(crop)) for label, crop in s.steps]}
        for s in strips
    ]


def _data_uri(picture: Picture, image_format: str = "PNG") -> str:
    data = io.BytesIO()
    options = {"quality": 90} if image_format == "JPEG" else {"optimize": True}
    Image.fromarray(picture).save(data, format=image_format, **options)
    text = base64.b64encode(data.getvalue()).decode("ascii")
    return f"data:image/{image_format.lower()};base64,{text}"


def _lossy_sources(hr: Path) -> list[str]:
    manifest = read_manifest(hr)
    lossy = manifest[manifest["lossy"].astype(str).str.lower() == "true"]
    return [f"{row.split}/{row.set}/{row.name}" for row in lossy.itertuples(index=False)]
