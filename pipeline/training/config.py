"""Settings of training: the section `train` of params.yaml, and all that a training depends on."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline.losses import LossList
from pipeline.models import AnyNetworkConfig
from pipeline.schema import StrictConfig
from pipeline.training.optimizers import AdamConfig, AnyOptimizerConfig
from pipeline.training.schedule import AnyScheduleConfig, OneCycleConfig

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+_(y|rgb)$")]


class ValidationConfig(StrictConfig):
    """How training is watched; chooses nothing.

    Attributes:
        every: Steps between validations; also the interval of the rows of plots/train.csv.
        pictures: At most so many pictures of the split `valid`, the first ones.
        crop: Height and width of the HR's centre that is looked at, in pixels.
        metrics: Metric and channels, such as psnr_y.
    """

    every: int = Field(200, gt=0)
    pictures: int = Field(8, gt=0)
    crop: int = Field(256, gt=0)
    metrics: list[MetricName] = Field(["psnr_y"], min_length=1)


class TrainConfig(StrictConfig):
    """The section `train`.

    Attributes:
        steps: Number of updates.
        batch_size: Patches that an update sees.
        patch_size: Height and width of the HR patch, in pixels.
        augment: Flip and turn patches.
        optimizer: What updates the weights.
        schedule: How the learning rate changes over the steps.
        ema: Decay of the moving average of the weights that is validated and saved; null for
            the weights themselves.
        validation: How training is watched; null for not at all.
        log_every: Steps between two entries of the losses in the record.
        checkpoint_every: Steps between checkpoints.
        threads: Compute threads; results are the same only for the same number.
        feed_threads: Threads that prepare batches; without influence on the result.
        memory_format: Layout of tensors in memory.
    """

    steps: int = Field(2000, gt=0)
    batch_size: int = Field(16, gt=0)
    patch_size: int = Field(96, gt=0)
    augment: bool = True
    optimizer: AnyOptimizerConfig = AdamConfig(learning_rate=1e-3)
    schedule: AnyScheduleConfig = OneCycleConfig()
    ema: float | None = Field(None, gt=0, lt=1)
    validation: ValidationConfig | None = ValidationConfig()
    log_every: int = Field(20, gt=0)
    checkpoint_every: int = Field(200, gt=0)
    threads: int = Field(2, gt=0)
    feed_threads: int = Field(1, gt=0)
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"


class Recipe(StrictConfig):
    """Everything in params.yaml that the outcome of a training depends on."""

    seed: int = Field(0, ge=0)
    scale: int = Field(gt=0)
    model: AnyNetworkConfig
    loss: LossList
    train: TrainConfig
