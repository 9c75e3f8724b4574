"""From gradients to new weights: one optimiser with its clipping and, in fp16, its loss scale."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.training.clipping import ClipConfig
from pipeline.training.optimizers import OptimizerConfig


class Updater:
    """Updates some parameters.

    Attributes:
        parameters: Those that it updates.
        optimizer: PyTorch's optimiser.
        clip: How gradients are clipped.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        optimizer: OptimizerConfig,
        clip: ClipConfig | None,
        *,
        scaled: bool = False,
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.optimizer = optimizer.build(self.parameters)
        self.clip = clip
        # In fp16 small gradients would vanish: the loss is multiplied, and the gradients divided.
        self._scaler = torch.amp.GradScaler(self.parameters[0].device.type, enabled=scaled)

    def clear(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""
        torch.autograd.backward(self._scaler.scale(loss))

    def gradients(self) -> list[Tensor]:
        """The gradients there are."""
        return [p.grad for p in self.parameters if p.grad is not None]

    def measure(self) -> Tensor:
        """Bring the gradients to their true scale and give their norm."""
        self._scaler.unscale_(self.optimizer)
        # As `nn.utils.get_total_norm`, which takes 1.7 times as long on small networks: it also
        # sorts by device.
        return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(self.gradients())))

    def step(self, rate: float, norm: Tensor) -> None:
        """Update the parameters; call `measure` first."""
        if self.clip is not None:
            self.clip.clip(self.gradients(), norm=norm, rate=rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._scaler.step(self.optimizer)
        self._scaler.update()

    @property
    def scaled(self) -> bool:
        """Whether gradients that are not finite only cost a step and a lower scale (fp16)."""
        return self._scaler.is_enabled()

    def tensors(self) -> dict[str, Tensor]:
        """The moments by the number of their parameter; the settings are the recipe's."""
        return {
            f"{number}/{key}": value
            for number, moments in self.optimizer.state_dict()["state"].items()
            for key, value in moments.items()
            if isinstance(value, Tensor)
        }

    @torch.no_grad()
    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to `tensors()` of an equal updater."""
        state: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            number, key = name.split("/", 1)
            parameter = self.parameters[int(number)]
            # In the parameter's memory layout, in which the optimiser made it.
            same_shape = value.shape == parameter.shape and key != "step"
            moment = torch.empty_like(parameter).copy_(value) if same_shape else value
            state.setdefault(int(number), {})[key] = moment
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def scale_state(self) -> dict[str, Any]:
        """Plain data: the loss scale of fp16."""
        return dict(self._scaler.state_dict())

    def load_scale_state(self, state: Mapping[str, Any]) -> None:
        """Go back to `scale_state()`."""
        if state:
            self._scaler.load_state_dict(dict(state))
