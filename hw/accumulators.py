"""The shift-adders of an engine with their partial sums, in two banks."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Arithmetic, Config
from golden.spec.memories import REBUILD_COLUMN, log2
from hw.products import Products
from hw.stream import step_layout

ADDEND_BITS = formats.ACTIVATION_BITS + formats.EXPONENTS
"""±x·2**p with x in −128…127 and p up to EXPONENTS − 1 fits in this many bits."""


class Accumulators(wiring.Component):
    """`lanes` shift-adders, each with two banks of `accumulators` partial sums.

    Golden: `golden.machine`.  Latency: `latency.ACCUMULATE` cycles.  Throughput: one step or read per cycle.

    The memory of sums has one read port. A read by the drain takes the place of a step, which the
    stream leaves free, and goes the same way; so it sees every step before it.

    A partial sum that no step of the job has touched reads as zero, so nothing is ever cleared
    word by word.

    Members
    -------
    step, step_valid: In, from the coefficient stream; `row` is the row of `place` one cycle later.
    column: In, arithmetic rebuild: the basis that goes with the step before.
    place: Out, the row to read from the window.  row: In, its bytes, combinationally.
    end, end_bank: In, the job in that bank has got its last step.
    start: In, both banks are empty.
    busy: Out, per bank: its job has ended and is not drained.  full: Out, per bank: its sums stand.
    release: In, per bank, it has been drained; the last read may come in the same cycle.
    drain_read, drain_bank, drain_slot: In, read that partial sum.
    hold: Out, one cycle after `drain_read`: there must be no step in this cycle.
    sums: Out, `lanes` sums `latency.SUM_READ` cycles after `drain_read`, else zero.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        slot = log2(config.accumulators)
        super().__init__(
            {
                "step": In(step_layout(config)),
                "step_valid": In(1),
                "column": In(REBUILD_COLUMN.bits),
                "place": Out(log2(config.window)),
                "row": In(config.lanes * 8),
                "end": In(1),
                "end_bank": In(1),
                "start": In(1),
                "busy": Out(2),
                "full": Out(2),
                "release": In(2),
                "drain_read": In(1),
                "drain_bank": In(1),
                "drain_slot": In(slot),
                "hold": Out(1),
                "sums": Out(config.lanes * config.accumulator_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = config.accumulator_bits
        depth = 2 * config.accumulators

        # 1: the row is read. A read of the drain is one cycle further from its source.
        step1 = Signal(step_layout(config))
        valid1 = Signal()
        read1 = Signal()
        drain0 = Signal(range(depth))
        drain1 = Signal(range(depth))
        m.d.sync += [
            step1.eq(self.step),
            valid1.eq(self.step_valid),
            self.hold.eq(self.drain_read),
            drain0.eq(Cat(self.drain_slot, self.drain_bank)),
            read1.eq(self.hold),
            drain1.eq(drain0),
        ]
        m.d.comb += self.place.eq(step1.place)

        # 2: it is shifted; the sum is looked up in the list of those in use.
        place2 = Signal(range(depth))
        code2 = Signal(formats.CODE_BITS)
        row2 = Signal(config.lanes * 8)
        valid2 = Signal()
        read2 = Signal()
        m.d.sync += [
            place2.eq(Mux(read1, drain1, Cat(step1.slot, step1.bank))),
            code2.eq(step1.operand),
            row2.eq(self.row),
            valid2.eq(valid1),
            read2.eq(read1),
        ]
        used = Signal(depth)
        place3 = Signal(range(depth))
        valid3 = Signal()
        read3 = Signal()
        known3 = Signal()
        negative3 = Signal()
        m.d.sync += [
            place3.eq(place2),
            valid3.eq(valid2),
            read3.eq(read2),
            known3.eq(used.bit_select(place2, 1)),
            negative3.eq(code2[3]),
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
        if config.arithmetic == Arithmetic.SHIFT_ADD:
            addends = self._shifted(m, row2, code2, negative3)
        else:
            m.submodules.products = products = Products(config)
            m.d.comb += [products.operand.eq(step1.operand), products.column.eq(self.column)]
            m.d.comb += products.row.eq(row2)
            addends = list(zip(products.addend, products.carry, strict=True))
        for lane, (addend, carry) in enumerate(addends):
            before = Mux(known3, old.data.word_select(lane, bits), 0)
            m.d.comb += new.word_select(lane, bits).eq(before + addend + carry)
        m.d.sync += self.sums.eq(0)
        with m.If(read3 & known3):
            m.d.sync += self.sums.eq(old.data)

        # A job's end follows its last step down the pipeline, a release its last read.
        ends = Cat(self.end & (self.end_bank == bank) for bank in range(2))
        for stage in range(latency.ACCUMULATE):
            later = Signal(2, name=f"end{stage + 1}")
            m.d.sync += later.eq(ends)
            ends = later
        drained = self.release
        for stage in range(latency.ACCUMULATE):
            later = Signal(2, name=f"drained{stage + 1}")
            m.d.sync += later.eq(drained)
            drained = later
        for bank in range(2):
            with m.If(self.end & (self.end_bank == bank)):
                m.d.sync += self.busy[bank].eq(1)
            with m.If(ends[bank]):
                m.d.sync += self.full[bank].eq(1)
            with m.If(self.release[bank]):
                m.d.sync += [self.busy[bank].eq(0), self.full[bank].eq(0)]
            with m.If(drained[bank]):
                m.d.sync += used[bank * config.accumulators :][: config.accumulators].eq(0)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(0), self.full.eq(0), used.eq(0)]
        return m

    def _shifted(self, m: Module, row: Signal, code: Signal, negative: Signal) -> list[tuple[Value, Value]]:
        """For each lane what is added in the next cycle, and its carry: ±pixel·2**p."""
        addends = []
        for lane in range(self._config.lanes):
            shifted = Signal(signed(ADDEND_BITS), name=f"shifted{lane}")
            pixel = row.word_select(lane, 8).as_signed()
            m.d.sync += shifted.eq(pixel << code[:3])
            addends.append((shifted ^ negative.replicate(ADDEND_BITS).as_signed(), negative))
        return addends
