"""Turning the bytes of a word, so that they come out lane by lane."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.memories import log2


class Rotator(wiring.Component):
    """Lane i takes byte (i + rotation) mod lanes.

    Latency: one cycle.  Throughput: one word per cycle.

    Members
    -------
    i: In, `lanes` bytes.  rotation: In, 0…lanes − 1.  o: Out, `lanes` bytes.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        super().__init__({"i": In(lanes * 8), "rotation": In(log2(lanes)), "o": Out(lanes * 8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, rotation = self.i, self.rotation
        stages = log2(self._lanes)
        for stage in range(stages):
            if stage == stages // 2:
                # A register between the halves: the bytes come late out of a memory.
                half = Signal.like(word, name="half", reset_less=True)
                left = Signal.like(rotation, name="left", reset_less=True)
                m.d.sync += [half.eq(word), left.eq(rotation)]
                word, rotation = half, left
            turned = Signal(self._lanes * 8, name=f"turned{stage}")
            distance = 8 << stage
            m.d.comb += turned.eq(Mux(rotation[stage], Cat(word[distance:], word[:distance]), word))
            word = turned
        m.d.comb += self.o.eq(word)
        return m
