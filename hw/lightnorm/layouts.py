"""What travels through the LightNorm unit in a cycle. Lane 0 has the first value of the stream."""

from enum import IntEnum

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.spec.block import GRID_BITS, BlockFormat, NormFormat


def groups(fmt: BlockFormat, lanes: int) -> int:
    """Shared exponents of a beat: 1 where a group is longer than a beat."""
    return max(1, lanes // fmt.group)


def lane_group(fmt: BlockFormat, lanes: int) -> int:
    """Lanes of a beat that share an exponent."""
    return min(lanes, fmt.group)


def beat(fmt: BlockFormat, lanes: int) -> data.StructLayout:
    """Values in block floating point.

    codes: sign (top bit) and magnitude.  exponents: stored, exponent − exponent_low; a group longer
    than a beat repeats it.  mask: lanes that hold a value.  last: the channel ends with this beat.
    """
    return data.StructLayout(
        {
            "codes": data.ArrayLayout(unsigned(fmt.magnitude_bits + 1), lanes),
            "exponents": data.ArrayLayout(unsigned(fmt.exponent_bits), groups(fmt, lanes)),
            "mask": unsigned(lanes),
            "last": unsigned(1),
        }
    )


class Op(IntEnum):
    """The pass that a beat belongs to; the upper bit tells the backward ones."""

    STAT = 0
    APPLY = 1
    REDUCE = 2
    GRAD = 3


def block(fmt: BlockFormat, lanes: int) -> data.StructLayout:
    """The values of a beat alone: `codes` and `exponents` of `beat`."""
    members = beat(fmt, lanes).members
    return data.StructLayout({name: members[name] for name in ("codes", "exponents")})


def pass_beat(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """A beat of any pass: `Op`, x (all but GRAD) and dy (REDUCE, GRAD), and the mask and last of both."""
    return data.StructLayout(
        {
            "op": unsigned(2),
            "x": block(fmt.forward, lanes),
            "dy": block(fmt.gradient, lanes),
            "mask": unsigned(lanes),
            "last": unsigned(1),
        }
    )


def unit_size(fmt: NormFormat, lanes: int) -> int:
    """Lanes that share an exponent in both formats."""
    return min(lane_group(fmt.forward, lanes), lane_group(fmt.gradient, lanes))


def code_bits(fmt: NormFormat) -> int:
    """Magnitude bits that hold those of both formats."""
    return max(fmt.forward.magnitude_bits, fmt.gradient.magnitude_bits)


def exponent_bits(fmt: NormFormat) -> int:
    """Bits that hold the stored exponents of both formats."""
    return max(fmt.forward.exponent_bits, fmt.gradient.exponent_bits)


def either(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """Values of one of the two formats, in fields that hold both.

    backward: they are of fmt.gradient.  magnitudes, signs: by lane.  exponents: stored; one for every
    `unit_size` lanes, repeated where a group is longer.  mask, last: as in `beat`.
    """
    return data.StructLayout(
        {
            "backward": unsigned(1),
            "magnitudes": data.ArrayLayout(unsigned(code_bits(fmt)), lanes),
            "signs": unsigned(lanes),
            "exponents": data.ArrayLayout(unsigned(exponent_bits(fmt)), lanes // unit_size(fmt, lanes)),
            "mask": unsigned(lanes),
            "last": unsigned(1),
        }
    )


def result_bits(fmt: NormFormat) -> int:
    """Signed bits of the results of APPLY and GRAD, before the encoder."""
    return max(fmt.window + 1, fmt.gradient_window + fmt.spike + 1) + fmt.scale


def pass_words(fmt: NormFormat) -> data.StructLayout:
    """What APPLY or GRAD holds still for a channel: result = (window(v) − mean)·scale + addend on `grid`.

    Golden: `golden.lightnorm.channel.ApplyWords` and `GradWords`.  Every width suits both passes.

    window_grid: unit of window(v) and mean.  mean: the model's, modulo 2**result_bits(fmt) (GRAD's is
    extended by its sign).  scale: signed.  addend: APPLY's offset, added to every value, or GRAD's spike,
    taken from the maximum of each chunk and added to its minimum.  grid: unit of the result.
    """
    addend = max(fmt.window, fmt.gradient_window + fmt.spike) + fmt.scale
    return data.StructLayout(
        {
            "window_grid": signed(GRID_BITS),
            "mean": signed(result_bits(fmt)),
            "scale": signed(fmt.scale + 1),
            "addend": signed(addend),
            "grid": signed(GRID_BITS),
        }
    )


def results(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """Numbers of APPLY or GRAD on their way to the encoder.

    words: in units of 2**grid, above −2**(result_bits − 1); anything where the mask is not set.  quiet:
    lanes that have no say in the exponent of a group that has others.  backward, mask, last: as in
    `either`.
    """
    return data.StructLayout(
        {
            "backward": unsigned(1),
            "words": data.ArrayLayout(signed(result_bits(fmt)), lanes),
            "grid": signed(GRID_BITS),
            "quiet": unsigned(lanes),
            "mask": unsigned(lanes),
            "last": unsigned(1),
        }
    )
