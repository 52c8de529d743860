"""Values as fractions."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.learning.addend_rounder import FRACTION_BITS, TOP

_SHORTS = 3
"""Steps of the second cycle, of 1, 2 and 4 places."""


class ValueRounder(wiring.Component):
    """o + up = saturate(round(i·2^(TOP − down))), ties to even, in `lanes` lanes.

    Golden: `golden.spec.maps.fraction`.  Latency: `latency.ROUND` cycles.  Throughput: a beat a cycle.

    A value stands TOP places up and goes down, by eights first. Of what it loses below counts whether it was
    all zero, above, whether all sign. No adder rounds here: `up` is left to one behind, and what it makes of
    the largest value is the end.

    Parameters
    ----------
    lanes: values of a beat.  bits: signed, of a value.

    Members
    -------
    down: In, of this cycle's beat: 0…bits + TOP, where any value becomes 0.
    i: In.  o: Out.  up: Out, a bit a lane, still to be added.
    """

    def __init__(self, lanes: int, bits: int) -> None:
        self._lanes, self._bits = lanes, bits
        super().__init__(
            {
                "down": In(range(bits + TOP + 1)),
                "i": In(data.ArrayLayout(signed(bits), lanes)),
                "o": Out(data.ArrayLayout(signed(FRACTION_BITS), lanes)),
                "up": Out(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        later = Signal(_SHORTS)
        m.d.sync += later.eq(self.down)
        for lane in range(self._lanes):
            self._lane(m, lane, later)
        return m

    def _lane(self, m: Module, lane: int, later: Signal) -> None:
        value, far = self.i[lane], self.down[_SHORTS:]
        # Half a unit is the lowest bit. TOP − 1 is the highest one that tells anything but the sign.
        room = (1 << len(self.down)) - 1 - self._bits
        whole = Cat(Signal(TOP + 1), value, value[-1].replicate(room))
        sizes = [TOP + (1 << step) for step in range(_SHORTS + 1)]
        # 1: by eights.
        starts = [place << _SHORTS for place in range(1 << len(far))]
        lost = Cat(whole[:start].any() for start in starts)
        high = Cat(_differs(whole[start + sizes[-1] :], value[-1]) for start in starts)
        window, below, past, sign = self._held(
            m,
            Array(whole[start:][: sizes[-1]] for start in starts)[far],
            lost.bit_select(far, 1),
            high.bit_select(far, 1),
            value[-1],
        )
        # 2: by what is left.
        for step in reversed(range(_SHORTS)):
            taken, size = later[step], sizes[step]
            below = below | (taken & window[: 1 << step].any())
            past = past | (~taken & _differs(window[size:], sign))
            window = Mux(taken, window[1 << step :], window[:size])
        window, below, past, sign = self._held(m, window, below, past, sign)
        # 3: the end where it is past it.
        m.d.sync += [
            self.o[lane].eq(Cat(window[1:], sign | past, sign)),
            self.up[lane].eq(window[0] & (below | window[1])),
        ]
        with m.If(past):
            m.d.sync += [self.o[lane][:TOP].eq(0), self.up[lane].eq(0)]

    def _held(self, m: Module, *values: Value) -> list[Value]:
        """A cycle later."""
        held = [Signal(len(value), reset_less=True) for value in values]
        m.d.sync += Cat(held).eq(Cat(values))
        return [*held]


def _differs(bits: Value, sign: Value) -> Value:
    """Whether not all are the sign."""
    return (bits ^ sign.replicate(len(bits))).any()
