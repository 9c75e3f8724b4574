"""Settings of the `evaluate` stage."""

from pydantic import Field, field_validator, model_validator

from pipeline.evaluation.protocol import Protocol
from pipeline.evaluation.scores import resolve_metric
from pipeline.schema import StrictConfig

DEFAULT_METRICS = ["psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"]


class EvaluateConfig(StrictConfig):
    """Settings of the `evaluate` stage."""

    protocol: Protocol = Protocol()
    metrics: list[str] = Field(DEFAULT_METRICS, min_length=1)
    self_ensemble: bool = False
    tile: int | None = Field(None, ge=16)  # LR pixels a side

    @field_validator("metrics")
    @classmethod
    def _are_known(cls, metrics: list[str]) -> list[str]:
        for name in metrics:
            resolve_metric(name)
        if len(set(metrics)) < len(metrics):
            raise ValueError("a metric is named twice")
        return metrics

    @model_validator(mode="after")
    def _luma_first_has_no_colour(self) -> "EvaluateConfig":
        colour = [name for name in self.metrics if resolve_metric(name).channels == "rgb"]
        if self.protocol.name == "luma-first" and colour:
            raise ValueError(
                f"metrics: the protocol luma-first has no colour to score; remove {colour[0]} "
                "or use the protocol rgb"
            )
        return self
