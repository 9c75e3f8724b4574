"""Scores of one picture by name: a metric and the channels it sees."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.evaluation.protocol import DATA_RANGE, Channels, Pair, Protocol, rgb_pair
from pipeline.images import Picture
from pipeline.metrics import METRICS, Metric
from pipeline.schema import nearest

Scores = dict[str, float]

# Defined on colour by their authors; everything else is published on luma.
_ON_COLOUR = ("lpips",)


class NamedMetric(NamedTuple):
    """A metric as it is asked for: `psnr_y`, `psnr_rgb`, or `psnr`, which means its usual one."""

    key: str
    metric: Metric
    channels: Channels


def resolve_metric(key: str) -> NamedMetric:
    """Find the metric and channels that a name such as `ssim_y` means.

    Raises:
        ValueError: If there is no such metric, naming the nearest.
    """
    if key in METRICS:
        return NamedMetric(key, METRICS[key], "rgb" if key in _ON_COLOUR else "y")
    base, _, channels = key.rpartition("_")
    if base in METRICS and channels in ("y", "rgb"):
        return NamedMetric(key, METRICS[base], "y" if channels == "y" else "rgb")
    known = [f"{name}{suffix}" for name in METRICS for suffix in ("", "_y", "_rgb")]
    meant = nearest(key, known).split(" (")[0]
    raise ValueError(
        f"metric {key!r} is unknown{meant} "
        f"(known: {', '.join(sorted(METRICS))}, each also with _y or _rgb)"
    )


def score_picture(
    sr: Picture, hr: Picture, metrics: Sequence[NamedMetric], protocol: Protocol, scale: int
) -> Scores:
    """Score an 8-bit result by the protocol `rgb`."""
    pairs = {m.channels: rgb_pair(sr, hr, m.channels, protocol) for m in metrics}
    return {m.key: score_pair(pairs[m.channels], m, protocol.border(scale)) for m in metrics}


def score_pair(pair: Pair, named: NamedMetric, border: int) -> float:
    """Value of one metric on one pair; infinite where PSNR finds the pictures identical."""
    value = named.metric.function(pair.sr, pair.hr, data_range=DATA_RANGE, border=border)
    return float(value)
