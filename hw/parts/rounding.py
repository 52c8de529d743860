"""The one rounding component: divide by a power of two, ties to even, and saturate."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RoundShift(wiring.Component):
    """o = saturate(round(i / 2**shift)), ties to even.

    Golden: `golden.spec.formats.round_shift` and `saturate`.  Latency: `latency.ROUND` cycles.
    Throughput: one value per cycle.

    The result is the end of a window that moves over the input, longest step first, and shrinks to what
    later steps can still reach. Of what it loses at the bottom only counts whether it was all zero, of
    what it loses at the top whether it was all sign.

    Parameters
    ----------
    bits: width of the signed input.  shift_bits: width of the shift; values up to bits − 1 make
        sense, larger ones give 0 (or −0).  out_bits: width of the signed output.
    """

    def __init__(self, bits: int, shift_bits: int, out_bits: int = 8) -> None:
        self._bits = bits
        self._shift_bits = shift_bits
        self._out_bits = out_bits
        super().__init__({"i": In(signed(bits)), "shift": In(shift_bits), "o": Out(signed(out_bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        out, steps = self._out_bits, self._shift_bits
        # Below the last place of the result is half of it.
        room = max(0, out + (1 << steps) - self._bits - 1)
        window: Value = Cat(0, self.i, self.i[-1].replicate(room))
        negative: Value = self.i[-1]
        below: Value = 0 & negative
        over: Value = 0 & negative
        shift: Value = self.shift

        for step in reversed(range(steps)):
            moved = self._move(window, step, shift[step], below, over, negative)
            # Wires of their own: what is used twice is built once.
            wires = [Signal(len(value)) for value in moved]
            m.d.comb += [wire.eq(value) for wire, value in zip(wires, moved, strict=True)]
            window, below, over = wires
            if step == min((steps + 1) // 2, steps - 1):
                # 1: the long steps are done.
                values = (window, below, over, negative, shift[:step])
                registers = [Signal(len(value), reset_less=True) for value in values]
                m.d.sync += Cat(registers).eq(Cat(values))
                window, below, over, negative, shift = registers

        # 2: all are.
        floor = Signal(out, reset_less=True)
        up, full, beyond, low = (
            Signal(name=name, reset_less=True) for name in ("up", "full", "beyond", "low")
        )
        m.d.sync += [
            floor.eq(window[1:]),
            up.eq(window[0] & (below | window[1])),
            full.eq(~window[out] & window[1:out].all()),
            beyond.eq(over | (window[out] != negative)),
            low.eq(negative),
        ]
        # 3: rounded up, but for what is the largest already, or cut off.
        limit = Mux(low, 1 << (out - 1), (1 << (out - 1)) - 1)
        m.d.sync += self.o.eq(Mux(beyond, limit, floor + (up & ~full))[:out].as_signed())
        return m

    def _move(
        self, window: Value, step: int, taken: Value, below: Value, over: Value, negative: Value
    ) -> tuple[Value, Value, Value]:
        """The window after a step by 2**step if `taken`; did it lose ones at the bottom, no sign on top?"""
        length, distance = self._out_bits + (1 << step), 1 << step
        sign = negative.replicate(len(window))
        wrong = window ^ sign
        return (
            Mux(taken, window[distance : distance + length], window[:length]),
            below | (taken & window[:distance].any()),
            over | Mux(taken, wrong[distance + length :].any(), wrong[length:].any()),
        )
