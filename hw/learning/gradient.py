"""The gradient of an engine's entries: rows times error codes, summed over lanes and jobs."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.learning import GRADIENT_BITS
from golden.spec.memories import entry_bits, log2
from hw.engine.shift_add import ADDEND_BITS
from hw.engine.steps import steps_signature
from hw.interfaces import errors_signature
from hw.learning.lane_tree import LaneTree
from hw.parts.delay import delayed
from hw.parts.memory import UNORDERED


class GradientUnit(wiring.Component):
    """Holds error codes for two jobs, one a lane and slot, and a word of GRADIENT_BITS for each entry.

    A step of a gradient pass adds Σ lanes ±row·2^e to the word of its entry, e and sign those of the lane's
    error code in the step's slot and bank.  Golden: `golden.learning.backward`.  Latency: a step's word is
    written `latency.gradient(lanes)` cycles after it.  Throughput: one step per cycle; the same entry again
    only after `latency.GRADIENT_TURN` cycles.

    Members
    -------
    start: In, a gradient pass begins: both banks wait for codes.
    steps: from the stream, of a gradient pass. may_end always stands, as END waits for nothing; hold does
    while the bank of the job under way waits for its codes.
    full, release: as in `sums_signature`, of a gradient pass.  errors: from the drain.
    codes: Out, of all lanes, a cycle after the step.  addend, carry: In, what the lanes make of them two
    cycles later.
    look, look_entry: In, the word of an entry is wanted, not in a pass.  gradient: Out, it, a cycle later.
    clear, clear_entry: In, the word of an entry becomes 0, not in a pass.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        entry = entry_bits(config)
        super().__init__(
            {
                "start": In(1),
                "steps": In(steps_signature(config)),
                "full": Out(2),
                "release": In(2),
                "errors": In(errors_signature(config)),
                "codes": Out(config.lanes * formats.CODE_BITS),
                "addend": In(signed(ADDEND_BITS)).array(config.lanes),
                "carry": In(1).array(config.lanes),
                "look": In(1),
                "look_entry": In(entry),
                "gradient": Out(signed(GRADIENT_BITS)),
                "clear": In(1),
                "clear_entry": In(entry),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, steps = self._config, self.steps

        # A bank is full from its job's END, behind the last step that reads its codes, until new ones are in.
        m.d.comb += [steps.may_end.eq(1), steps.hold.eq(self.full.bit_select(steps.end_bank, 1))]
        for bank in range(2):
            with m.If(self.release[bank]):
                m.d.sync += self.full[bank].eq(0)
            with m.Elif(steps.end & (steps.end_bank == bank)):
                m.d.sync += self.full[bank].eq(1)
        with m.If(self.start):
            m.d.sync += self.full.eq(0b11)

        # Error codes, read a cycle after the step.
        width = config.basis * formats.CODE_BITS
        slices = config.lanes // config.basis
        m.submodules.errors = ram = memory.Memory(
            shape=config.lanes * formats.CODE_BITS, depth=2 * config.accumulators, init=[]
        )
        write, read = ram.write_port(granularity=width), ram.read_port(domain="comb")
        m.d.sync += [
            write.addr.eq(Cat(self.errors.slot, self.errors.bank)),
            write.data.eq(self.errors.codes.replicate(slices)),
            read.addr.eq(Cat(steps.step.slot, steps.step.bank)),
            *(write.en[n].eq(self.errors.valid & (self.errors.slice == n)) for n in range(slices)),
        ]
        m.d.comb += self.codes.eq(read.data)

        # The lanes' sum comes to the word of its entry when that is read.
        m.submodules.tree = tree = LaneTree(config)
        for lane in range(config.lanes):
            m.d.comb += [tree.addend[lane].eq(self.addend[lane]), tree.carry[lane].eq(self.carry[lane])]
        before = 2 + log2(config.lanes)
        entries = delayed(m, steps.step.entry, before + 2, "entry")
        valids = delayed(m, steps.valid, before + 2, "valid")
        m.submodules.words = words = memory.Memory(
            shape=GRADIENT_BITS, depth=2 * config.coefficient_words, init=[], attrs=UNORDERED
        )
        put, word = words.write_port(), words.read_port()
        total = Signal(signed(GRADIENT_BITS))
        # Zero where no step is: that is what a clear writes.
        m.d.sync += total.eq(0)
        with m.If(valids[before + 1]):
            m.d.sync += total.eq(word.data.as_signed() + tree.sum + tree.rest)
        m.d.comb += [
            word.addr.eq(Mux(self.look, self.look_entry, entries[before])),
            self.gradient.eq(word.data),
            put.addr.eq(Mux(self.clear, self.clear_entry, entries[before + 2])),
            put.data.eq(total),
            put.en.eq(self.clear | valids[before + 2]),
        ]
        return m
