"""What a channel's arithmetic takes and gives: `hw.lightnorm.channel_arithmetic`, `parallel_arithmetic`."""

from typing import Any

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.layouts import pass_words
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sums_layouts import sums_layout


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


def arithmetic_ports(fmt: NormFormat, index_bits: int) -> dict[str, Any]:
    """Ports of both kinds of a channel's arithmetic."""
    return {
        "i": In(stream.Signature(channel_layout(fmt, index_bits))),
        "parameters": In(stream.Signature(parameters_layout())),
        "o": Out(stream.Signature(result_layout(fmt))),
        "inverse": In(scalar_layout()),
        "spread": In(scalar_layout()),
        "epsilon": In(scalar_layout()),
    }
