"""Scalars as the simulator takes and gives them."""

from typing import Any

from golden.lightnorm.scalars import Scalars
from golden.spec.block import Scalar

Number = dict[str, int]
"""Fields of `hw.lightnorm.scalar.scalar_layout`."""


def number(mantissa: int, exponent: int) -> Number:
    return {"mantissa": abs(mantissa), "sign": int(mantissa < 0), "exponent": exponent}


def numbers(values: Scalars) -> list[Number]:
    pairs = zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True)
    return [number(mantissa, exponent) for mantissa, exponent in pairs]


def constant(value: Scalar) -> Number:
    return number(value.mantissa, value.exponent)


def as_number(value: Any) -> Number:
    return {name: int(value[name]) for name in ("mantissa", "sign", "exponent")}
