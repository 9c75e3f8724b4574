"""Names of metrics, their channels and options."""

from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.scores import metric_key, resolve_metric, score_picture
from pipeline.metrics import METRICS
from pipeline.schema import validate


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("psnr", "psnr"),
        ({"name": "psnr_rgb"}, "psnr_rgb"),
        ({"name": "mssim", "window": "block"}, "mssim:window-block"),
        ({"name": "mssim_y", "window": "gaussian"}, "mssim_y"),
        ({"name": "ms_ssim", "lowpass": "2x2"}, "ms_ssim:lowpass-2x2"),
        ({"name": "ssim_y", "gamma": 2, "alpha": 0.5}, "ssim_y:alpha-0.5:gamma-2.0"),
        ({"name": "lpips", "backbone": "vgg16"}, "lpips:backbone-vgg16"),
    ],
)
def test_a_key_names_what_was_chosen_and_leads_back_to_it(entry: Any, key: str):
    assert metric_key(entry) == key
    named = resolve_metric(key)
    assert named.key == key
    assert metric_key(key) == key
    chosen = entry if isinstance(entry, dict) else {}
    for option, value in chosen.items():
        assert option == "name" or getattr(named.options, option) == value


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("psnr_yy", "metric 'psnr_yy' is unknown; did you mean 'psnr_y'"),
        ({"name": "mssim", "windw": "block"}, "windw: there is no such key; did you mean 'window'"),
        ({"name": "mssim", "window": "blok"}, "'blok' is not one of .* did you mean 'block'"),
        ("mssim:window-blok", "'blok' is not one of"),
        ({"name": "ssim", "alpha": -1}, "alpha: should be greater than or equal to 0, not -1"),
        ({"name": "psnr", "window": "block"}, "window: there is no such key"),
        ({"window": "block"}, "a metric is a name, or a mapping with `name` and options"),
        (7, "a metric is a name, or a mapping with `name` and options, not 7"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(entry: Any, message: str):
    with pytest.raises(UserError, match=rf"params.yaml: metrics: .*{message}"):
        validate(EvaluateConfig, {"metrics": [entry]}, where="params.yaml")


def test_the_same_metric_may_come_twice_with_other_options_only():
    twice = {"metrics": ["mssim", {"name": "mssim", "window": "block"}]}
    config = validate(EvaluateConfig, twice, where="params.yaml")
    assert config.metrics == ["mssim", "mssim:window-block"]
    assert validate(EvaluateConfig, config.model_dump(), where="params.yaml") == config
    with pytest.raises(UserError, match="a metric is named twice"):
        validate(EvaluateConfig, {"metrics": ["mssim", {"name": "mssim"}]}, where="params.yaml")


def test_options_reach_the_metric():
    hr, sr = np.random.default_rng(0).integers(0, 256, (2, 40, 48, 3), np.uint8)
    metrics = [resolve_metric(key) for key in ("mssim_rgb", "mssim_rgb:window-block", "ssim_rgb")]
    scores = score_picture(sr, hr, metrics, Protocol(), scale=2)
    assert scores["mssim_rgb"] == scores["ssim_rgb"] != scores["mssim_rgb:window-block"]


@pytest.mark.parametrize("name", METRICS)
def test_defaults_of_options_are_those_of_the_function(name: str):
    metric = METRICS[name]
    defaults = metric.function.__kwdefaults__ or {}
    assert metric.options().model_dump() == defaults
