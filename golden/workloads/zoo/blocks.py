"""Parts that several networks of the zoo share."""

import torch
from torch import nn


def same_padding(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Module:
    """TensorFlow's SAME for a map of `size` (height, width): the odd row and column at bottom and right."""
    sides = []
    for length, width, step in zip(size, kernel, stride, strict=True):
        whole = max((-(-length // step) - 1) * step + width - length, 0)
        sides.append((whole // 2, whole - whole // 2))
    (top, bottom), (left, right) = sides
    return nn.ZeroPad2d((left, right, top, bottom)) if any((left, right, top, bottom)) else nn.Identity()


def normed(convolution: nn.Conv2d, active: bool = True) -> list[nn.Module]:
    """A convolution, its batch norm, and a ReLU if `active`."""
    return [convolution, nn.BatchNorm2d(convolution.out_channels), *([nn.ReLU()] if active else [])]


def same(
    channels: int,
    filters: int,
    size: tuple[int, int],
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    groups: int = 1,
    active: bool = True,
) -> nn.Sequential:
    """SAME padding, convolution, batch norm, ReLU; (N, channels, *size) → (N, filters, ⌈size / stride⌉)."""
    convolution = nn.Conv2d(channels, filters, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(same_padding(size, kernel, stride), *normed(convolution, active))


def separable(channels: int, filters: int, size: tuple[int, int], stride: int = 1) -> nn.Sequential:
    """Depthwise 3×3 and 1×1 (A. Howard et al., MobileNets, arXiv 1704.04861)."""
    return nn.Sequential(
        same(channels, channels, size, stride=(stride, stride), groups=channels),
        same(channels, filters, size, (1, 1)),
    )


class Residual(nn.Module):
    """Two 3×3 convolutions and a shortcut: 1×1, strided, without batch norm, where the shape changes."""

    def __init__(self, channels: int, filters: int, size: tuple[int, int], stride: int = 1) -> None:
        super().__init__()
        small = (-(-size[0] // stride), -(-size[1] // stride))
        self.first = same(channels, filters, size, stride=(stride, stride))
        self.second = same(filters, filters, small, active=False)
        changes = stride != 1 or channels != filters
        self.shortcut = nn.Conv2d(channels, filters, 1, stride) if changes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, *size) → (N, filters, ⌈size / stride⌉)."""
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


class InvertedResidual(nn.Module):
    """Widened, depthwise, narrowed (M. Sandler et al., MobileNetV2, arXiv 1801.04381)."""

    def __init__(
        self, channels: int, filters: int, size: tuple[int, int], stride: int, widening: int
    ) -> None:
        super().__init__()
        wide = channels * widening
        small = (-(-size[0] // stride), -(-size[1] // stride))
        parts: list[nn.Module] = [] if widening == 1 else [_relu6(same(channels, wide, size, (1, 1)))]
        parts += [
            _relu6(same(wide, wide, size, stride=(stride, stride), groups=wide)),
            same(wide, filters, small, (1, 1), active=False),
        ]
        self.parts = nn.Sequential(*parts)
        self.adds = stride == 1 and channels == filters

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, *size) → (N, filters, ⌈size / stride⌉)."""
        y: torch.Tensor = self.parts(x)
        return x + y if self.adds else y


def _relu6(parts: nn.Sequential) -> nn.Sequential:
    """The same with ReLU6 in the place of ReLU."""
    return nn.Sequential(*(nn.ReLU6() if isinstance(part, nn.ReLU) else part for part in parts))
