"""The shift-adders of an engine with their partial sums, in two banks."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.config import Config
from hw.engine.datapath import datapath
from hw.engine.steps import step_layout, steps_signature
from hw.interfaces import bytes_signature, sums_signature
from hw.parts.delay import delayed


class Accumulators(wiring.Component):
    """`lanes` shift-adders, each with two banks of `accumulators` partial sums.

    Golden: `golden.machine`.  Latency: `latency.ACCUMULATE` cycles.  Throughput: one step or read per cycle.

    The memory of sums has one read port. A read by the drain takes the place of a step, which the
    stream leaves free, and goes the same way; so it sees every step before it.

    A partial sum that no step of the job has touched reads as zero, so nothing is ever cleared
    word by word.

    Members
    -------
    start: In, both banks are empty.
    steps: from the stream.  rows: to the row window, one cycle after the step.
    sums: from the drain.  steps.hold stands one cycle after a read.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(self._members())

    def _members(self) -> dict[str, wiring.Member]:
        return {
            "start": In(1),
            "steps": In(steps_signature(self._config)),
            "rows": Out(bytes_signature(self._config)),
            "sums": In(sums_signature(self._config)),
        }

    def _addends(self, m: Module) -> wiring.Component:
        """What the lanes add: a component of `addends_signature`."""
        return datapath(self._config).addends(self._config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = config.accumulator_bits
        steps, drain = self.steps, self.sums
        depth = 2 * config.accumulators

        # 1: the row is read. A read of the drain is one cycle further from its source.
        step1 = Signal(step_layout(config))
        valid1 = Signal()
        read1 = Signal()
        drain0 = Signal(range(depth))
        drain1 = Signal(range(depth))
        m.d.sync += [
            step1.eq(steps.step),
            valid1.eq(steps.valid),
            steps.hold.eq(drain.read),
            drain0.eq(Cat(drain.slot, drain.bank)),
            read1.eq(steps.hold),
            drain1.eq(drain0),
        ]
        m.d.comb += self.rows.place.eq(step1.place)

        # 2: it is shifted; the sum is looked up in the list of those in use.
        place2 = Signal(range(depth))
        row2 = Signal(config.lanes * 8, reset_less=True)
        valid2 = Signal()
        read2 = Signal()
        m.d.sync += [
            place2.eq(Mux(read1, drain1, Cat(step1.slot, step1.bank))),
            row2.eq(self.rows.bytes),
            valid2.eq(valid1),
            read2.eq(read1),
        ]
        used = Signal(depth)
        place3 = Signal(range(depth))
        valid3 = Signal()
        read3 = Signal()
        known3 = Signal()
        m.d.sync += [
            place3.eq(place2),
            valid3.eq(valid2),
            read3.eq(read2),
            known3.eq(used.bit_select(place2, 1)),
        ]
        with m.If(valid2):
            m.d.sync += used.bit_select(place2, 1).eq(1)

        # 3: added, or read.
        sums = memory.Memory(shape=config.lanes * bits, depth=depth, init=[])
        m.submodules.sums = sums
        write = sums.write_port()
        old = sums.read_port(domain="comb")
        new = Signal(config.lanes * bits)
        m.d.comb += [
            old.addr.eq(place3),
            write.addr.eq(place3),
            write.en.eq(valid3),
            write.data.eq(new),
        ]
        m.submodules.addends = addends = self._addends(m)
        m.d.comb += [addends.step.eq(step1), addends.row.eq(row2)]
        for lane, (addend, carry) in enumerate(zip(addends.addend, addends.carry, strict=True)):
            before = Mux(known3, old.data.word_select(lane, bits), 0)
            m.d.comb += new.word_select(lane, bits).eq(before + addend + carry)
        # Without a read it is zero a cycle later, after a reset too.
        shown = Signal(config.lanes * bits, reset_less=True)
        m.d.sync += shown.eq(Mux(read3 & known3, old.data, 0))
        m.d.comb += drain.sums.eq(shown)

        # A job's end follows its last step down the pipeline, a release its last read.
        now_ends = Cat(steps.end & (steps.end_bank == bank) for bank in range(2))
        ends = delayed(m, now_ends, latency.ACCUMULATE, "end")[-1]
        drained = delayed(m, drain.release, latency.ACCUMULATE, "drained")[-1]
        # Per bank: it waits for the drain. Of the next cycle: a job that has just ended waits, too.
        waits = Signal(2)
        other = (waits & ~drain.release).bit_select(~steps.end_bank, 1)
        m.d.sync += steps.may_end.eq(~steps.end & ~other)
        for bank in range(2):
            with m.If(steps.end & (steps.end_bank == bank)):
                m.d.sync += waits[bank].eq(1)
            with m.If(ends[bank]):
                m.d.sync += drain.full[bank].eq(1)
            with m.If(drain.release[bank]):
                m.d.sync += [waits[bank].eq(0), drain.full[bank].eq(0)]
            with m.If(drained[bank]):
                m.d.sync += used[bank * config.accumulators :][: config.accumulators].eq(0)
        with m.If(self.start):
            m.d.sync += [waits.eq(0), steps.may_end.eq(1), drain.full.eq(0), used.eq(0)]
        return m
