"""Scores of one picture by name: a metric and the channels it sees."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import UserError
from pipeline.evaluation.protocol import DATA_RANGE, Channels, Pair, Protocol, rgb_pair
from pipeline.images.picture import Picture
from pipeline.metrics import METRICS, Metric
from pipeline.metrics.information import shared_pyramids
from pipeline.schema import StrictConfig, nearest, validate

Scores = dict[str, float]

# Defined on colour by their authors; everything else is published on luma.
_ON_COLOUR = ("lpips",)


class NamedMetric(NamedTuple):
    """A metric as it is asked for.

    Attributes:
        key: Its name in tables: `psnr_y`, `psnr_rgb`, or `psnr`, which means its usual channels;
            chosen options follow, as in `mssim_y:window-block`.
        metric: The metric.
        channels: What it sees.
        options: The metric's own, one of `metric.options`.
    """

    key: str
    metric: Metric
    channels: Channels
    options: StrictConfig


def resolve_metric(key: str) -> NamedMetric:
    """Find the metric, channels and options that a name such as `ssim_y` means.

    Raises:
        ValueError: If there is no such metric or option, naming the nearest.
    """
    name, *chosen = key.split(":")
    options = dict(part.partition("-")[::2] for part in chosen)
    return _resolve(name, {option: _number_or_text(text) for option, text in options.items()})


def metric_key(entry: Any) -> str:
    """Turn an entry of `evaluate.metrics` into the name that tables show.

    Args:
        entry: A name such as `ssim_y`, or a mapping with `name` and options such as
            `{name: mssim_y, window: block}`. Options at their default do not show.

    Raises:
        ValueError: If it is neither, or there is no such metric or option, naming the nearest.
    """
    if isinstance(entry, str):
        return resolve_metric(entry).key
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise ValueError(f"a metric is a name, or a mapping with `name` and options, not {entry!r}")
    return _resolve(entry["name"], {k: v for k, v in entry.items() if k != "name"}).key


def _resolve(name: str, given: Mapping[str, Any]) -> NamedMetric:
    base, _, suffix = name.rpartition("_")
    channels: Channels
    if name in METRICS:
        metric, channels = METRICS[name], "rgb" if name in _ON_COLOUR else "y"
    elif base in METRICS and suffix in ("y", "rgb"):
        metric, channels = METRICS[base], "y" if suffix == "y" else "rgb"
    else:
        known = [f"{known}{suffix}" for known in METRICS for suffix in ("", "_y", "_rgb")]
        meant = nearest(name, known).split(" (")[0]
        raise ValueError(
            f"metric {name!r} is unknown{meant} "
            f"(known: {', '.join(sorted(METRICS))}, each also with _y or _rgb)"
        )
    try:
        options = validate(metric.options, dict(given), where=f"metric {name!r}")
    except UserError as error:
        raise ValueError(str(error)) from None
    shown = [f"{k}-{v}" for k, v in options.model_dump(exclude_defaults=True).items()]
    return NamedMetric(":".join([name, *shown]), metric, channels, options)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def score_picture(
    sr: Picture, hr: Picture, metrics: Sequence[NamedMetric], protocol: Protocol, scale: int
) -> Scores:
    """Score an 8-bit result by the protocol `rgb`."""
    channels = dict.fromkeys(metric.channels for metric in metrics)
    pairs = {name: rgb_pair(sr, hr, name, protocol) for name in channels}
    return score_pairs(pairs, metrics, protocol.border(scale))


def score_pairs(
    pairs: Mapping[Channels, Pair], metrics: Sequence[NamedMetric], border: int
) -> Scores:
    """Value of each metric on the pair of its channels; infinite PSNR where they are identical."""
    with shared_pyramids():
        return {metric.key: _score(pairs[metric.channels], metric, border) for metric in metrics}


def _score(pair: Pair, named: NamedMetric, border: int) -> float:
    value = named.metric.function(
        pair.sr, pair.hr, data_range=DATA_RANGE, border=border, **named.options.model_dump()
    )
    return float(value)
