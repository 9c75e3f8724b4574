"""Settings of the `evaluate` stage."""

from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.evaluation.opinions import FOLDER
from pipeline.evaluation.plane import Perception
from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.scores import metric_key, resolve_metric
from pipeline.evaluation.tasks import Task
from pipeline.schema import StrictConfig

DEFAULT_METRICS = ["psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"]


class EvaluateConfig(StrictConfig):
    """Settings of the `evaluate` stage.

    Attributes:
        protocol: How scores are taken.
        metrics: Names, or names with options.
        self_ensemble: Average over the eight flips and rotations.
        tile: Side of the LR tiles that a picture is enlarged in; null for the whole picture.
        study: Results of a study, whose scores are put beside the others; null for none.
        tasks: What the results are used for, beyond looking: `text` (recognition on pages of its
            own), `classification`; they need the extra `tasks`.
        plane: What the perception-distortion plane's perceptual axis is; null for no plane.
    """

    protocol: Protocol = Protocol()
    metrics: list[str] = Field(DEFAULT_METRICS, min_length=1)
    self_ensemble: bool = False
    tile: int | None = Field(None, ge=16)
    study: str | None = None
    tasks: list[Task] = Field(default_factory=list)
    plane: Perception | None = "niqe"

    @field_validator("metrics", mode="before")
    @classmethod
    def _names_with_options(cls, metrics: Any) -> Any:
        return [metric_key(entry) for entry in metrics] if isinstance(metrics, list) else metrics

    @field_validator("metrics")
    @classmethod
    def _named_once(cls, metrics: list[str]) -> list[str]:
        if len(set(metrics)) < len(metrics):
            raise ValueError("a metric is named twice")
        return metrics

    @field_validator("study")
    @classmethod
    def _is_a_dependency(cls, study: str | None) -> str | None:
        # Elsewhere, DVC would not see that the file changed.
        if study is not None and PurePosixPath(study).parts[:1] != (FOLDER,):
            raise ValueError(f"{study} is not in {FOLDER}/; write it there: sr study results -o")
        return study

    @model_validator(mode="after")
    def _luma_first_has_no_colour(self) -> "EvaluateConfig":
        colour = [name for name in self.metrics if resolve_metric(name).channels == "rgb"]
        if self.protocol.name == "luma-first" and colour:
            raise ValueError(
                f"metrics: the protocol luma-first has no colour to score; remove {colour[0]} "
                "or use the protocol rgb"
            )
        return self
