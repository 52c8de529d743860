"""From block floating point to a channel's window: value − mean in few bits."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat
from hw.lightnorm.layouts import GRID_BITS, beat, lane_group


def windowed_input(fmt: BlockFormat, bits: int, lanes: int, tag: Shape) -> data.StructLayout:
    """A beat with its channel's words: `mean` modulo 2**(bits + 1), in units of 2**grid; `tag` goes along."""
    return data.StructLayout(
        {"beat": beat(fmt, lanes), "grid": signed(GRID_BITS), "mean": unsigned(bits + 1), "tag": tag}
    )


def windowed(bits: int, lanes: int, tag: Shape) -> data.StructLayout:
    """value − mean of every lane."""
    return data.StructLayout(
        {
            "values": data.ArrayLayout(signed(bits), lanes),
            "mask": unsigned(lanes),
            "last": unsigned(1),
            "tag": tag,
        }
    )


class Window(wiring.Component):
    """o = saturate(round(value / 2**grid) − mean), ties to even.

    Golden: `golden.lightnorm.unit.window`.  Throughput: one beat per cycle.  Latency: 2 cycles.

    The difference is formed modulo 2**(bits + 1), which is exact because it is within ±2**bits
    (docs/lightnorm.md, section 4), however far value and mean are from the window.

    Parameters
    ----------
    fmt: of the input.  bits: of the signed output.  lanes: values of a beat.
    tag: shape of what goes along with a beat.

    Members: i: stream of `windowed_input`.  o: stream of `windowed`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: BlockFormat, bits: int, lanes: int, tag: Shape) -> None:
        self._fmt, self._bits, self._lanes, self._tag = fmt, bits, lanes, tag
        super().__init__(
            {
                "i": In(stream.Signature(windowed_input(fmt, bits, lanes, tag))),
                "o": Out(stream.Signature(windowed(bits, lanes, tag))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, bits = self._fmt, self._bits
        size = fmt.magnitude_bits
        advance = Signal()
        valid = Signal()
        held = Signal(self.i.payload.shape())
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += [held.eq(self.i.payload), Cat(valid, self.o.valid).eq(Cat(self.i.valid, valid))]
            m.d.sync += [
                self.o.payload.mask.eq(held.beat.mask),
                self.o.payload.last.eq(held.beat.last),
                self.o.payload.tag.eq(held.tag),
            ]

        # A magnitude stands `under` places above the lowest bit that can matter when rounding.
        under = size + 2
        width = bits + 1 + under
        shifts = []
        for group, stored in enumerate(self.i.payload.beat.exponents):
            distance = Signal(signed(GRID_BITS + 3), name=f"distance{group}")
            shift = Signal(range(width + 1), name=f"shift{group}")
            offset = fmt.exponent_low - (size - 1) + under
            m.d.comb += [
                distance.eq(stored + offset - self.i.payload.grid),
                shift.eq(Mux(distance < 0, 0, Mux(distance > width, width, distance))),
            ]
            shifts.append(shift)
        for lane in range(self._lanes):
            code = self.i.payload.beat.codes[lane]
            word = Signal(width, name=f"word{lane}")
            moved = Signal(bits + 1, name=f"moved{lane}")
            whole = word[under:]
            up = word[under - 1] & (word[: under - 1].any() | whole[0])
            m.d.comb += word.eq(code[:size] << shifts[lane // lane_group(fmt, self._lanes)])
            with m.If(advance):
                m.d.sync += moved.eq(whole + up)
            difference = Signal(signed(bits + 1), name=f"difference{lane}")
            sign = held.beat.codes[lane][size]
            m.d.comb += difference.eq(Mux(sign, -moved, moved) - held.mean)
            # Two top bits that differ: beyond the window.
            beyond = difference[bits] ^ difference[bits - 1]
            limit = Mux(difference[bits], -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            with m.If(advance):
                m.d.sync += self.o.payload.values[lane].eq(Mux(beyond, limit, difference))
        return m
