"""Random bytes for words of a map, some lanes at a time."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.learning import ERROR_RANDOM_BITS, LFSR_WORD
from hw.parts.lfsr import Lfsr, seed_bits


def slice_bits(config: Config) -> int:
    """Random bits that go by with a slice; of the only slice of a short word not all are used."""
    short = config.lanes * ERROR_RANDOM_BITS < LFSR_WORD
    return LFSR_WORD if short else config.basis * ERROR_RANDOM_BITS


class WordRandom(wiring.Component):
    """A byte a lane for slices of `basis` lanes, which follow each other.

    Golden: `golden.learning.random.map_bytes`.  Throughput: a slice a cycle.

    Members
    -------
    bytes: Out, of the next slice.  draw: In, it is used in this cycle.
    load, word: In, see `hw.parts.lfsr`, between words of a map.
    """

    def __init__(self, config: Config) -> None:
        self._bits = slice_bits(config)
        super().__init__(
            {
                "bytes": Out(config.basis * ERROR_RANDOM_BITS),
                "draw": In(1),
                "load": In(1),
                "word": In(seed_bits(self._bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.generator = generator = Lfsr(self._bits)
        m.d.comb += [
            generator.load.eq(self.load),
            generator.word.eq(self.word),
            generator.step.eq(self.draw),
            self.bytes.eq(generator.bits),
        ]
        return m
