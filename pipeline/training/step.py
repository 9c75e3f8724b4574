"""One update: the arithmetic of a step, without files, clocks or logging."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from pipeline.data.feed import Batch
from pipeline.errors import UserError
from pipeline.losses import LossValue, WeightedLoss
from pipeline.models import SRNetwork, network_input
from pipeline.training.shrink import shrink


def supervised_loss(outputs: Sequence[Tensor], hr: Tensor, loss: WeightedLoss) -> LossValue:
    """Compare every output of a network with its target.

    Outputs of the same size (iterations, recursions) are averaged, as DRCN (eq. 8) and SRFBN
    (eq. 7) do; the sizes (levels) are added, as LapSRN (eq. 3) does. The target of a smaller
    level is the HR patch shrunk to its size by MATLAB's antialiased bicubic, without rounding.

    Args:
        outputs: From `forward_all`, the final one last.
        hr: Target of the final output, (N, C, H, W), in [0, 1].
        loss: Weighted sum.
    """
    sizes = [(output.shape[-2], output.shape[-1]) for output in outputs]
    targets = {size: shrink(hr, size) for size in dict.fromkeys(sizes)}
    values = [loss(output, targets[size]) for output, size in zip(outputs, sizes, strict=True)]
    return weighted_sum(values, [1 / sizes.count(size) for size in sizes])


def weighted_sum(values: Sequence[LossValue], weights: Sequence[float]) -> LossValue:
    """Add losses, total and parts, each times its weight."""

    def add(scalars: Iterable[Tensor]) -> Tensor:
        terms = [weight * scalar for weight, scalar in zip(weights, scalars, strict=True)]
        return torch.stack(terms).sum()

    return LossValue(
        add(value.total for value in values),
        {name: add(value.parts[name] for value in values) for name in values[0].parts},
        {name: add(value.shares[name] for value in values) for name in values[0].shares},
    )


def forward_loss(
    network: SRNetwork, loss: WeightedLoss, batch: Batch, memory_format: torch.memory_format
) -> LossValue:
    """Run a batch of 8-bit patches through network and loss."""
    lr, hr = (network_input(network, _to_unit(x, memory_format)) for x in (batch.lr, batch.hr))
    return supervised_loss(network.forward_all(lr), hr, loss)


def _to_unit(x: Tensor, memory_format: torch.memory_format) -> Tensor:
    return x.to(torch.float32, memory_format=memory_format).div_(255.0)


def check_finite(value: LossValue, *, step: int, names: Sequence[str]) -> None:
    """Refuse to go on with a loss that is not a number, before it reaches the weights.

    Raises:
        UserError: Naming the step, the parts of the loss and the pictures of the batch.
    """
    if math.isfinite(value.total.item()):
        return
    broken = [f"{name} is {part.item()}" for name, part in value.parts.items()]
    broken = [text for text in broken if text.endswith(("nan", "inf"))] or ["the total"]
    raise UserError(
        f"step {step}: the loss is not finite ({', '.join(broken)}) on the pictures "
        f"{', '.join(dict.fromkeys(names))}; the last good checkpoint is kept. "
        "A lower train.optimizer.learning_rate usually helps"
    )
