"""Layers that several networks share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)  # of the training set's RGB; the networks' files hold these


def div2k_mean(channels: int) -> Tensor:
    """Mean of DIV2K's training pictures, (1, C, 1, 1); grey takes the mean of the three."""
    mean = DIV2K_MEAN if channels == 3 else (sum(DIV2K_MEAN) / 3,)
    return torch.tensor(mean).view(1, channels, 1, 1)


def enlarging_conv(num_features: int, scale: int) -> nn.ConvTranspose2d:
    """Transposed convolution from (H, W) to (scale * H, scale * W) exactly.

    Kernel scale + 4, stride scale, padding 2: 6, 7, 8 and 12 for x2, x3, x4 and x8, as DBPN and
    SRFBN have them.
    """
    return nn.ConvTranspose2d(num_features, num_features, scale + 4, stride=scale, padding=2)


def shrinking_conv(num_features: int, scale: int) -> nn.Conv2d:
    """Strided convolution from (scale * H, scale * W) to (H, W) exactly; see `enlarging_conv`."""
    return nn.Conv2d(num_features, num_features, scale + 4, stride=scale, padding=2)


def he_initialise(network: nn.Module) -> None:
    """Draw every convolution's weights from He et al.'s normal distribution, biases zero.

    He et al., "Delving Deep into Rectifiers", ICCV 2015: variance 2 / (inputs of a neuron).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def padded_side(side: int, multiple: int) -> int:
    """Round a height or width up to a multiple; twice the multiple at least.

    A single window, or a coarsest level one pixel wide, is a size that exporters take for a
    constant, and the exported network would refuse all larger pictures.
    """
    windows: int = torch.sym_max((side + multiple - 1) // multiple, 2)  # type: ignore[no-untyped-call]
    return windows * multiple


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Extend height and width to a multiple by repeating the last row and column."""
    rows, columns = (padded_side(side, multiple) - side for side in x.shape[-2:])
    return functional.pad(x, (0, columns, 0, rows), mode="replicate")


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Keep the top left of a padded picture.

    By index, because an exporter cannot prove that a slice with a computed end lies inside.
    """
    rows = torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device)
    return x.index_select(-2, rows).index_select(-1, columns)
