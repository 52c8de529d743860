"""int8 that are added to values, as fractions."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.formats import ACTIVATION_BITS
from golden.spec.learning import FRACTION_LARGEST

TOP = FRACTION_LARGEST.bit_length() - 1
"""The bit of a fraction that tells what has saturated: above it there is only the sign."""

FRACTION_BITS = TOP + 2
"""Signed bits of a fraction."""

BELOW = ACTIVATION_BITS
"""Places below the unit of fractions where a byte starts: it would become 0 there."""

MOST = BELOW + TOP
"""Places that a byte goes up at most: what is not 0 has saturated then."""

_SHORT_BITS = (BELOW - 1).bit_length()


class AddendRounder(wiring.Component):
    """o + up = saturate(round(i·2^(places − BELOW))), ties to even, in `lanes` lanes.

    Golden: `golden.spec.maps.fraction`.  Latency: `latency.ROUND` cycles.  Throughput: a beat a cycle.

    A byte goes up by single places first, then by long steps of BELOW. So few bits are under way; some are
    below the unit where there is no long step, others too high after the last ones.

    Parameters
    ----------
    lanes: values of a beat.

    Members
    -------
    on: In, else o and up are 0.  places: In, 0…MOST; both stand still while beats are inside.
    i: In.  o: Out.  up: Out, a bit a lane, still to be added: a carry for the adder behind.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        super().__init__(
            {
                "on": In(1),
                "places": In(range(MOST + 1)),
                "i": In(data.ArrayLayout(signed(ACTIVATION_BITS), lanes)),
                "o": Out(data.ArrayLayout(signed(FRACTION_BITS), lanes)),
                "up": Out(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._lanes):
            self._lane(m, lane, self.places[:_SHORT_BITS], self.places[_SHORT_BITS:])
        return m

    def _lane(self, m: Module, lane: int, short: Value, long: Value) -> None:
        bits = ACTIVATION_BITS + BELOW - 1
        given = Signal(signed(bits - BELOW // 2), name=f"given{lane}", reset_less=True)
        near, held = (
            Signal(signed(bits), name=f"{name}{lane}", reset_less=True) for name in ("near", "held")
        )
        up, past = (Signal(name=f"{name}{lane}", reset_less=True) for name in ("up", "past"))
        # 1: by places. 2: the last of these steps, and what the long ones will lose.
        m.d.comb += near.eq(Mux(short[-1], given << BELOW // 2, given))
        half, lost, sign = near[BELOW - 1], near[: BELOW - 1].any(), near[-1]
        ends = [MOST - BELOW * step for step in range(MOST // BELOW + 1)]
        differs = [(near[end:] ^ sign.replicate(max(0, bits - end))).any() for end in ends]
        m.d.sync += [
            given.eq(self.i[lane] << short[:-1]),
            held.eq(near),
            up.eq((long == 0) & half & (lost | near[BELOW])),
            past.eq(Cat(differs).bit_select(long, 1)),
        ]
        # 3: by long steps.
        chosen = Signal(signed(FRACTION_BITS), name=f"chosen{lane}")
        places = [held >> BELOW, *(held << BELOW * step for step in range(len(ends) - 1))]
        m.d.comb += chosen.eq(Array(places)[long])
        m.d.sync += [self.o[lane].eq(Cat(chosen[:TOP], held[-1] | past, held[-1])), self.up[lane].eq(up)]
        with m.If(past | ~self.on):
            m.d.sync += [self.o[lane][:TOP].eq(0), self.up[lane].eq(0)]
        with m.If(~self.on):
            m.d.sync += self.o[lane][TOP:].eq(0)
