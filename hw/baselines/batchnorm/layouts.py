"""What travels through the batch-norm units. Lane 0 has the first element of the stream."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from golden.spec.floats import FloatFormat, Pass
from hw.baselines.batchnorm.pack import FLOAT_BITS


def beat(fmt: FloatFormat, lanes: int) -> data.StructLayout:
    """Elements of one pass.

    op: `Pass`, the same in all beats of a channel.  x, dy: elements; dy is looked at by REDUCE and GRAD
    alone.  mask: lanes that hold an element.  last: the channel ends with this beat.
    """
    elements = data.ArrayLayout(unsigned(fmt.bits), lanes)
    return data.StructLayout({"op": Pass, "x": elements, "dy": elements, "mask": lanes, "last": 1})


def result_beat(fmt: FloatFormat, lanes: int) -> data.StructLayout:
    """Elements of y or dx, anything where the mask is not set; mask and last as in `beat`."""
    elements = data.ArrayLayout(unsigned(fmt.bits), lanes)
    return data.StructLayout({"values": elements, "mask": lanes, "last": 1})


def channel() -> data.StructLayout:
    """What a pass must know of a channel, float32 each: VARIANCE `mean`; APPLY gamma, beta, mean and
    `scale` (1/√(σ² + ε)); REDUCE mean and scale; GRAD all but beta. MEAN has no such item."""
    names = ("gamma", "beta", "mean", "scale", "d_gamma", "d_beta")
    return data.StructLayout({"op": Pass, **dict.fromkeys(names, FLOAT_BITS)})


def outcome() -> data.StructLayout:
    """What a pass found, float32 each: MEAN (μ, –), VARIANCE (σ², 1/√(σ² + ε)), REDUCE (dβ, dγ)."""
    return data.StructLayout({"op": Pass, "first": FLOAT_BITS, "second": FLOAT_BITS})


def words(fmt: FloatFormat) -> data.StructLayout:
    """What the lanes hold still for a channel: result = x·`x` + dy·`dy` + `offset`; in VARIANCE, offset = −μ.

    x, dy: elements.  offset: float32.
    """
    return data.StructLayout({"x": fmt.bits, "dy": fmt.bits, "offset": FLOAT_BITS})


def sums() -> data.StructLayout:
    """Two partial sums of a channel, float32, of `products` (or x) and of `gradients` (REDUCE alone)."""
    pair = data.ArrayLayout(FLOAT_BITS, 2)
    return data.StructLayout({"products": pair, "gradients": pair})
