"""The second stage of the encoder: numbers that were shifted to their place are rounded."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value

from golden.spec.block import NormFormat, Rounding
from hw.lightnorm.layouts import code_bits


@dataclass(frozen=True)
class Shifted:
    """A number of the second stage: see `Encoder._shifted`.

    exceeds: it counts, and rounded it would be above the largest magnitude.
    """

    number: int
    whole: Signal
    big: Signal
    sticky: Signal
    minus: Signal
    exceeds: Value


def choose(fmt: NormFormat, backward: Value, of: Any) -> Any:
    """A property of the format of a beat."""
    forward, gradient = of(fmt.forward), of(fmt.gradient)
    if isinstance(forward, int) and forward == gradient:
        return forward
    return Mux(backward, gradient, forward)


def rounds_up(fmt: NormFormat, backward: Value, minus: Value, whole: Value, sticky: Value) -> Value:
    """Whether the bits below the kept ones make them one larger.

    whole: complemented where `minus`; its lowest bit is not kept.  sticky: whether there is a one
    below it, not complemented.
    """
    half, low = whole[0], whole[1]
    nearest = Mux(minus, half | (low & ~sticky), half & (low | sticky))
    # The missing one of a negative number.
    truncate = minus & half & ~sticky
    ways = {Rounding.NEAREST: nearest, Rounding.TRUNCATE: truncate}
    forward, gradient = (ways[b.rounding] for b in (fmt.forward, fmt.gradient))
    return forward if forward is gradient else Mux(backward, gradient, forward)


def magnitude(fmt: NormFormat, m: Module, lane: Shifted, raised: Value, backward: Value) -> Signal:
    """Second stage: the magnitude, of the exponent that was found or the next one."""
    size = code_bits(fmt)
    whole, minus, sticky = lane.whole, lane.minus, lane.sticky
    rounded = Signal(size + 1, name=f"rounded{lane.number}")
    code = Signal(size, name=f"code{lane.number}")
    used = Signal(len(whole), name=f"used{lane.number}")
    below = Signal(name=f"below{lane.number}")
    largest = choose(fmt, backward, lambda b: b.largest)
    kept = choose(fmt, backward, lambda b: used[1 : b.magnitude_bits + 1])
    above = choose(fmt, backward, lambda b: used[b.magnitude_bits + 1 :].any())
    m.d.comb += [
        used.eq(Mux(raised, whole[1:], whole)),
        below.eq(sticky | (raised & (whole[0] ^ minus))),
        rounded.eq(kept + rounds_up(fmt, backward, minus, used, below)),
        code.eq(Mux(lane.big | above | (rounded > largest), largest, rounded)),
    ]
    return code
