"""What `hw.lightnorm.channel_arithmetic.ChannelArithmetic` takes and gives."""

from amaranth.lib import data

from golden.spec.block import NormFormat
from hw.lightnorm.layouts import pass_words
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sum_shifter import sums_layout


def channel_layout(fmt: NormFormat, index_bits: int) -> data.StructLayout:
    """A channel's sums, of the pass that `backward` names."""
    return data.StructLayout({"backward": 1, "sums": sums_layout(fmt, index_bits)})


def parameters_layout() -> data.StructLayout:
    """A channel's parameters.  beta: forward only.  mean, scale: those that the forward pass found; backward
    only."""
    return data.StructLayout({name: scalar_layout() for name in ("gamma", "beta", "mean", "scale")})


def result_layout(fmt: NormFormat) -> data.StructLayout:
    """The words of the pass that `backward` names, and what the host keeps.

    mean, scale, spread, flat, coarse: statistics; forward only, else both flags are 0.  d_gamma, d_beta:
    gradients of the parameters; spike: to be carried apart; backward only.
    """
    scalars = ("mean", "scale", "spread", "d_gamma", "d_beta", "spike")
    fields = {name: scalar_layout() for name in scalars}
    return data.StructLayout({"backward": 1, "words": pass_words(fmt), **fields, "flat": 1, "coarse": 1})
