"""How large and how costly a network is, counted without computing anything.

Networks are built and run on the `meta` device, which knows shapes only. What is counted is what
the papers count: products of convolutions, matrices and attention, neither additions nor
activations nor normalisation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from pipeline.models.base import NetworkConfig, SRNetwork

WIDTH, HEIGHT = 1280, 720  # of the output: the size that papers state


class MultiplyAdds(NamedTuple):
    """Multiply-adds of one picture.

    Attributes:
        published: As the tables count: a transposed convolution applies its whole kernel at every
            *output* position, as if to a map with zeros between its pixels.
        executed: As they are computed: a transposed convolution applies it at every *input*
            position, which is 1 / stride ** 2 of that.
    """

    published: int
    executed: int


def on_meta(config: NetworkConfig, *, scale: int) -> SRNetwork:
    """Build a network that has shapes but no values, in evaluation mode."""
    with torch.device("meta"), _NoValues():
        return config.build(scale=scale).eval()


def count_parameters(module: nn.Module) -> int:
    """Count the learned numbers; what is used several times counts once."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_weights(module: nn.Module) -> int:
    """Count the numbers of kernels alone: no biases, slopes or normalisations, which are vectors.

    So counts the table of CARN's authors, from which the later ones copy.
    """
    return sum(p.numel() for p in module.parameters() if p.ndim > 1)


def count_multiply_adds(network: SRNetwork, *, height: int, width: int) -> MultiplyAdds:
    """Count one pass over an LR picture of `height` x `width`.

    Args:
        network: Made by `on_meta`.
        height: Of the LR picture.
        width: Of the LR picture.
    """
    counter = _Counter()
    with torch.no_grad(), counter:
        network(torch.empty(1, network.num_channels, height, width, device="meta"))
    return MultiplyAdds(counter.published, counter.executed)


def multiply_adds_720p(network: SRNetwork) -> MultiplyAdds:
    """Count for an output of 1280x720.

    A third of 1280 is no whole number: a slightly wider picture is counted, and its part taken.
    """
    scale = network.scale
    width = -(-WIDTH // scale)
    counts = count_multiply_adds(network, height=HEIGHT // scale, width=width)
    part = Fraction(WIDTH, width * scale)
    return MultiplyAdds(*(round(count * part) for count in counts))


class _NoValues(TorchFunctionMode):
    """Leaves out everything that gives tensors their first values, which costs most of building."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func.__name__
        if func is Tensor.__setitem__ or (name.endswith("_") and not name.startswith("_")):
            return args[0] if args else None
        return func(*args, **(kwargs or {}))


class _Counter(TorchFunctionMode):
    """Adds up the products of every function that PyTorch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self.executed = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _ELEMENTWISE:
            return args[0]
        result = func(*args, **(kwargs or {}))
        if func in _RULES:
            counts = _RULES[func](result, *args)
            self.published += counts.published
            self.executed += counts.executed
        return result


def _convolution(result: Tensor, x: Tensor, weight: Tensor, *_: object) -> MultiplyAdds:
    products = result.numel() * weight[0].numel()
    return MultiplyAdds(products, products)


def _transposed(
    result: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    *_: object,
) -> MultiplyAdds:
    executed = x.numel() * weight[0].numel()
    return MultiplyAdds(executed * stride[0] * stride[1], executed)


def _linear(result: Tensor, x: Tensor, weight: Tensor, *_: object) -> MultiplyAdds:
    products = result.numel() * weight.shape[1]
    return MultiplyAdds(products, products)


def _product(result: Tensor, x: Tensor, other: Tensor) -> MultiplyAdds:
    # With fewer axes weights are multiplied among themselves, as in SPAN's merged kernels.
    products = result.numel() * x.shape[-1] if result.ndim > 2 else 0
    return MultiplyAdds(products, products)


def _attention(result: Tensor, q: Tensor, k: Tensor, *_: object) -> MultiplyAdds:
    products = k.shape[-2] * (q.numel() + result.numel())  # queries by keys, weights by values
    return MultiplyAdds(products, products)


_RULES: Mapping[Callable[..., Any], Callable[..., MultiplyAdds]] = {
    functional.conv2d: _convolution,
    functional.conv_transpose2d: _transposed,
    functional.linear: _linear,
    functional.scaled_dot_product_attention: _attention,
    torch.matmul: _product,
    torch.Tensor.matmul: _product,
    torch.Tensor.__matmul__: _product,
}

# What keeps shapes and counts for nothing, and what `meta` spends most of its time on.
_ELEMENTWISE = {
    functional.batch_norm,
    functional.gelu,
    functional.leaky_relu,
    functional.prelu,
    functional.relu,
    functional.silu,
    torch.prelu,
    torch.relu,
    torch.sigmoid,
}
