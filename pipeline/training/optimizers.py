"""The optimisers: settings and how each is built."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import nn, optim

from pipeline.schema import StrictConfig

Fraction = Annotated[float, Field(ge=0, lt=1)]


class OptimizerConfig(StrictConfig):
    """Settings of one optimiser; subclasses add `name: Literal[...]` and `build`."""

    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.0, ge=0)

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
        """Construct the optimiser."""
        raise NotImplementedError


class AdamConfig(OptimizerConfig):
    """Adam; a weight decay is added to the gradient.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    name: Literal["adam"] = "adam"
    betas: list[Fraction] = Field([0.9, 0.999], min_length=2, max_length=2)
    epsilon: float = Field(1e-8, gt=0)

    def build(self, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
        """Construct the optimiser."""
        # Fused: one pass over memory instead of about ten.
        return optim.Adam(
            parameters,
            lr=self.learning_rate,
            betas=(self.betas[0], self.betas[1]),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            fused=True,
        )


class AdamWConfig(OptimizerConfig):
    """Adam with the weight decay beside the gradient.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    name: Literal["adamw"] = "adamw"
    weight_decay: float = Field(0.01, ge=0)
    betas: list[Fraction] = Field([0.9, 0.999], min_length=2, max_length=2)
    epsilon: float = Field(1e-8, gt=0)

    def build(self, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
        """Construct the optimiser."""
        return optim.AdamW(
            parameters,
            lr=self.learning_rate,
            betas=(self.betas[0], self.betas[1]),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            fused=True,
        )


class SGDConfig(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.9
    nesterov: bool = False

    def build(self, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
        """Construct the optimiser."""
        return optim.SGD(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )


AnyOptimizerConfig = Annotated[AdamConfig | AdamWConfig | SGDConfig, Field(discriminator="name")]
