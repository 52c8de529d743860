"""The coefficient stream of an engine that learns."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.memories import entry_bits, log2
from hw.engine.steps import stream_signature
from hw.engine.stream import CoefficientStream
from hw.learning.pair_memory import PairMemory


class LearningStream(CoefficientStream):
    """A coefficient stream that starts at any block, says which entry a step is of, and whose codes can
    change.

    In a gradient pass every entry but END is live, as a kept code that is 0 has a gradient too; rows of zeros
    are skipped as ever.  Golden, latency, throughput: those of `CoefficientStream`.

    Members: `stream_signature`; and
    block: In, address of the pair that a start goes to.  gradient: In, a gradient pass; stands from its start
    to its end.
    look, look_entry, word, write, write_entry, write_word: of single codes, as in `EntryMemory`; only while
    no job is under way, and before the next one there is a start.
    """

    def _signature(self) -> wiring.Signature:
        config = self._config
        more = {
            "block": In(log2(config.coefficient_words)),
            "gradient": In(1),
            "look": In(1),
            "look_entry": In(entry_bits(config)),
            "word": Out(formats.CODE_BITS),
            "write": In(1),
            "write_entry": In(entry_bits(config)),
            "write_word": In(formats.CODE_BITS),
        }
        return wiring.Signature({**stream_signature(config).members, **more})

    def _pairs(self, m: Module) -> wiring.Component:
        pairs = PairMemory(self._config, self._engine)
        for name in ("look", "look_entry", "write", "write_entry", "write_word"):
            m.d.comb += getattr(pairs, name).eq(getattr(self, name))
        m.d.comb += self.word.eq(pairs.word)
        return pairs

    def _first(self) -> Value:
        return self.block

    def _counts(self, code: Value) -> Value:
        return Mux(self.gradient, code != formats.CODE_END, super()._counts(code))

    def _number(
        self, m: Module, address: Value, checked: Value, taken: Value, second: Value, handled: Value
    ) -> None:
        checked_pair, pair, half = Signal.like(address), Signal.like(address), Signal()
        m.d.comb += self.steps.step.entry.eq(Cat(half, pair))
        with m.If(checked):
            m.d.sync += checked_pair.eq(address)
        with m.If(handled):
            m.d.sync += half.eq(1)
        with m.If(taken):
            m.d.sync += [pair.eq(checked_pair), half.eq(second)]
