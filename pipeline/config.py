"""The schema of params.yaml, composed of the configurations beside what they build."""

from pathlib import Path

from pydantic import Field, model_validator

from pipeline.data.config import DataConfig
from pipeline.degradation.config import DegradationConfig
from pipeline.degradation.resize import Resize
from pipeline.errors import UserError
from pipeline.evaluation.config import EvaluateConfig
from pipeline.evaluation.scores import resolve_metric
from pipeline.losses import LossList
from pipeline.losses import required_weights as loss_weights
from pipeline.metrics.deep_features import LPIPSOptions
from pipeline.metrics.deep_features import required_weights as lpips_weights
from pipeline.models import AnyNetworkConfig
from pipeline.models.extractors import WeightsFile
from pipeline.report.config import ReportConfig
from pipeline.schema import StrictConfig, read_yaml, validate
from pipeline.training.checks import check_recipe
from pipeline.training.config import Recipe, TrainConfig

PARAMS_FILE = Path("params.yaml")


class Params(StrictConfig):
    """Everything that a person may change.

    Attributes:
        seed: Seed of degradation, initialisation and sampling.
        scale: Enlargement.
    """

    seed: int = Field(ge=0)
    scale: int = Field(ge=2, le=8)
    data: DataConfig
    degradation: DegradationConfig
    model: AnyNetworkConfig
    loss: LossList
    train: TrainConfig
    evaluate: EvaluateConfig
    report: ReportConfig

    @property
    def recipe(self) -> Recipe:
        """What the outcome of a training depends on, data aside."""
        return Recipe(
            seed=self.seed,
            scale=self.scale,
            degradation=self.degradation,
            model=self.model,
            loss=self.loss,
            train=self.train,
        )

    @property
    def needed_weights(self) -> list[WeightsFile]:
        """Files of pretrained weights that the losses and metrics need, each once."""
        files = loss_weights(self.loss)
        for phase in self.train.phases or ():
            files += loss_weights(phase.loss or ())
        watched = self.train.validation.metrics if self.train.validation else ()
        plane = [self.evaluate.plane] if self.evaluate.plane else []
        for name in [*watched, *self.evaluate.metrics, *plane]:
            options = resolve_metric(name).options
            if isinstance(options, LPIPSOptions):
                files += lpips_weights(options.backbone)
        return list(dict.fromkeys(files))

    @model_validator(mode="after")
    def _degradation_leads_to_scale(self) -> "Params":
        try:
            self.degradation.steps(self.scale)
        except ValueError as error:
            raise ValueError(f"degradation.{error}") from None
        return self

    @model_validator(mode="after")
    def _luma_first_is_bicubic(self) -> "Params":
        if self.evaluate.protocol.name != "luma-first":
            return self
        if self.model.colour != "luma":
            raise ValueError(
                "evaluate.protocol: luma-first is for networks on luma, and model.colour is "
                f"{self.model.colour}; use the protocol rgb"
            )
        if list(self.degradation.steps(self.scale)) != [Resize()]:
            raise ValueError(
                "evaluate.protocol: luma-first makes its own LR by bicubic shrinking, and "
                "`degradation` asks for something else; use the protocol rgb"
            )
        return self


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and validate all of params.yaml, before any stage works.

    Raises:
        UserError: One line for each mistake: the key's full path, what was wrong, and the nearest
            valid key or the allowed range.
    """
    params = validate(Params, read_yaml(path), where=str(path))
    try:
        check_recipe(params.recipe)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return params
