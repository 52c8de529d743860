"""Random bytes for words of a map, some lanes at a time."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.learning import ERROR_RANDOM_BITS, LFSR_WORD
from hw.parts.lfsr import Lfsr


class WordRandom(wiring.Component):
    """A byte a lane; slices of a word follow each other, then come the fresh bits of the next word.

    Golden: `golden.learning.random.map_bytes`.  Throughput: a slice a cycle.

    Parameters
    ----------
    config: its lanes are those of a word.  lanes: of a slice.

    Members
    -------
    bytes: Out, of the next slice.  draw: In, it is used in this cycle.
    load, before, last: In, see `hw.parts.lfsr`; the next slice is the first of a word.
    """

    def __init__(self, config: Config, lanes: int) -> None:
        self._config, self._lanes = config, lanes
        super().__init__(
            {
                "bytes": Out(lanes * ERROR_RANDOM_BITS),
                "draw": In(1),
                "load": In(1),
                "before": In(LFSR_WORD),
                "last": In(LFSR_WORD),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slices = self._config.lanes // self._lanes
        part = Signal(range(slices))
        m.submodules.generator = generator = Lfsr(-(-self._config.lanes * ERROR_RANDOM_BITS // LFSR_WORD))
        m.d.comb += [
            generator.load.eq(self.load),
            generator.before.eq(self.before),
            generator.last.eq(self.last),
            generator.step.eq(self.draw & (part == slices - 1)),
            self.bytes.eq(generator.bits.word_select(part, len(self.bytes))),
        ]
        with m.If(self.draw):
            m.d.sync += part.eq(part + 1)
            with m.If(part == slices - 1):
                m.d.sync += part.eq(0)
        with m.If(self.load):
            m.d.sync += part.eq(0)
        return m
