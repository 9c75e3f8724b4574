"""Layers of the laboratory's blocks: activation, convolution, normalisation, in this order."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from pipeline.models.laboratory.design import Activation, Normalisation

GROUP_SIZE = 4  # channels that group normalisation takes together


class LayerNorm(nn.LayerNorm):
    """Normalises the channels of each pixel, so that nothing depends on the picture's size."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, F, H, W)."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Layers:
    """Makes layers of one normalisation and activation."""

    normalisation: Normalisation
    activation: Activation

    def layer(
        self, inputs: int, outputs: int, kernel: int = 3, *, dilation: int = 1, groups: int = 1
    ) -> nn.Sequential:
        """Activation, convolution that keeps the size, normalisation."""
        conv = self.conv(inputs, outputs, kernel, dilation=dilation, groups=groups)
        return nn.Sequential(self.act(), conv, self.norm(outputs))

    def conv(
        self, inputs: int, outputs: int, kernel: int, *, dilation: int = 1, groups: int = 1
    ) -> nn.Module:
        """Convolution that keeps the size, starting from He et al.'s distribution."""
        conv = nn.Conv2d(
            inputs,
            outputs,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
        )
        nn.init.kaiming_normal_(conv.weight)
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        return weight_norm(conv) if self.normalisation == "weight" else conv

    def act(self) -> nn.Module:
        """The activation, with its own parameter where it has one."""
        match self.activation:
            case "relu":
                return nn.ReLU()
            case "leaky_relu":
                return nn.LeakyReLU(0.2)
            case "prelu":
                return nn.PReLU()
            case "elu":
                return nn.ELU()
            case "gelu":
                return nn.GELU()
            case "silu":
                return nn.SiLU()

    def norm(self, num_features: int) -> nn.Module:
        """The normalisation of features; that of weights is in the convolution."""
        match self.normalisation:
            case "none" | "weight":
                return nn.Identity()
            case "batch":
                return nn.BatchNorm2d(num_features)
            case "instance":
                return nn.InstanceNorm2d(num_features, affine=True)
            case "layer":
                return LayerNorm(num_features)
            case "group":
                return nn.GroupNorm(num_features // GROUP_SIZE, num_features)
