"""An engine that learns: one stream, its lanes, the gradients of its entries and their counters."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import Memory, counter_record, log2
from hw.interfaces import (
    bytes_signature,
    errors_signature,
    flags_signature,
    load_signature,
    row_bits,
    sums_signature,
)
from hw.learning.accumulators import LearningAccumulators
from hw.learning.entry_memory import EntryMemory
from hw.learning.gradient import GradientUnit
from hw.learning.place_memory import PlaceMemory
from hw.learning.ports import entries_signature
from hw.learning.stream import LearningStream
from hw.parts.layouts import layout


class LearningEngine(wiring.Component):
    """Turns rows and coefficients into partial sums, as `Engine` does, or rows and error codes into
    gradients.

    Golden: `golden.machine`, `golden.learning.backward`.  Latency: a job's sums stand `latency.SUMS_STAND`
    cycles after its END entry; a step's gradient is written `latency.gradient(lanes)` cycles after it.
    Throughput: that of `Engine`; in a gradient pass one entry but END per cycle.

    Members
    -------
    load, start, skip, ahead, rows, row, sums, bad: as in `Engine`; in a gradient pass `sums` mean something
    else.
    block: In, address of the pair that a start goes to.  gradient: In, the start begins a gradient pass;
    stands until the next start.
    errors: from the drain.  entries: from the update.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "skip": In(1),
                "block": In(log2(config.coefficient_words)),
                "gradient": In(1),
                "ahead": Out(flags_signature(config)),
                "rows": Out(bytes_signature(config)),
                "row": Out(row_bits(config)),
                "sums": In(sums_signature(config)),
                "errors": In(errors_signature(config)),
                "entries": In(entries_signature(config)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.stream = stream = LearningStream(config, self._engine)
        m.submodules.accumulators = accumulators = LearningAccumulators(config)
        m.submodules.gradients = gradients = GradientUnit(config)
        counter = layout(counter_record())
        m.submodules.counters = counters = EntryMemory(config, Memory.COUNTER + self._engine, counter.size)
        m.submodules.places = places = PlaceMemory(config, Memory.PLACES + self._engine)
        wiring.connect(m, stream.ahead, wiring.flipped(self.ahead))
        wiring.connect(m, accumulators.rows, wiring.flipped(self.rows))
        wiring.connect(m, wiring.flipped(self.errors), gradients.errors)
        for loaded in (stream, counters, places):
            wiring.connect(m, wiring.flipped(self.load), loaded.load)
        m.d.comb += [
            stream.start.eq(self.start),
            stream.skip.eq(self.skip),
            stream.block.eq(self.block),
            stream.gradient.eq(self.gradient),
            accumulators.start.eq(self.start),
            accumulators.gradient.eq(self.gradient),
            gradients.start.eq(self.start),
            self.row.eq(stream.row),
            self.bad.eq(stream.bad),
        ]

        # Steps go to sums or to gradients; so do the drain's signs.
        steps = stream.steps
        for unit, chosen in ((accumulators, ~self.gradient), (gradients, self.gradient)):
            m.d.comb += [
                unit.steps.step.eq(steps.step),
                unit.steps.valid.eq(steps.valid & chosen),
                unit.steps.end.eq(steps.end & chosen),
                unit.steps.end_bank.eq(steps.end_bank),
            ]
        m.d.comb += [
            steps.may_end.eq(Mux(self.gradient, gradients.steps.may_end, accumulators.steps.may_end)),
            steps.hold.eq(Mux(self.gradient, gradients.steps.hold, accumulators.steps.hold)),
            accumulators.sums.read.eq(self.sums.read),
            accumulators.sums.bank.eq(self.sums.bank),
            accumulators.sums.slot.eq(self.sums.slot),
            accumulators.sums.release.eq(self.sums.release),
            gradients.release.eq(self.sums.release),
            self.sums.full.eq(Mux(self.gradient, gradients.full, accumulators.sums.full)),
            self.sums.sums.eq(accumulators.sums.sums),
            accumulators.codes.eq(gradients.codes),
        ]
        for lane in range(config.lanes):
            m.d.comb += [
                gradients.addend[lane].eq(accumulators.addend[lane]),
                gradients.carry[lane].eq(accumulators.carry[lane]),
            ]
        self._connect_entries(m, stream, gradients, counters, places)
        return m

    def _connect_entries(self, m: Module, stream: Any, gradients: Any, counters: Any, places: Any) -> None:
        """What the update sees and writes of an entry."""
        entries = self.entries
        for unit in (stream, gradients, counters, places):
            m.d.comb += [unit.look.eq(entries.look), unit.look_entry.eq(entries.entry)]
        # Nobody reads them in pairs.
        m.d.comb += counters.address.eq(entries.entry[1:])
        held = layout(counter_record())(counters.word)
        new = Signal(layout(counter_record()))
        m.d.comb += [
            new.kept.eq(1),
            new.counter.eq(entries.new_counter),
            entries.code.eq(stream.word),
            entries.kept.eq(held.kept),
            entries.counter.eq(held.counter),
            entries.gradient.eq(gradients.gradient),
            entries.place.eq(places.word),
            stream.write.eq(entries.put_code),
            stream.write_entry.eq(entries.put_entry),
            stream.write_word.eq(entries.new_code),
            counters.write.eq(entries.put_counter),
            counters.write_entry.eq(entries.put_entry),
            counters.write_word.eq(new),
            gradients.clear.eq(entries.put_counter),
            gradients.clear_entry.eq(entries.put_entry),
        ]
