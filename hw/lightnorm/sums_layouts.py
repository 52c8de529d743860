"""What goes into the sums of a channel, and what they are."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from golden.spec.block import BlockFormat, NormFormat
from hw.lightnorm.chunk_counter import CHUNK_BITS, place_layout
from hw.lightnorm.extremes import rank_bits
from hw.lightnorm.layouts import pass_beat


def statistics(fmt: BlockFormat, index_bits: int) -> data.StructLayout:
    """Σx, Σ over the chunks of maximum − minimum, and maximum − minimum of all; in units of 2**fmt.grid."""
    return data.StructLayout(
        {
            "total": signed(fmt.span + 1 + index_bits),
            "ranges": unsigned(fmt.span + 1 + CHUNK_BITS),
            "width": unsigned(fmt.span + 1),
        }
    )


def moments(fmt: NormFormat, index_bits: int) -> data.StructLayout:
    """Σdy in units of 2**gradient.grid, Σdy·x in units of 2**(gradient.grid + forward.grid), and the
    smallest v with all |dy| < 2**(v + gradient.grid); 0 if all are zero."""
    span = fmt.gradient.span
    return data.StructLayout(
        {
            "total": signed(span + 1 + index_bits),
            "product": signed(span + fmt.forward.span + 1 + index_bits),
            "top": unsigned(span.bit_length()),
        }
    )


def sums_layout(fmt: NormFormat, index_bits: int) -> data.UnionLayout:
    """The sums of STAT or of REDUCE."""
    return data.UnionLayout({"stat": statistics(fmt.forward, index_bits), "reduce": moments(fmt, index_bits)})


def sums(fmt: NormFormat, index_bits: int) -> data.StructLayout:
    """Results of a channel: `backward` tells `moments` (reduce) from `statistics` (stat)."""
    return data.StructLayout({"backward": 1, "sums": sums_layout(fmt, index_bits)})


def sums_input(fmt: NormFormat, lanes: int, index_bits: int) -> data.StructLayout:
    """A beat of STAT or REDUCE with its place."""
    return data.StructLayout({"beat": pass_beat(fmt, lanes), "place": place_layout(index_bits)})


def chunk_layout(fmt: BlockFormat) -> data.StructLayout:
    """What STAT has of a chunk that has not ended: ranks of its extremes (`hw.lightnorm.extremes`)."""
    return data.StructLayout({name: rank_bits(fmt) for name in ("high", "low")})


def partial_layout(fmt: BlockFormat, index_bits: int) -> data.StructLayout:
    """What STAT has of a channel that has not ended: `total` and `ranges` of `statistics` so far, and the
    ranks of the extremes of the chunks that have ended."""
    members = statistics(fmt, index_bits).members
    sums_so_far = {name: members[name] for name in ("total", "ranges")}
    return data.StructLayout({**sums_so_far, "highest": rank_bits(fmt), "lowest": rank_bits(fmt)})
