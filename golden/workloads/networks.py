"""The residual networks of the published figures.

Their filter counts are multiples of 12: a group of S = 3 filters shares a basis, an array of 4
engines works on 4 groups at a time, so 24 and 48 filters leave no engine idle in any round. Their
maps are 16×16, 8×8 and 4×4: pixels of a map fill lanes of a power of two without a remainder.
"""

import torch
from torch import nn


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm and a shortcut around them.

    The shortcut is the identity, or a strided 1×1 convolution where the shape changes.
    """

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → (N, filters, ⌈H/stride⌉, ⌈W/stride⌉)."""
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return torch.relu(y + self.shortcut(x))


class DigitsNet(nn.Module):
    """Residual network for scikit-learn's digits: (N, 1, 8, 8) → (N, 10).

    43,320 weights, 1,193,952 multiply-accumulates. Filters: see the module's text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.block1 = Residual(24, 24, 1)
        self.block2 = Residual(24, 48, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 8, 8) → logits (N, 10)."""
        x = torch.relu(self.norm(self.conv(x)))
        x = self.block2(self.block1(x))
        return self.fc(torch.flatten(self.pool(x), 1))


class FashionNet(nn.Module):
    """Residual network for Fashion-MNIST padded to 32×32: (N, 1, 32, 32) → (N, 10).

    85,368 weights, 1,935,840 multiply-accumulates. The strides come early: most of the weights work
    on maps of 8×8 and 4×4 pixels, which keeps training on two cores to minutes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.block1 = Residual(24, 24, 2)
        self.block2 = Residual(24, 48, 2)
        self.block3 = Residual(48, 48, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 32, 32) → logits (N, 10)."""
        x = torch.relu(self.norm(self.conv(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.fc(torch.flatten(self.pool(x), 1))
