"""LightNorm: range batch norm in block floating point; docs/lightnorm.md is the contract."""

from golden.lightnorm.checks import NormError
from golden.lightnorm.module import LightNorm2d
from golden.lightnorm.record import NormFlags
from golden.lightnorm.swap import collect_flags, reset_flags, restore_batch_norm, swap_batch_norm
from golden.lightnorm.tensors import LightNormOptions

__all__ = [
    "LightNorm2d",
    "LightNormOptions",
    "NormError",
    "NormFlags",
    "collect_flags",
    "reset_flags",
    "restore_batch_norm",
    "swap_batch_norm",
]
