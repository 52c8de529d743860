"""A small residual network with all that compression can meet, compressed: for the tests of fidelity."""

import torch
from torch import nn

from golden.compress import Compressed, CompressionPlan, LayerPlan, compress


class Residual(nn.Module):
    """A strided and a residual convolution, batch norm with odd statistics, pooling, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.down = nn.Conv2d(6, 9, 3, stride=2, padding=1)
        self.down_norm = nn.BatchNorm2d(9)
        self.last = nn.Linear(9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 2, 8, 8) → (N, 5)."""
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.second(x) + x)
        x = torch.relu(self.down_norm(self.down(x))).mean(dim=(2, 3))
        return self.last(x)


def residual(seed: int = 1) -> Residual:
    """Random weights and statistics, in eval mode."""
    torch.manual_seed(seed)
    module = Residual()
    for norm in (module.norm, module.down_norm):
        norm.running_mean.copy_(0.3 * torch.randn(norm.num_features))  # type: ignore[union-attr]
        norm.running_var.copy_(0.5 + torch.rand(norm.num_features))  # type: ignore[union-attr]
        norm.weight.data.copy_(0.5 + torch.rand(norm.num_features))
        norm.bias.data.copy_(0.5 * torch.randn(norm.num_features))
    return module.eval()


def images(count: int = 60, seed: int = 2) -> torch.Tensor:
    """float32 (count, 2, 8, 8)."""
    return torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(seed))


def compressed(module: nn.Module, density: float = 0.6) -> Compressed:
    """A scale per filter in the ends, bases of three filters in between; not re-trained."""
    ends = LayerPlan("scale", density=1.0)
    plan = CompressionPlan({"first": ends, "last": ends}, LayerPlan("group", density=density))
    return compress(module, images(), plan)
