"""A word of the feature memory in the controller's hands."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.learning import INT8_LARGEST
from golden.spec.memories import log2
from hw.interfaces import access_signature


def slice_sum_bits(config: Config) -> int:
    """Signed bits of the sum of a slice's bytes."""
    return 8 + log2(config.basis)


class FeatureBuffer(wiring.Component):
    """Takes words and gives them back, and works on their bytes, a slice of `basis` lanes in a cycle.

    Golden: `golden.machine.controller`.  Latency: `lane` → `byte` none, `part` → `sum` a cycle; what
    is put, spread or fetched is there in the next cycle but one at the latest.

    Members
    -------
    clear: In, all bytes become 0.
    fetch, write: In, until `done`: the word at `address` comes, goes.  address: In.  done: Out, in the cycle
    behind the grant. features: Out, to the feature memory.
    part: In, a slice.  coming: In, the next cycle's, of a sum or a spread.
    lane: In.  byte: Out, that of the lane, which is of slice `part`.
    put: In, the byte of the lane, of any slice, becomes `value`.
    first, end: In, the lanes from `first` to before `end`, as far as they are of slice `part`.
    sum: Out, of their bytes.
    spread: In, each becomes `value` where an error passes it, else 0.  relu: In, it passes 0 < byte < 127,
    else |byte| < 127.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        access = access_signature(config)
        slices = config.lanes // config.basis
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
                "part": In(range(slices)),
                "coming": In(range(slices)),
                "sum": Out(signed(slice_sum_bits(config))),
                "value": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        features, lanes, basis = self.features, self._config.lanes, self._config.basis
        word = Signal(lanes * 8)
        come = Signal()
        low = log2(basis)
        m.d.comb += [
            features.valid.eq((self.fetch | self.write) & ~self.done),
            features.write.eq(self.write),
            features.address.eq(self.address),
            features.data.eq(word),
        ]
        m.d.sync += self.done.eq(features.valid & features.grant)
        # The slice in hand, and which of its lanes count: between those slices with the ends, and in them.
        bytes_ = Signal(basis * 8)
        here = Signal(basis)
        coming = self.coming
        m.d.comb += [
            bytes_.eq(word.word_select(self.part, basis * 8)),
            self.byte.eq(bytes_.word_select(self.lane[:low], 8)),
        ]
        for lane in range(basis):
            below_first, below_end = (
                (coming < it[low:]) | ((coming == it[low:]) & ~(lane >= it[:low]))
                for it in (self.first, self.end)
            )
            m.d.sync += here[lane].eq(~below_first & below_end)
        terms = []
        passes = Signal(basis)
        for lane in range(basis):
            byte = bytes_.word_select(lane, 8).as_signed()
            terms.append(Mux(here[lane], byte, 0))
            m.d.comb += passes[lane].eq((byte < INT8_LARGEST) & (byte > Mux(self.relu, 0, -INT8_LARGEST)))
        while len(terms) > 1:
            terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
        m.d.sync += self.sum.eq(terms[0])

        m.d.sync += come.eq(self.fetch & features.valid & features.grant)
        for lane in range(lanes):
            byte = word.word_select(lane, 8)
            spreads = self.spread & here[lane % basis] & (self.part == lane // basis)
            with m.If(come):
                m.d.sync += byte.eq(features.read.word_select(lane, 8))
            with m.Elif(spreads | (self.put & (self.lane == lane))):
                m.d.sync += byte.eq(Mux(self.put | passes[lane % basis], self.value, 0))
        with m.If(self.clear):
            m.d.sync += word.eq(0)
        return m
