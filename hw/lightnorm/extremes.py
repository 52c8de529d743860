"""Values of a block format as short codes that can be compared, and the first extreme of several."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike, signed
from amaranth.lib import data

from golden.spec.block import BlockFormat


def extremes(index_bits: int) -> data.StructLayout:
    """Stream positions of the first maximum and the first minimum of a chunk."""
    return data.StructLayout({"highest": index_bits, "lowest": index_bits})


@dataclass(frozen=True)
class Best:
    """A candidate for an extreme: its value, its place among the lanes, and whether there is one."""

    value: Value
    place: ValueLike
    valid: Value


def best(candidates: list[Best], sign: int) -> Best:
    """The first of the largest (sign 1) or smallest (sign −1) candidates, as a tree."""
    while len(candidates) > 1:
        joined = []
        for i in range(0, len(candidates) - 1, 2):
            a, b = candidates[i : i + 2]
            better = b.value > a.value if sign > 0 else b.value < a.value
            take = b.valid & (~a.valid | better)
            joined.append(Best(Mux(take, b.value, a.value), Mux(take, b.place, a.place), a.valid | b.valid))
        candidates = joined + candidates[2 * len(joined) :]
    return candidates[0]


def place_bits(fmt: BlockFormat) -> int:
    """Bits of the length of a value on the format's grid."""
    return fmt.span.bit_length()


def rank_bits(fmt: BlockFormat) -> int:
    """Bits of a rank."""
    return 1 + place_bits(fmt) + fmt.magnitude_bits - 1


def ordered(code: Value) -> Value:
    """A code of sign and magnitude as an unsigned number of the same order; no code is −0."""
    return Cat(code[:-1] ^ code[-1].replicate(len(code) - 1), ~code[-1])


def rank(m: Module, fmt: BlockFormat, value: Value, exponent: Value, name: str) -> Signal:
    """value·2**exponent as an unsigned number of the same order; value as `ordered`.

    From the top: whether it is not negative; the length of its magnitude in bits; the bits below its
    leading one.  Of negative numbers all other bits are inverted.
    """
    bits = fmt.magnitude_bits
    sign = ~value[-1]
    magnitude = Signal(bits, name=f"{name}_magnitude")
    place = Signal(place_bits(fmt), name=f"{name}_place")
    below = Signal(bits - 1, name=f"{name}_below")
    m.d.comb += magnitude.eq(value[:-1] ^ sign.replicate(bits))
    for bit in range(bits):
        # The last assignment holds: the leading one's.
        with m.If(magnitude[bit]):
            m.d.comb += [place.eq(exponent + (bit + 1)), below.eq(magnitude << (bits - 1 - bit))]
    key = Cat(below, place)
    result = Signal(rank_bits(fmt), name=f"{name}_rank")
    m.d.comb += result.eq(Cat(key ^ sign.replicate(len(key)), ~sign))
    return result


def unranked(m: Module, fmt: BlockFormat, code: Signal, negate: bool, name: str) -> tuple[Signal, Signal]:
    """(significand, place) of a rank: the value, or its opposite, is significand·2**(place − M)."""
    bits = fmt.magnitude_bits
    sign = ~code[-1]
    key = code[:-1] ^ sign.replicate(len(code) - 1)
    place = Signal(place_bits(fmt), name=f"{name}_place")
    significand = Signal(signed(bits + 1), name=f"{name}_significand")
    size = Cat(key[: bits - 1], place.any())
    m.d.comb += [
        place.eq(key[bits - 1 :]),
        significand.eq(Mux(sign ^ int(negate), -size, size)),
    ]
    return significand, place
