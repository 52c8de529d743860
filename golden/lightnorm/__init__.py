"""LightNorm: range batch norm in block floating point; docs/lightnorm.md is the contract."""

from golden.lightnorm.module import LightNorm2d, restore_batch_norm, swap_batch_norm
from golden.lightnorm.tensors import LightNormOptions

__all__ = ["LightNorm2d", "LightNormOptions", "restore_batch_norm", "swap_batch_norm"]
