"""The arithmetic of a step: from a batch to losses, without files, clocks or logging."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.images.colour import rgb_to_luma
from pipeline.losses import LossValue, Seen, WeightedLoss
from pipeline.models import SRNetwork
from pipeline.training.config import Recipe
from pipeline.training.feed import Batch
from pipeline.training.shrink import shrink

Outputs = Callable[[Tensor], list[Tensor]]
"""`forward_all` of a network, compiled or not."""


@dataclass(frozen=True)
class Arithmetic:
    """Where and how tensors are computed.

    Attributes:
        device: Where.
        memory_format: Layout of batches and weights in memory.
        precision: Type of the network's forward and backward pass; None for float32.
    """

    device: torch.device
    memory_format: torch.memory_format
    precision: torch.dtype | None

    @classmethod
    def of(cls, recipe: Recipe, device: torch.device) -> "Arithmetic":
        """What a recipe asks for."""
        formats = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
        types = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
        return cls(device, formats[recipe.train.memory_format], types[recipe.train.precision])

    def place(self, module: torch.nn.Module) -> None:
        """Bring weights to the device and into the layout, in place."""
        module.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload]

    def network_input(self, network: SRNetwork, batch: Tensor) -> Tensor:
        """Give patches of the feed the channels and the range [0, 1] that a network works on."""
        moved = batch.to(self.device, non_blocking=True)
        if network.colour != "rgb":
            return moved if moved.shape[1] == 1 else rgb_to_luma(moved)
        return moved.to(torch.float32, memory_format=self.memory_format).div_(255.0)

    def seed(self, seed: int) -> None:
        """Start the random numbers of the device and the processor anew.

        `torch.manual_seed` would also leave a note for a GPU that is not in use, with a traceback,
        at every step.
        """
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def lower_precision(self) -> AbstractContextManager[object]:
        """Context of the network's forward pass."""
        if self.precision is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)


def evaluate(
    network: SRNetwork,
    forward_all: Outputs,
    loss: WeightedLoss,
    batch: Batch,
    arithmetic: Arithmetic,
    *,
    step: int | None,
) -> LossValue:
    """Run a batch of patches through network and loss.

    Args:
        network: Says its colours.
        forward_all: Its outputs.
        loss: Weighted sum.
        batch: Patches; HR may be of a higher scale than the network's.
        arithmetic: Where and how.
        step: See `WeightedLoss.forward`.
    """
    lr, hr = (arithmetic.network_input(network, x) for x in (batch.lr, batch.hr))
    with arithmetic.lower_precision():
        outputs = forward_all(lr)
    return supervised_loss([output.float() for output in outputs], hr, loss, step=step)


def supervised_loss(
    outputs: Sequence[Tensor], hr: Tensor, loss: WeightedLoss, *, step: int | None = None
) -> LossValue:
    """Compare every output of a network with its target.

    Outputs of the same size (iterations, recursions) are averaged, as DRCN (eq. 8) and SRFBN
    (eq. 7) do; the sizes (levels) are added, as LapSRN (eq. 3) does. The target of a smaller
    level is the HR patch shrunk to its size by MATLAB's antialiased bicubic, without rounding.
    Adversarial terms judge the final output only.

    Args:
        outputs: From `forward_all`, the final one last.
        hr: Target, (N, C, H, W), in [0, 1], at least as large as the final output.
        loss: Weighted sum.
        step: Of training, see `WeightedLoss.forward`.
    """
    sizes = [(output.shape[-2], output.shape[-1]) for output in outputs]
    targets = {size: shrink(hr, size) for size in dict.fromkeys(sizes)}
    if len(outputs) == 1:
        return loss(outputs[0], targets[sizes[0]], step=step)
    last = len(outputs) - 1
    values = [
        loss(output, targets[size], step=step if number == last else None)
        for number, (output, size) in enumerate(zip(outputs, sizes, strict=True))
    ]
    return _weighted_sum(values, [1 / sizes.count(size) for size in sizes])


def _weighted_sum(values: Sequence[LossValue], weights: Sequence[float]) -> LossValue:
    """Add losses by name; what only the last one has counts in full."""
    final = values[-1]

    def added(of: Callable[[LossValue], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {
            name: value
            if name in final.seen
            else torch.stack([w * of(v)[name] for v, w in zip(values, weights, strict=True)]).sum()
            for name, value in of(final).items()
        }

    shares = added(lambda value: value.shares)
    total = torch.stack(list(shares.values())).sum()
    return LossValue(total, added(lambda value: value.parts), shares, final.seen)


def numbers_of(value: LossValue) -> dict[str, float]:
    """The loss, its parts and their weighted shares, as they are logged."""
    numbers = {"loss": value.total.item()}
    numbers |= {f"loss/{name}": part.item() for name, part in value.parts.items()}
    return numbers | {f"share/{name}": share.item() for name, share in value.shares.items()}


def joined(seen: Sequence[Mapping[str, Seen]]) -> dict[str, Seen]:
    """What discriminators see of a batch, from its parts."""
    if len(seen) == 1:
        return dict(seen[0])
    return {
        name: Seen(*(torch.cat(parts) for parts in zip(*(one[name] for one in seen), strict=True)))
        for name in seen[0]
    }


def parts_of(batch: Batch, count: int) -> Iterator[Batch]:
    """Split a batch into equal parts."""
    size = len(batch.names) // count
    for start in range(0, size * count, size):
        part = slice(start, start + size)
        yield Batch(batch.lr[part], batch.hr[part], batch.names[part], batch.seed)


def check_finite(
    numbers: Mapping[str, float], *, step: int, culprits: Callable[[], Sequence[str]]
) -> None:
    """Refuse to go on with a loss or gradient that is not a number, before it reaches weights.

    Args:
        numbers: As logged, `loss` and `gradient_norm` among them.
        step: Number of the step, from 1.
        culprits: Finds the names of the pictures that it happens on.

    Raises:
        UserError: Naming the step, the parts of the loss and the pictures.
    """
    broken = {name: value for name, value in numbers.items() if not math.isfinite(value)}
    if not broken:
        return
    parts = [name for name in broken if name.startswith("loss/")] or list(broken)
    found = ", ".join(f"{name.removeprefix('loss/')} is {broken[name]}" for name in parts)
    what = "loss" if any(name.startswith("loss") for name in broken) else "gradient"
    raise UserError(
        f"step {step}: the {what} is not finite ({found}) on the pictures "
        f"{', '.join(dict.fromkeys(culprits()))}; the last good checkpoint is kept. "
        "A lower train.optimizer.learning_rate or train.clip usually helps"
    )


@torch.no_grad()
def culprits_of(batch: Batch, value_of: Callable[[Batch], LossValue]) -> list[str]:
    """Names of the pictures whose loss alone is not finite."""
    singles = parts_of(batch, len(batch.names))
    return [s.names[0] for s in singles if not math.isfinite(value_of(s).total.item())]
