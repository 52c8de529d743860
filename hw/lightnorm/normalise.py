"""From integers of any size to scalars."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.scalar import round_scalar, scalar_layout


def integer_layout(bits: int) -> data.StructLayout:
    """value · 2**exponent."""
    return data.StructLayout({"value": signed(bits), "exponent": signed(GRID_BITS)})


class Normalise(wiring.Component):
    """The scalar nearest to value · 2**exponent.

    Golden: `golden.lightnorm.scalars.from_integers`.  Latency: up to `bits` / 8 + 9 cycles, by the
    leading zeros.  One at a time.

    Parameters
    ----------
    bits: of the signed value.

    Members: i: stream of `integer_layout`.  o: stream of `scalar_layout`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__(
            {
                "i": In(stream.Signature(integer_layout(bits))),
                "o": Out(stream.Signature(scalar_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # At least a guard bit and one below it.
        width = max(self._bits, SCALAR_BITS + 2)
        magnitude = Signal(width)
        sign = Signal()
        exponent = Signal(signed(GRID_BITS + 1))
        value = self.i.payload.value
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        magnitude.eq(Mux(value < 0, -value, value).as_unsigned()[: self._bits]),
                        sign.eq(value < 0),
                        exponent.eq(self.i.payload.exponent + (width - SCALAR_BITS)),
                    ]
                    m.next = "shift"
            with m.State("shift"):
                with m.If(magnitude[-1] | ~magnitude.any()):
                    round_scalar(m, self.o.payload, magnitude, sign, exponent)
                    m.next = "done"
                with m.Elif(~magnitude[-8:].any()):
                    m.d.sync += [magnitude.eq(magnitude << 8), exponent.eq(exponent - 8)]
                with m.Else():
                    m.d.sync += [magnitude.eq(magnitude << 1), exponent.eq(exponent - 1)]
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m
