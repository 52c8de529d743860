"""A word of the feature memory in the controller's hands."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.learning import INT8_LARGEST
from golden.spec.memories import log2
from hw.interfaces import access_signature


def word_sum_bits(config: Config) -> int:
    """Signed bits of the sum of a word's bytes."""
    return 8 + log2(config.lanes)


class FeatureBuffer(wiring.Component):
    """Takes words and gives them back, and works on their bytes, all at once.

    Golden: `golden.machine.controller`.  Latency: `lane` → `byte` none, word → `sum` a cycle; what
    is put, spread or fetched is there in the next cycle but one at the latest.

    Members
    -------
    clear: In, all bytes become 0.
    fetch, write: In, until `done`: the word at `address` comes, goes.  address: In.  done: Out, in the cycle
    behind the grant. features: Out, to the feature memory.
    lane: In.  byte: Out, that of the lane.  put: In, it becomes `value`.
    first, end: In, the lanes from `first` to before `end`, of the next cycle's sum or spread.
    sum: Out, of their bytes.
    spread: In, each becomes `value` where an error passes it, else 0.  relu: In, it passes 0 < byte < 127,
    else |byte| < 127.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        access = access_signature(config)
        super().__init__(
            {
                **dict.fromkeys(("clear", "fetch", "write", "put", "spread", "relu"), In(1)),
                "address": In(access.members["address"].shape),
                "done": Out(1),
                "features": Out(access),
                "lane": In(range(config.lanes)),
                "byte": Out(signed(8)),
                "first": In(range(config.lanes)),
                "end": In(range(config.lanes + 1)),
                "sum": Out(signed(word_sum_bits(config))),
                "value": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        features, lanes = self.features, self._config.lanes
        word = Signal(lanes * 8)
        come = Signal()
        m.d.comb += [
            features.valid.eq((self.fetch | self.write) & ~self.done),
            features.write.eq(self.write),
            features.address.eq(self.address),
            features.data.eq(word),
            self.byte.eq(word.word_select(self.lane, 8)),
        ]
        m.d.sync += [
            self.done.eq(features.valid & features.grant),
            come.eq(self.fetch & features.valid & features.grant),
        ]
        here = Signal(lanes)
        terms = []
        assert INT8_LARGEST == (1 << 7) - 1
        for lane in range(lanes):
            byte = word.word_select(lane, 8)
            m.d.sync += here[lane].eq((lane >= self.first) & (lane < self.end))
            terms.append(Mux(here[lane], byte.as_signed(), 0))
            # Compared without carries: int8's largest, its smallest two, and zero.
            sign, low = byte[-1], byte[:-1]
            passes = Mux(sign, ~self.relu & low[1:].any(), ~low.all() & ~(self.relu & ~low.any()))
            puts = self.put & (self.lane == lane)
            with m.If(come):
                m.d.sync += byte.eq(features.read.word_select(lane, 8))
            with m.Elif((self.spread & here[lane]) | puts):
                m.d.sync += byte.eq(Mux(self.put | passes, self.value, 0))
        while len(terms) > 1:
            terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
        m.d.sync += self.sum.eq(terms[0])
        with m.If(self.clear):
            m.d.sync += word.eq(0)
        return m
