"""Shifts of the controller, to both sides, with every rounding that it knows."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.controller import SHIFT_LARGEST, WORD_BITS, Operation
from hw.learning.operations import EVENS, UPS

_DISTANCE_BITS = SHIFT_LARGEST.bit_length()
_LONG_STEPS = 2
"""Steps of a shift that go together: by 16 · 0…3, by 4 · 0…3; the last is by 0…3."""


class ScalarShifter(wiring.Component):
    """EVEN, UP, FLOOR, STICKY, and what shifts like them: a word moves to the right through three steps; one
    that goes left is turned round before and after.

    Golden: `golden.machine.controller.shifted`.  Latency: `o` and `up` stand two cycles after `start`, in
    that cycle alone; the result is o + up.

    Members
    -------
    start: In, `word` and `distance` are those of a shift.  operation: In, stands still.
    o: Out.  up: Out, one more.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "operation": In(Operation),
                "word": In(signed(WORD_BITS)),
                "distance": In(signed(WORD_BITS)),
                "o": Out(WORD_BITS),
                "up": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Below the word stands the half of its lowest bit; `below` says that anything is under that.
        left, fill, below = Signal(), Signal(), Signal()
        window = Signal(WORD_BITS + 1)
        distance = Signal(_DISTANCE_BITS)
        negative = self.distance[-1]
        beyond = Mux(
            negative,
            ~self.distance[_DISTANCE_BITS:].all(),
            self.distance[_DISTANCE_BITS:].any(),
        )
        near = self.distance[:_DISTANCE_BITS]
        # The lowest bits of −64 are zero; it is as far as −63.
        edge = negative & (near == 0)

        # The first cycle's end: the word, the other way round if it goes left.
        with m.If(self.start):
            m.d.sync += [
                left.eq(~negative),
                fill.eq(negative & self.word[-1]),
                below.eq(0),
                window.eq(Cat(0, Mux(negative, self.word.as_unsigned(), self.word[::-1]))),
                distance.eq(Mux(beyond | edge, SHIFT_LARGEST, Mux(negative, -near, near))),
            ]
        # The second: long steps.
        with m.Else():
            moved, lost = window, below
            for step in range(_LONG_STEPS):
                moved, lost = self._move(moved, lost, fill, distance, 2 - step)
            m.d.sync += [window.eq(moved), below.eq(lost), distance[2:].eq(0)]

        # The third: the short one, and what is above and below the half.
        moved, lost = self._move(window, below, fill, distance, 0)
        word, half = moved[1:], moved[0]
        sticky = (self.operation == Operation.STICKY) & (half | lost)
        with m.Switch(self.operation):
            with m.Case(*EVENS):
                m.d.comb += self.up.eq(~left & half & (lost | word[0]))
            with m.Case(*UPS):
                m.d.comb += self.up.eq(~left & half)
        m.d.comb += self.o.eq(Mux(left, word[::-1], Cat(word[0] | sticky, word[1:])))
        return m

    def _move(
        self, window: Value, below: Value, fill: Value, distance: Value, place: int
    ) -> tuple[Value, Value]:
        """By two bits of the distance."""
        each = 1 << 2 * place
        choice = distance[2 * place : 2 * place + 2]
        sign = fill.replicate(len(window))
        moved: list[Value] = [window]
        lost: list[Value] = [below]
        for count in range(1, 4):
            gone = each * count
            moved.append(Cat(window[gone:], sign[:gone]))
            lost.append(below | window[:gone].any())
        return (
            Mux(choice[1], Mux(choice[0], moved[3], moved[2]), Mux(choice[0], moved[1], moved[0])),
            Mux(choice[1], Mux(choice[0], lost[3], lost[2]), Mux(choice[0], lost[1], lost[0])),
        )
