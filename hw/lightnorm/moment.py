"""The centred moment of a channel: Σdy·(x − mean) from Σdy·x and Σdy, exact."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.normalise import integer_layout
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sums import moments


def moment_bits(fmt: NormFormat, index_bits: int) -> int:
    """Bits of the exact difference: a mean's last bit lies SCALAR_BITS + index_bits below x's grid."""
    return moments(fmt, index_bits)["product"].width + SCALAR_BITS + index_bits + 2


class Moment(wiring.Component):
    """product − mean · total, exact.

    Golden: `golden.lightnorm.channel.centred_moments` before it rounds.  Latency: SCALAR_BITS + 3 and
    one cycle for each place between the mean's last bit and x's grid.  One at a time.

    Parameters
    ----------
    fmt: number formats.  index_bits: as REDUCE's.

    Members: i: stream of REDUCE's `total` and `product`, and the `mean`, of a channel with at most
    2**index_bits values.  o: stream of `integer_layout`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, index_bits: int) -> None:
        self._fmt = fmt
        self._sums = moments(fmt, index_bits)
        self._bits = moment_bits(fmt, index_bits)
        payload = data.StructLayout(
            {
                "total": self._sums["total"].shape,
                "product": self._sums["product"].shape,
                "mean": scalar_layout(),
            }
        )
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(integer_layout(self._bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        forward, gradient = self._fmt.forward.grid, self._fmt.gradient.grid
        total = Signal(self._sums["total"].shape)
        left = Signal(signed(self._bits))
        # mean · total: the multiplier leaves at the lower end as the product enters.
        right = Signal(signed(self._bits))
        mantissa = Signal(SCALAR_BITS)
        low = Signal(SCALAR_BITS)
        high = Signal(signed(len(total) + 1))
        count = Signal(range(SCALAR_BITS + 1))
        distance = Signal(signed(GRID_BITS + 1))
        exponent = Signal(signed(GRID_BITS))
        sign = Signal()
        source = self.i.payload
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        total.eq(source.total),
                        left.eq(source.product),
                        mantissa.eq(source.mean.mantissa),
                        sign.eq(source.mean.sign),
                        high.eq(0),
                        count.eq(SCALAR_BITS),
                        distance.eq(forward - source.mean.exponent),
                    ]
                    m.next = "multiply"
            with m.State("multiply"):
                addend = Signal(signed(len(total) + 1))
                m.d.comb += addend.eq(high + Mux(mantissa[0], total, 0))
                m.d.sync += count.eq(count - 1)
                with m.If(count != 0):
                    m.d.sync += [
                        mantissa.eq(mantissa >> 1),
                        low.eq(Cat(low[1:], addend[0])),
                        high.eq(addend >> 1),
                    ]
                with m.Else():
                    m.d.sync += right.eq(Cat(low, high).as_signed())
                    m.next = "align"
            with m.State("align"):
                with m.If(distance > 0):
                    m.d.sync += [left.eq(left << 1), distance.eq(distance - 1)]
                with m.Elif(distance < 0):
                    m.d.sync += [right.eq(right << 1), distance.eq(distance + 1)]
                with m.Else():
                    m.d.sync += self.o.payload.value.eq(Mux(sign, left + right, left - right))
                    m.next = "done"
            with m.State("done"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.exponent.eq(exponent)]
                with m.If(self.o.ready):
                    m.next = "idle"
        with m.If(self.i.valid & self.i.ready):
            # The finer of both grids.
            finest = Mux(source.mean.exponent < forward, source.mean.exponent, forward)
            m.d.sync += exponent.eq(finest + gradient)
        return m
