"""Modules as after a training."""

import torch
from torch import nn


def trained_statistics(module: nn.Module) -> nn.Module:
    """Batch norms that are not the identity."""
    generator = torch.Generator().manual_seed(7)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                if tensor is not None:
                    tensor.data = torch.rand(tensor.shape, generator=generator) + 0.5
    return module.eval()
