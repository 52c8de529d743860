"""The pass REDUCE: exact sums over the gradients of every channel."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat, NormFormat
from hw.lightnorm.layouts import beat, lane_group


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


class Reduce(wiring.Component):
    """Σdy, Σdy·x and the size of the largest dy, exact.

    Golden: the sums of `golden.lightnorm.unit.reduce`.  Throughput: one beat of x and of dy per cycle,
    channels without a pause.  Latency: 4 cycles from the last beat of a channel.

    Products are of magnitudes; values with the same exponents are summed before they are shifted.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  index_bits: a channel has at most
        2**index_bits values.

    Members: i: stream of `x` and `dy`, beats of the same values; mask and last are dy's.
    o: stream of `moments`, one a channel.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._index_bits = fmt, lanes, index_bits
        payload = data.StructLayout({"x": beat(fmt.forward, lanes), "dy": beat(fmt.gradient, lanes)})
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(moments(fmt, index_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        advance = Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance)]
        valid, last = Signal(3), Signal(3)
        source = self.i.payload
        with m.If(advance):
            m.d.sync += [
                valid.eq(Cat(self.i.valid, valid[:2])),
                last.eq(Cat(source.dy.last, last[:2])),
            ]

        x = self._values(m, source.x, fmt.forward, "x")
        dy = self._values(m, source.dy, fmt.gradient, "dy")
        gradient_size = lane_group(fmt.gradient, lanes)
        size = min(lane_group(fmt.forward, lanes), gradient_size)
        products, sums, tops = [], [], []
        for start in range(0, lanes, size):
            ex = source.x.exponents[start // lane_group(fmt.forward, lanes)]
            ey = source.dy.exponents[start // gradient_size]
            terms = [x[lane] * dy[lane] for lane in range(start, start + size)]
            bits = fmt.forward.magnitude_bits + fmt.gradient.magnitude_bits + 1 + size.bit_length()
            span = fmt.forward.span + fmt.gradient.span
            products.append(self._shifted(m, sum(terms), ex + ey, bits, span, advance, f"product{start}"))
        for start in range(0, lanes, gradient_size):
            ey = source.dy.exponents[start // gradient_size]
            terms = dy[start : start + gradient_size]
            bits = fmt.gradient.magnitude_bits + 1 + gradient_size.bit_length()
            sums.append(self._shifted(m, sum(terms), ey, bits, fmt.gradient.span, advance, f"sum{start}"))
            tops.append(self._top(m, start, gradient_size, advance))

        # Third stage: the beat; fourth: the channel.
        out = self.o.payload
        product = Signal.like(out.product)
        total = Signal.like(out.total)
        top = Signal.like(out.top)
        highest = tops[0]
        for other in tops[1:]:
            highest = Mux(other > highest, other, highest)
        first = Signal(init=1)
        running_top = Signal.like(top)
        m.d.comb += running_top.eq(Mux(first, 0, out.top))
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(advance):
            m.d.sync += [product.eq(sum(products)), total.eq(sum(sums)), top.eq(highest)]
            m.d.sync += self.o.valid.eq(valid[2] & last[2])
            with m.If(valid[2]):
                m.d.sync += [
                    out.product.eq(Mux(first, 0, out.product) + product),
                    out.total.eq(Mux(first, 0, out.total) + total),
                    out.top.eq(Mux(top > running_top, top, running_top)),
                    first.eq(last[2]),
                ]
        return m

    def _values(self, m: Module, source: data.View, fmt: BlockFormat, name: str) -> list[Signal]:
        """Signed magnitudes, zero where dy has no value."""
        bits = fmt.magnitude_bits
        values = [Signal(signed(bits + 1), name=f"{name}{lane}") for lane in range(self._lanes)]
        for lane, value in enumerate(values):
            magnitude = Mux(self.i.payload.dy.mask[lane], source.codes[lane][:bits], 0)
            m.d.comb += value.eq(Mux(source.codes[lane][bits], -magnitude, magnitude))
        return values

    def _shifted(
        self, m: Module, value: Signal, shift: Signal, bits: int, span: int, advance: Signal, name: str
    ) -> Signal:
        """First and second stage of a sum: held, then moved onto the grid."""
        held = Signal(signed(bits), name=f"{name}_held")
        places = Signal.like(shift, name=f"{name}_places")
        moved = Signal(signed(span + 1 + self._lanes.bit_length()), name=f"{name}_moved")
        with m.If(advance):
            m.d.sync += [held.eq(value), places.eq(shift), moved.eq(held << places)]
        return moved

    def _top(self, m: Module, start: int, size: int, advance: Signal) -> Signal:
        """First and second stage of a group's largest |dy|: bits of its magnitude plus its exponent."""
        fmt, source = self._fmt.gradient, self.i.payload.dy
        any_bits = Signal(fmt.magnitude_bits, name=f"any{start}")
        exponent = Signal(fmt.exponent_bits, name=f"exponent{start}")
        length = Signal(range(fmt.magnitude_bits + 1), name=f"length{start}")
        top = Signal(fmt.span.bit_length(), name=f"top{start}")
        union = 0
        for lane in range(start, start + size):
            union = union | Mux(source.mask[lane], source.codes[lane][: fmt.magnitude_bits], 0)
        for bit in range(fmt.magnitude_bits):
            with m.If(any_bits[bit]):
                m.d.comb += length.eq(bit + 1)
        with m.If(advance):
            m.d.sync += [
                any_bits.eq(union),
                exponent.eq(source.exponents[start // size]),
                top.eq(Mux(any_bits.any(), length + exponent, 0)),
            ]
        return top
