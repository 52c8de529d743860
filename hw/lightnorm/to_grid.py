"""From scalars to integers on a grid."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.scalar import scalar_layout


class ToGrid(wiring.Component):
    """The integer nearest to scalar / 2**grid, ties to even, saturated to |integer| < 2**bits.

    Golden: `golden.lightnorm.scalars.to_grid`.  Latency: up to max(SCALAR_BITS + 1, `bits`) + 2 cycles,
    by the shift.  One at a time.

    Parameters
    ----------
    bits: of the magnitude, 1…60.

    Members: i: stream of a `scalar` and a `grid`.  o: stream of signed `bits` + 1.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, bits: int) -> None:
        self._bits = bits
        payload = data.StructLayout({"scalar": scalar_layout(), "grid": signed(GRID_BITS)})
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(signed(bits + 1)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._bits
        width = max(bits, SCALAR_BITS) + 1
        magnitude = Signal(width)
        guard, sticky, sign = Signal(), Signal(), Signal()
        shift = Signal(signed(GRID_BITS + 1))
        source = self.i.payload
        rounded = Signal(width)
        m.d.comb += rounded.eq(magnitude + (guard & (sticky | magnitude[0])))
        limit = Const((1 << bits) - 1, width)
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        magnitude.eq(source.scalar.mantissa),
                        guard.eq(0),
                        sticky.eq(0),
                        sign.eq(source.scalar.sign),
                        shift.eq(source.scalar.exponent - source.grid),
                    ]
                    m.next = "shift"
            with m.State("shift"):
                gone = ~magnitude.any() & ~guard
                with m.If((shift == 0) | gone | ((shift > 0) & (magnitude >= limit))):
                    result = Mux(rounded > limit, limit, rounded)
                    m.d.sync += self.o.payload.eq(Mux(sign, -result, result))
                    m.next = "done"
                with m.Elif(shift > 0):
                    m.d.sync += [magnitude.eq(magnitude << 1), shift.eq(shift - 1)]
                with m.Else():
                    m.d.sync += [
                        Cat(guard, magnitude).eq(magnitude),
                        sticky.eq(sticky | guard),
                        shift.eq(shift + 1),
                    ]
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m
