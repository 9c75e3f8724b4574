"""Several processes that train one network, each on its part of every batch."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from pipeline.errors import UserError
from pipeline.training.config import TrainConfig

CPU = torch.device("cpu")
# Longer than the others wait for the first one's validation; then torchrun starts all again.
PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Team:
    """The processes of a training; all hold the same weights, optimisers and averages.

    Attributes:
        rank: This process, from 0; the first one validates, records and saves.
        size: Number of processes.
        device: Where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def average(
        self, gradients: Sequence[Tensor], numbers: Mapping[str, float]
    ) -> dict[str, float]:
        """Average gradients in place, and numbers, over all processes, in one exchange.

        Args:
            gradients: The same tensors in each process.
            numbers: Of the same names in each process.
        """
        if self.size == 1:
            return dict(numbers)
        scalars = torch.tensor(list(numbers.values()), dtype=torch.float32, device=self.device)
        flat = torch.cat([g.reshape(-1) for g in gradients] + [scalars])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view(gradient.shape))
            start += gradient.numel()
        return dict(zip(numbers, flat[start:].tolist(), strict=True))

    def joined(self, names: Sequence[str]) -> list[str]:
        """Give the names that any process holds, each once."""
        held: list[Sequence[str]] = [names]
        if self.size > 1:
            held = [[] for _ in range(self.size)]
            distributed.all_gather_object(held, names)
        return list(dict.fromkeys(name for part in held for name in part))

    def told_by_first(self, value: Any) -> Any:
        """Give what the first process holds."""
        if self.size == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, src=0, device=self.device)
        return held[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            distributed.barrier()

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """Let the first process do something before the others, which then find it done."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()


def under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


@contextmanager
def team(config: TrainConfig) -> Iterator[Team]:
    """Join the processes that torchrun started, or be alone.

    Raises:
        UserError: If their number is not `train.processes`, or there is no such device.
    """
    device = chosen_device(config)
    size = int(os.environ["WORLD_SIZE"]) if under_torchrun() else 1
    if size != config.processes:
        raise UserError(
            f"train.processes: {config.processes}, but {size} take part; set it to {size}, since "
            "results depend on it"
        )
    if not under_torchrun():
        yield Team(device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Team(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()


def chosen_device(config: TrainConfig) -> torch.device:
    """The device of `train.device`.

    Raises:
        UserError: If there is none.
    """
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise UserError("train.device: there is no CUDA device; set it to cpu or auto")
    use = available if config.device == "auto" else config.device == "cuda"
    return torch.device("cuda" if use else "cpu")


def with_shared_statistics(module: nn.Module, team: Team, *, what: str) -> nn.Module:
    """Let batch normalisations see the batch of all processes.

    Raises:
        UserError: On processors, where PyTorch has none that does.
    """
    has = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())
    if team.size == 1 or not has:
        return module
    if team.device.type == "cpu":
        raise UserError(
            f"train.processes: {what} normalises over the batch, which processes on processors "
            "cannot share; set train.processes to 1, or its norm to none or instance"
        )
    return nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]


def warn(text: str, team: Team) -> None:
    """Tell a person, once."""
    if team.leads:
        print(f"warning: {text}", file=sys.stderr)
