"""Settings of training: the section `train` of params.yaml, and all that a training depends on."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline.degradation.config import DegradationConfig
from pipeline.losses import LossList
from pipeline.models import AnyNetworkConfig
from pipeline.schema import StrictConfig
from pipeline.training.clipping import AnyClipConfig
from pipeline.training.optimizers import AdamConfig, AnyOptimizerConfig
from pipeline.training.schedule import AnyScheduleConfig, OneCycleConfig

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+_(y|rgb)$")]


class ValidationConfig(StrictConfig):
    """How training is watched; `keep_best` and `early_stop` may choose by it.

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


class EarlyStopConfig(StrictConfig):
    """When training ends before its last step; with phases, within the last one.

    Attributes:
        metric: One of validation.metrics.
        patience: Validations in a row without a gain.
        min_gain: What counts as a gain over the best so far, in the metric's unit.
    """

    metric: MetricName
    patience: int = Field(gt=0)
    min_gain: float = Field(0.0, ge=0)


class DiscriminatorTraining(StrictConfig):
    """How the discriminator of an adversarial term is trained; what is null is the network's.

    Attributes:
        optimizer: What updates its weights.
        schedule: How its learning rate changes, counted from the first step of training.
        clip: How its gradients are clipped; null for not at all.
    """

    optimizer: AnyOptimizerConfig | None = None
    schedule: AnyScheduleConfig | None = None
    clip: AnyClipConfig | None = None


class PhaseConfig(StrictConfig):
    """A span of steps of a curriculum; what is null is as in the rest of params.

    Attributes:
        steps: Length.
        scale: Enlargement that is trained, a lower one than the run's to begin with. A
            progressive network runs up to that level, any other is built for that scale and
            hands its weights on to the next phase as far as they fit. The LR is that of the run,
            the target its HR, shrunk.
        blend_steps: Steps over which the newest level of a progressive network is blended in.
        patch_size: Height and width of the HR patch, in pixels.
        batch_size: Patches that an update sees.
        degradation: How LR is made, where `degradation.mode` is online.
        loss: The weighted sum.
        learning_rate: Of the network's optimiser, in place of its own.
        schedule: Counted over the steps of the phase; that of `train` counts over all steps.
    """

    steps: int = Field(gt=0)
    scale: int | None = Field(None, ge=2)
    blend_steps: int = Field(0, ge=0)
    patch_size: int | None = Field(None, gt=0)
    batch_size: int | None = Field(None, gt=0)
    degradation: DegradationConfig | None = None
    loss: LossList | None = None
    learning_rate: float | None = Field(None, gt=0)
    schedule: AnyScheduleConfig | None = None


class TrainConfig(StrictConfig):
    """The section `train`.

    Attributes:
        steps: Number of updates.
        batch_size: Patches that an update sees, over all processes.
        patch_size: Height and width of the HR patch, in pixels.
        augment: Flip and turn patches.
        optimizer: What updates the weights.
        schedule: How the learning rate changes over the steps.
        clip: How gradients are clipped; null for not at all.
        accumulation: Parts that the batch is computed in, one after the other, to save memory.
        ema: Decay of the moving average of the weights that is validated and saved; null for
            the weights themselves.
        discriminators: How those of adversarial terms are trained, by the term's name or label.
        phases: A curriculum; null for one phase.
        init_from: Weights to start from: a .safetensors file, a run of MLflow, or a registered
            model; of another scale or design, what fits is taken.
        validation: How training is watched; null for not at all.
        keep_best: Metric by which the best validated weights are saved; null for the last ones.
        early_stop: When training ends before its last step; null for never.
        log_every: Steps between two entries of the losses in the record.
        checkpoint_every: Steps between checkpoints.
        processes: Processes that share every batch.
        device: Where to compute; auto takes the GPU where there is one.
        precision: Of the network's forward and backward pass; weights stay fp32.
        compile: Use torch.compile.
        threads: Compute threads of all processes together; results are the same only for the
            same number.
        feed_threads: Threads that prepare batches; without influence on the result.
        memory_format: Layout of tensors in memory.
    """

    steps: int = Field(2000, gt=0)
    batch_size: int = Field(16, gt=0)
    patch_size: int = Field(96, gt=0)
    augment: bool = True
    optimizer: AnyOptimizerConfig = AdamConfig(learning_rate=1e-3)
    schedule: AnyScheduleConfig = OneCycleConfig()
    clip: AnyClipConfig | None = None
    accumulation: int = Field(1, gt=0)
    ema: float | None = Field(None, gt=0, lt=1)
    discriminators: dict[str, DiscriminatorTraining] = Field({})
    phases: list[PhaseConfig] | None = Field(None, min_length=1)
    init_from: str | None = None
    validation: ValidationConfig | None = ValidationConfig()
    keep_best: MetricName | None = None
    early_stop: EarlyStopConfig | None = None
    log_every: int = Field(20, gt=0)
    checkpoint_every: int = Field(200, gt=0)
    processes: int = Field(1, gt=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    threads: int = Field(2, gt=0)
    feed_threads: int = Field(1, gt=0)
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"


class Recipe(StrictConfig):
    """Everything in params.yaml that the outcome of a training depends on."""

    seed: int = Field(0, ge=0)
    scale: int = Field(gt=0)
    degradation: DegradationConfig = DegradationConfig()
    model: AnyNetworkConfig
    loss: LossList
    train: TrainConfig
