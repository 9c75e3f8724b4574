"""Zero-shot super-resolution: a network trained at test time on the LR picture alone.

Shocher et al., "Zero-Shot" Super-Resolution using Deep Internal Learning, CVPR 2018. The LR
picture and smaller copies of it are the targets; the same degradation that made LR of HR makes
their inputs. Departures: a small network in LR space, batches, a fixed number of steps with a
cosine schedule (the paper: 8 layers on the interpolated picture, one crop a step, a rate that
follows the loss), so that a picture of Set5 takes about 10 seconds on one core.

The blur kernel acts on HR before MATLAB's bicubic reduction, as in a chain `blur, resize` of
`pipeline.degradation`. It is given, or estimated (`pipeline.training.kernel_estimate`), or none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline.degradation.blur import filter_images
from pipeline.degradation.kernels import Kernel
from pipeline.images.colour import luma
from pipeline.images.picture import Picture, to_picture, to_tensor
from pipeline.images.resize import resize_planes
from pipeline.inference.upscale import super_resolve
from pipeline.models import AnyNetworkConfig, SRNetwork, network_input
from pipeline.models.post_upsampling.srvgg import SRVGGConfig
from pipeline.models.upsampling import Bicubic
from pipeline.schema import StrictConfig
from pipeline.training.kernel_estimate import estimate_blur, gaussian_kernel
from pipeline.training.optimizers import AdamConfig
from pipeline.training.schedule import CosineConfig

Shrink = Callable[[Tensor], Tensor]
"""(1, C, H, W) -> (1, C, H / scale, W / scale), as HR became LR."""

_ONE_AT_A_TIME = Lock()  # threads share PyTorch's generator, from which initial weights come
_VIEWS = [(turns, flip) for flip in (False, True) for turns in range(4)]


class ZeroShotConfig(StrictConfig):
    """Settings of zero-shot super-resolution.

    Attributes:
        network: Trained anew for each picture.
        steps: Number of updates.
        batch_size: Patches that an update sees.
        patch_size: Height and width of the targets' patches, in pixels.
        learning_rate: Of Adam at its highest; it warms up over a tenth of the steps and falls by
            a cosine.
        sizes: Sizes of the targets, relative to the LR picture.
        noise: Standard deviation of Gaussian noise on the inputs, in 8-bit units, for LR that
            has noise.
        back_projections: How often the result is corrected by what its own reduction lacks of LR.
        blur: What acted before the bicubic reduction, where no kernel is given: nothing, or an
            anisotropic Gaussian estimated from the picture.
    """

    network: AnyNetworkConfig = SRVGGConfig(colour="luma", num_features=32, num_convs=5)
    steps: int = Field(600, gt=0)
    batch_size: int = Field(8, gt=0)
    patch_size: int = Field(48, gt=0)
    learning_rate: float = Field(2e-3, gt=0)
    sizes: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [1.0, 0.9, 0.8, 0.7, 0.6], min_length=1
    )
    noise: float = Field(0.0, ge=0)
    back_projections: int = Field(4, ge=0)
    blur: Literal["none", "estimate"] = "none"


def zero_shot(
    lr: Picture, *, scale: int, config: ZeroShotConfig, seed: int, kernel: Kernel | None = None
) -> Picture:
    """Super-resolve an 8-bit picture with a network trained on nothing else.

    Args:
        lr: uint8 (H, W, 3), or (H, W), which stays single-channel.
        scale: Enlargement.
        config: See `ZeroShotConfig`.
        seed: Of the weights and patches.
        kernel: Blur of HR before the reduction, square, of odd size, summing to one.

    Returns:
        uint8 picture, `scale` times as large.

    Raises:
        ValueError: If the picture is too small to learn from, or the kernel is none.
    """
    sr = zero_shot_tensor(to_tensor(lr), scale=scale, config=config, seed=seed, kernel=kernel)
    return to_picture(sr)


def zero_shot_tensor(
    lr: Tensor, *, scale: int, config: ZeroShotConfig, seed: int, kernel: Kernel | None = None
) -> Tensor:
    """Super-resolve one picture as a tensor, see `zero_shot`.

    Args:
        lr: (1, C, H, W) in [0, 1], C is 1 or 3.

    Returns:
        (1, C, scale * H, scale * W), not clamped.
    """
    if kernel is None and config.blur == "estimate":
        plane = lr[0, 0].double().numpy() * 255 if lr.shape[1] == 1 else luma(to_picture(lr))
        kernel = gaussian_kernel(estimate_blur(plane, scale=scale))
    shrink = reduction(scale, kernel)
    network = _fit(lr, shrink, scale, config, seed)
    colours = lr.expand(-1, network.num_channels, -1, -1) if lr.shape[1] == 1 else lr
    views = [view for view in _VIEWS if _keeps(view, kernel)]
    sr = torch.stack([_undo(super_resolve(network, _turn(colours, v)), v) for v in views]).mean(0)
    if lr.shape[1] == 1:
        sr = sr.mean(dim=1, keepdim=True)
    enlarge = Bicubic(scale)
    for _ in range(config.back_projections):
        sr = sr + enlarge(lr - shrink(sr))
    return sr


@dataclass(frozen=True)
class ZeroShotMethod:
    """Zero-shot as a method of evaluation, beside bicubic and trained networks."""

    scale: int
    config: ZeroShotConfig
    seed: int = 0
    kernel: Kernel | None = None

    def enlarge(self, lr: Picture) -> Picture:
        """Enlarge an 8-bit picture."""
        return zero_shot(
            lr, scale=self.scale, config=self.config, seed=self.seed, kernel=self.kernel
        )

    def enlarge_plane(self, lr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Enlarge a luma plane, (H, W) in 0..255; the result is neither rounded nor clamped."""
        sr = zero_shot_tensor(
            torch.from_numpy(lr / 255.0).float()[None, None],
            scale=self.scale,
            config=self.config,
            seed=self.seed,
            kernel=self.kernel,
        )
        return np.asarray(sr[0, 0].double().numpy() * 255.0)


