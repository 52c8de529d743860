"""Small networks that people bring, beside those of MLPerf Tiny."""

import torch
from torch import nn

from golden.workloads.zoo.blocks import InvertedResidual, Residual, same


def lenet() -> nn.Module:
    """LeNet-5 with ReLU and max pooling: (N, 1, 32, 32) → (N, 10). Y. LeCun et al., Proc. IEEE 86, 1998."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def resnet20() -> nn.Module:
    """ResNet-20 for CIFAR: (N, 3, 32, 32) → (N, 10). K. He et al., arXiv 1512.03385."""
    layers: list[nn.Module] = [same(3, 16, (32, 32))]
    channels, size = 16, 32
    for filters in (16, 32, 64):
        for number in range(3):
            stride = 2 if number == 0 and filters != 16 else 1
            layers.append(Residual(channels, filters, (size, size), stride))
            channels, size = filters, size // stride
    return nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


def mobilenet2() -> nn.Module:
    """MobileNetV2 with 0.35 of the channels: (N, 3, 96, 96) → (N, 2). M. Sandler et al., arXiv 1801.04381."""
    layers: list[nn.Module] = [same(3, 16, (96, 96), stride=(2, 2))]
    channels, size = 16, 48
    table = (
        (1, 8, 1, 1),
        (6, 8, 2, 2),
        (6, 16, 3, 2),
        (6, 24, 4, 2),
        (6, 32, 3, 1),
        (6, 56, 3, 2),
        (6, 112, 1, 1),
    )
    for widening, filters, count, first in table:
        for number in range(count):
            stride = first if number == 0 else 1
            layers.append(InvertedResidual(channels, filters, (size, size), stride, widening))
            channels, size = filters, size // stride
    layers.append(same(channels, 1280, (3, 3), (1, 1)))
    return nn.Sequential(*layers, nn.AvgPool2d(3), nn.Flatten(), nn.Linear(1280, 2))


class UNet(nn.Module):
    """Two scales down and up, with concatenations: (N, 1, 32, 32) → (N, 1, 32, 32).

    After O. Ronneberger et al., arXiv 1505.04597, with nearest upsampling.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.down1, self.down2 = same(1, 16, (32, 32)), same(16, 32, (16, 16))
        self.bottom = same(32, 32, (8, 8))
        self.up2, self.up1 = same(64, 16, (16, 16)), same(32, 16, (32, 32))
        self.end = nn.Conv2d(16, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 32, 32) → (N, 1, 32, 32)."""
        one = self.down1(x)
        two = self.down2(self.pool(one))
        y = self.bottom(self.pool(two))
        y = self.up2(torch.cat((self.up(y), two), 1))
        y = self.up1(torch.cat((self.up(y), one), 1))
        found: torch.Tensor = self.end(y)
        return found


class DenseBlock(nn.Module):
    """Each layer reads all before it: (N, 1, 16, 16) → (N, 10). After G. Huang et al., arXiv 1608.06993."""

    def __init__(self, layers: int = 4, growth: int = 12) -> None:
        super().__init__()
        self.stem = same(1, 24, (16, 16))
        widths = [24 + growth * number for number in range(layers + 1)]
        self.layers = nn.ModuleList(same(width, growth, (16, 16)) for width in widths[:-1])
        self.end = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(widths[-1], 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 16, 16) → (N, 10)."""
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat((x, layer(x)), 1)
        found: torch.Tensor = self.end(x)
        return found


def conv1d() -> nn.Module:
    """Keywords from 40 features over 64 moments: (N, 40, 64) → (N, 12)."""
    layers: list[nn.Module] = []
    channels = 40
    for filters, stride in ((32, 1), (32, 2), (48, 2), (64, 2)):
        convolution = nn.Conv1d(channels, filters, 5, stride, padding=2, bias=False)
        layers += [convolution, nn.BatchNorm1d(filters), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(channels, 12))
