"""Bytes of maps as values of LightNorm."""

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import data

from golden.spec.learning import NORM_FORMAT
from golden.spec.maps import CODE_BITS, EXPONENT_SHARE, GROUP


def put_bytes(m: Module, beat: data.View, blocks: Value, errors: Value) -> None:
    """x and dy of a `pass_beat` of NORM_FORMAT.

    Golden: `golden.spec.maps.unpack_group`; dy is the integer itself.

    Parameters
    ----------
    blocks: bytes of x, whole groups of them.  errors: as many int8 of dy, -127…127.
    """
    shares = -(-NORM_FORMAT.forward.exponent_bits // EXPONENT_SHARE)
    width = NORM_FORMAT.gradient.magnitude_bits
    for lane in range(len(blocks) // 8):
        code, value = (word.word_select(lane, 8) for word in (blocks, errors))
        minus = value[-1]
        size = (value ^ minus.replicate(8)) + minus
        m.d.comb += [
            beat.x.codes[lane].eq(code[:CODE_BITS]),
            beat.dy.codes[lane].eq(Cat(size[:width], minus)),
        ]
    for group in range(len(blocks) // 8 // GROUP):
        first = group * GROUP
        parts = [blocks.word_select(first + place, 8)[CODE_BITS:] for place in range(shares)]
        m.d.comb += beat.x.exponents[group].eq(Cat(parts))
