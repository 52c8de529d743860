"""Floating-point formats and passes of the two-pass batch-norm units that LightNorm is compared with."""

from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True)
class FloatFormat:
    """Elements of 1 sign, 8 exponent and `significand` − 1 fraction bits: the upper bits of a float32.

    Parameters
    ----------
    significand: bits, the leading one included.
    """

    name: str
    significand: int

    @property
    def bits(self) -> int:
        """Of a stored element."""
        return self.significand + 8


FP32 = FloatFormat("fp32", 24)
BF16 = FloatFormat("bf16", 8)

RSQRT_START = 0x5F3759DF - (1 << 22)
"""First guess of 1/√(2h) for a float32 h: this less half of its bits (a well-known trick; half of the
operand's own exponent is taken off because h is half of the number whose root is wanted)."""

RSQRT_STEPS = 3
"""Newton steps from there to float32: 3.5e-2, 1.8e-3, 4.8e-6, then rounding alone."""


class Pass(IntEnum):
    """What a channel's beats are for."""

    MEAN = 0
    """Σx."""
    VARIANCE = 1
    """Σ(x − μ)²."""
    APPLY = 2
    """y = x̂·γ + β."""
    REDUCE = 3
    """Σdy and Σdy·x̂."""
    GRAD = 4
    """dx."""
