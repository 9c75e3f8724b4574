"""The design laboratory's network: blocks, put where the placement says.

    pre           interpolate - head - blocks - tail
    post          head - blocks - enlarge - tail
    progressive   head - (blocks - double - tail) for every level, each picture supervised
    iterative     head - (blocks - up, back-projected - down) several times - tail of all ups

With a global skip, tails give what is missing in the interpolated picture (in progressive
networks: in the level before). Head, tails and enlargement are not normalised, as in SRResNet.
"""

from torch import Tensor, cat, nn

from pipeline.models.base import SRNetwork
from pipeline.models.blocks import shrinking_conv
from pipeline.models.laboratory.blocks import make_block
from pipeline.models.laboratory.design import LaboratoryConfig, Upsampler
from pipeline.models.laboratory.layers import Layers
from pipeline.models.thin import ThinConv2d
from pipeline.models.upsampling import Bicubic, ResizeConv, SubPixel, Transposed, factors

NUM_ITERATIONS = 3  # ups of the iterative placement; there is one down fewer
RESIDUAL_SCALE = 0.1  # of a block's result under a local skip; keeps many blocks stable (EDSR)
TAIL_SCALE = 0.1  # of the tail's weights at the start, so that a picture starts near the skip


class Laboratory(SRNetwork):
    """See the module's docstring."""

    def __init__(self, config: LaboratoryConfig, *, scale: int) -> None:
        super().__init__(scale=scale, colour=config.colour)
        features, channels = config.num_features, self.num_channels
        if config.normalisation == "instance" and config.placement != "pre":
            self.min_size = 2  # one pixel alone has no variance
        self.head = nn.Conv2d(channels, features, 3, padding=1)
        self.body = _body(config, scale, channels)
        self.global_skip = config.skips in ("global", "both")
        step = 2 if config.placement == "progressive" else scale
        self.interpolate = Bicubic(step)
        self.pre = config.placement == "pre"

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, scale * H, scale * W)."""
        return self.forward_all(lr)[-1]

    def forward_all(self, lr: Tensor) -> list[Tensor]:
        """The picture, or every level's."""
        if self.pre:
            lr = self.interpolate(lr)
        pictures = self.body(self.head(lr))
        if not self.global_skip:
            return pictures
        skip, results = lr, []
        for picture in pictures:
            skip = picture + (skip if self.pre else self.interpolate(skip))
            results.append(skip)
        return results


def _body(config: LaboratoryConfig, scale: int, channels: int) -> nn.Module:
    match config.placement:
        case "pre":
            return SingleStage(config, nn.Identity(), channels)
        case "post":
            upsampler = make_upsampler(config.upsampler, config.num_features, scale)
            return SingleStage(config, upsampler, channels)
        case "progressive":
            return Progressive(config, scale, channels)
        case "iterative":
            return Iterative(config, scale, channels)


class SkippedBlock(nn.Module):
    """A block and the local skip around it."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return x + RESIDUAL_SCALE * self.block(x)


class SingleStage(nn.Module):
    """Blocks, enlargement (or none), tail."""

    def __init__(self, config: LaboratoryConfig, upsampler: nn.Module, channels: int) -> None:
        super().__init__()
        self.blocks = make_blocks(config, config.num_blocks)
        self.upsample = upsampler
        self.tail = make_tail(config.num_features, channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, F, H, W) -> one picture."""
        return [self.tail(self.upsample(self.blocks(x)))]


class Progressive(nn.Module):
    """A stage for every doubling, each with a tail of its own (LapSRN)."""

    def __init__(self, config: LaboratoryConfig, scale: int, channels: int) -> None:
        super().__init__()
        features, levels = config.num_features, len(factors(scale))
        self.blocks = nn.ModuleList(
            make_blocks(config, count) for count in shares(config.num_blocks, levels)
        )
        self.upsamplers = nn.ModuleList(
            make_upsampler(config.upsampler, features, 2) for _ in range(levels)
        )
        self.tails = nn.ModuleList(make_tail(features, channels) for _ in range(levels))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, F, H, W) -> pictures of 2, 4, ..., scale times the size."""
        pictures = []
        for blocks, upsample, tail in zip(self.blocks, self.upsamplers, self.tails, strict=True):
            x = upsample(blocks(x))
            pictures.append(tail(x))
        return pictures


class Iterative(nn.Module):
    """Up and down several times, every up corrected by its back-projection (DBPN)."""

    def __init__(self, config: LaboratoryConfig, scale: int, channels: int) -> None:
        super().__init__()
        features = config.num_features

        def ups() -> nn.ModuleList:
            return nn.ModuleList(
                make_upsampler(config.upsampler, features, scale) for _ in range(NUM_ITERATIONS)
            )

        def downs(count: int) -> nn.ModuleList:
            return nn.ModuleList(shrinking_conv(features, scale) for _ in range(count))

        self.blocks = nn.ModuleList(
            make_blocks(config, count) for count in shares(config.num_blocks, NUM_ITERATIONS)
        )
        self.up, self.correct = ups(), ups()
        self.back, self.down = downs(NUM_ITERATIONS), downs(NUM_ITERATIONS - 1)
        self.tail = make_tail(NUM_ITERATIONS * features, channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, F, H, W) -> one picture."""
        hr_features: list[Tensor] = []  # each (N, F, scale * H, scale * W)
        for index, blocks in enumerate(self.blocks):
            if index:
                x = self.down[index - 1](hr_features[-1])
            x = blocks(x)  # (N, F, H, W)
            hr = self.up[index](x)
            hr_features.append(hr + self.correct[index](x - self.back[index](hr)))
        return [self.tail(cat(hr_features, dim=1))]


def make_blocks(config: LaboratoryConfig, count: int) -> nn.Sequential:
    """Make blocks in a row, with local skips where the design has them."""
    layers = Layers(config.normalisation, config.activation)
    blocks = [make_block(config.block, config.num_features, layers) for _ in range(count)]
    if config.skips in ("local", "both"):
        return nn.Sequential(*(SkippedBlock(block) for block in blocks))
    return nn.Sequential(*blocks)


def make_upsampler(upsampler: Upsampler, num_features: int, scale: int) -> nn.Module:
    """Make what enlarges (N, F, H, W) to (N, F, scale * H, scale * W)."""
    match upsampler:
        case "transposed":
            return Transposed(num_features, scale)
        case "sub_pixel":
            return SubPixel(num_features, scale)
        case "resize_convolution":
            return ResizeConv(num_features, scale)
        case "interpolation":
            return Bicubic(scale)


def make_tail(inputs: int, channels: int) -> ThinConv2d:
    """Make the convolution from features to a picture; it starts near zero."""
    tail = ThinConv2d(inputs, channels, 3)
    tail.weight.data.mul_(TAIL_SCALE)
    return tail


def shares(total: int, stages: int) -> list[int]:
    """Share out blocks among stages, the first ones getting the rest, each at least one."""
    return [max(total // stages + (index < total % stages), 1) for index in range(stages)]
