"""Where the numbers that a step writes for the host lie."""

from dataclasses import dataclass

from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.commands import report_words


@dataclass(frozen=True)
class Reports:
    """Where the numbers of a step lie, in words from the report's first.

    Parameters
    ----------
    forward, backward: of each layer's norm: two counts, then two numbers for each channel.
    errors: of each layer's error pass: two counts.  updates: of each layer: Σ|G|, moved codes.
    words: of all.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    errors: tuple[int, ...]
    updates: tuple[int, ...]
    words: int


def plan_reports(filters: list[int], lanes: int) -> Reports:
    """Of layers with so many filters."""
    each, at = report_words(lanes), 0
    parts: list[list[int]] = [[], [], [], []]
    for part, channels in zip(parts, (2, 2, 0, 0), strict=True):
        for count in filters:
            part.append(at)
            at += (2 + channels * count) * each
    forward, backward, errors, updates = (tuple(part) for part in parts)
    return Reports(forward, backward, errors, updates, at)


def scalar_value(number: int) -> tuple[int, int]:
    """(mantissa with its sign, exponent) of a scalar as it is written: mantissa lowest, sign, exponent."""
    mantissa = number & (1 << SCALAR_BITS) - 1
    exponent = number >> SCALAR_BITS + 1
    half = 1 << GRID_BITS - 1
    return -mantissa if number >> SCALAR_BITS & 1 else mantissa, (exponent ^ half) - half