def reduction(scale: int, kernel: Kernel | None) -> Shrink:
    """How HR became LR: a blur, if any, then MATLAB's bicubic, without rounding.

    Raises:
        ValueError: If the kernel is not square, of odd size, finite, and of sum one.
    """
    if kernel is not None:
        square = kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1]
        if not square or len(kernel) % 2 == 0 or not abs(kernel.sum() - 1) < 1e-3:
            raise ValueError(
                f"a blur kernel is square, of odd size and sums to one, not {kernel.shape} with "
                f"the sum {kernel.sum():.4g}"
            )

    def shrink(x: Tensor) -> Tensor:
        if kernel is not None:
            x = filter_images(x.contiguous(), kernel[None], border="symmetric")
        planes = x[0].double().numpy()
        size = (planes.shape[1] // scale, planes.shape[2] // scale)
        return torch.from_numpy(resize_planes(planes, size)).float()[None]

    return shrink


class _Examples:
    """Inputs and targets made of one picture: smaller copies, in all eight views.

    Views of a target are reduced one by one, so that an asymmetric kernel stays as it is.
    """

    def __init__(self, picture: Tensor, shrink: Shrink, scale: int, config: ZeroShotConfig) -> None:
        self.scale = scale
        height, width = picture.shape[-2:]
        self.patch = min(config.patch_size, height, width) // scale * scale
        if self.patch < 4 * scale:
            raise ValueError(
                f"zero-shot at scale {scale} needs pictures and patches of at least "
                f"{4 * scale}x{4 * scale} pixels, not {width}x{height} and {config.patch_size}"
            )
        sides = [(round(height * size), round(width * size)) for size in config.sizes]
        targets = [_resized(picture, side, scale) for side in sides if min(side) >= self.patch]
        targets = targets or [_resized(picture, (height, width), scale)]
        self.targets = [_turn(target, view).contiguous() for target in targets for view in _VIEWS]
        self.inputs = [shrink(target) for target in self.targets]
        areas = [float(target.shape[-2] * target.shape[-1]) for target in self.targets]
        self.areas = torch.tensor(areas)

    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cut patches at random; every pixel is about as likely as every other."""
        chosen = torch.multinomial(self.areas, number, replacement=True, generator=generator)
        places = torch.rand(number, 2, generator=generator)
        inputs, targets = [], []
        side = self.patch // self.scale
        for index, (down, right) in zip(chosen.tolist(), places.tolist(), strict=True):
            small, large = self.inputs[index], self.targets[index]
            y = int(down * (small.shape[-2] - side + 1))
            x = int(right * (small.shape[-1] - side + 1))
            inputs.append(small[..., y : y + side, x : x + side])
            y, x = y * self.scale, x * self.scale
            targets.append(large[..., y : y + self.patch, x : x + self.patch])
        return torch.cat(inputs), torch.cat(targets)


def _fit(lr: Tensor, shrink: Shrink, scale: int, config: ZeroShotConfig, seed: int) -> SRNetwork:
    """Train a fresh network on one picture; leaves PyTorch's global generator as it was."""
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = config.network.build(scale=scale)
    generator = torch.Generator().manual_seed(seed)
    if lr.shape[1] == 3:
        picture = network_input(network, lr)
    else:
        picture = lr.expand(-1, network.num_channels, -1, -1)
    examples = _Examples(picture, shrink, scale, config)
    optimizer = AdamConfig(learning_rate=config.learning_rate).build(network.parameters())
    schedule = CosineConfig(warmup_steps=config.steps // 10)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule.factor(step, config.steps)
        inputs, targets = examples.draw(config.batch_size, generator)
        if config.noise:
            inputs = inputs + config.noise / 255 * torch.randn(inputs.shape, generator=generator)
        loss = functional.l1_loss(network(inputs), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return network.eval()


def _resized(picture: Tensor, size: tuple[int, int], scale: int) -> Tensor:
    """Shrink to about a size that is a multiple of the scale, cropping where nothing shrinks."""
    height, width = (side - side % scale for side in size)
    if size == tuple(picture.shape[-2:]):
        return picture[..., :height, :width]
    planes = resize_planes(picture[0].double().numpy(), (height, width))
    return torch.from_numpy(planes).float()[None]


def _turn(x: Tensor, view: tuple[int, bool]) -> Tensor:
    turns, flip = view
    return torch.rot90(x.flip(-1) if flip else x, turns, (-2, -1))


def _undo(x: Tensor, view: tuple[int, bool]) -> Tensor:
    turns, flip = view
    turned = torch.rot90(x, -turns, (-2, -1))
    return turned.flip(-1) if flip else turned


def _keeps(view: tuple[int, bool], kernel: Kernel | None) -> bool:
    """Whether a kernel looks the same in a view, so that the network fits the view too."""
    if kernel is None:
        return True
    plane = torch.from_numpy(kernel)
    return torch.allclose(_turn(plane, view), plane, atol=1e-3 * float(kernel.max()))
