"""The controller: a processor for what a step has once."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.commands import SHIFT_BITS
from golden.spec.config import Config
from golden.spec.controller import (
    REGISTERS,
    WORD_BITS,
    Operation,
    instruction_record,
    program_bits,
)
from golden.spec.memories import Memory, log2
from hw.interfaces import access_signature, load_signature
from hw.learning.dot_unit import DotUnit
from hw.learning.feature_buffer import FeatureBuffer
from hw.learning.operations import DRAWS, LANES, WITHOUT
from hw.learning.ports import data_signature, issue_layout, parameter_signature
from hw.learning.scalar_registers import NUMBER_BITS, ScalarRegisters
from hw.learning.scalar_term import ScalarTerm
from hw.learning.scalar_unit import ScalarUnit
from hw.learning.scale_counts import ScaleCounts
from hw.learning.state_memory import StateMemory
from hw.parts.layouts import layout
from hw.parts.lfsr import HALF_WORD, Lfsr
from hw.parts.memory import LoadedMemory

RANDOM_BITS = 16


def saturated(value: Value, bits: int) -> Value:
    """The nearest number of so many bits, with sign."""
    sign = value[-1]
    near = Mux(sign, value[bits - 1 :].all(), ~value[bits - 1 :].any())
    return Cat(Mux(near, value[: bits - 1], ~sign.replicate(bits - 1)), sign).as_signed()


class Controller(wiring.Component):
    """Carries out one instruction after the other: its operands are taken in the first cycle, while the
    memory of the program reads the next instruction, which begins when this one is done.

    Golden: `golden.machine.controller`.  Latency: `latency.CONTROLLER_BEGIN` cycles from `go` to the first
    instruction.  Throughput: `latency.controller` has the cycles of each. STORE and DOT wait where a number
    is reported, FETCH and WRITE for a grant, ISSUE and WAIT for the command before, STOP likewise.

    Members
    -------
    load: load bus (program and data memory).
    go: In, one cycle, a run begins.  finished: Out, one cycle, it ends.
    illegal: Out, an instruction has no operation; nothing goes on until reset.
    issue: Out, stream of `issue_layout`.  quiet: In, from the cycle after an issue on 0 until all is done and
        reported.
    report: In, a number for the data memory.  features: Out, to the feature memory.
    parameter: Out, to LightNorm's parameters.
    seed, word: In, a new state for the generator of random bits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "go": In(1),
                "finished": Out(1),
                "illegal": Out(1),
                "issue": Out(stream.Signature(issue_layout(config))),
                "quiet": In(1),
                "report": In(data_signature(config)),
                "features": Out(access_signature(config)),
                "parameter": Out(parameter_signature(config)),
                "seed": In(1),
                "word": In(HALF_WORD),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        words = layout(instruction_record())
        m.submodules.program = program = LoadedMemory(config, Memory.CONTROLLER, words)
        m.submodules.registers = registers = ScalarRegisters()
        m.submodules.unit = unit = ScalarUnit()
        m.submodules.dot = dot = DotUnit(config)
        m.submodules.buffer = buffer = FeatureBuffer(config)
        m.submodules.state = state = StateMemory(config)
        m.submodules.numbers = numbers = Lfsr(HALF_WORD)
        wiring.connect(m, wiring.flipped(self.load), program.load)
        wiring.connect(m, wiring.flipped(self.load), state.load)
        wiring.connect(m, wiring.flipped(self.report), state.report)
        wiring.connect(m, buffer.features, wiring.flipped(self.features))

        # The address of the instruction that is read, and the instruction in hand.
        following = Signal(program_bits(config))
        now = Signal(words)
        decodes, works, done, jumps, clears = (
            Signal(name=name) for name in ("decodes", "works", "done", "jumps", "clears")
        )
        step, cleared = Signal(3), Signal(NUMBER_BITS)
        m.d.comb += program.address.eq(following)
        m.d.sync += step.eq(Mux(works, Mux(step.all(), step, step + 1), 0))
        with m.FSM():
            with m.State("IDLE"), m.If(self.go):
                m.d.sync += [now.eq(0), following.eq(0), cleared.eq(0)]
                m.next = "CLEAR"
            with m.State("CLEAR"):
                m.d.comb += clears.eq(1)
                m.d.sync += cleared.eq(cleared + 1)
                with m.If(cleared == REGISTERS - 1):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.sync += [now.eq(program.data), following.eq(following + 1)]
                m.next = "DECODE"
            with m.State("DECODE"):
                m.d.comb += decodes.eq(1)
                m.next = "WORK"
                with m.If(now.operation > max(Operation)):
                    m.next = "ILLEGAL"
            with m.State("WORK"):
                m.d.comb += works.eq(1)
                with m.If(done):
                    m.d.sync += [now.eq(program.data), following.eq(following + 1)]
                    m.next = "DECODE"
                    with m.If(jumps):
                        target = Mux(now.operation == Operation.CALL, unit.b, now.immediate)
                        m.d.sync += following.eq(target)
                        m.next = "FETCH"
                    with m.If(now.operation == Operation.STOP):
                        m.next = "IDLE"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)

        # Words: registers into operands, in the first cycle; afterwards the port of the first reads r[d].
        first, later = works & (step == 0), works & (step != 0)
        result = Signal(signed(WORD_BITS))
        writes = Signal()
        is_ = {operation: now.operation == operation for operation in Operation}
        draws = Cat(is_[operation] for operation in DRAWS).any()
        drawn, again = Signal(), Signal()
        m.d.comb += [
            registers.a.eq(Mux(decodes, now.a, now.d)),
            registers.b.eq(now.b),
            registers.put.eq(clears | (works & done & writes & (now.d != 0))),
            registers.number.eq(Mux(clears, cleared, now.d)),
            registers.word.eq(result),
            unit.clear.eq(self.go),
            unit.take.eq(decodes),
            unit.operation.eq(now.operation),
            unit.a_word.eq(registers.a_word),
            unit.b_word.eq(registers.b_word),
            unit.immediate.eq(now.immediate),
            unit.step.eq(step),
            unit.random.eq(numbers.bits),
            dot.clear.eq(self.go),
            dot.multiply.eq(first & is_[Operation.MULTIPLY]),
            dot.strides.eq(first & is_[Operation.STRIDES]),
            dot.start.eq(first & is_[Operation.DOT]),
            dot.begin.eq(first & is_[Operation.SUM]),
            dot.bytes.eq(later & is_[Operation.SUM]),
            dot.third.eq(registers.a_word),
            dot.a.eq(unit.a),
            dot.b.eq(unit.b),
            dot.byte.eq(buffer.sum),
            dot.grant.eq(state.grant),
            Cat(dot.words).eq(Cat(state.words)),
            state.put.eq(works & is_[Operation.STORE]),
            state.word.eq(unit.a),
        ]
        for address, of_dot in zip(state.addresses, dot.addresses, strict=True):
            m.d.comb += address.eq(Mux(dot.asks, of_dot, unit.b))
        basis = log2(config.basis)
        part, last_part = (
            Signal(range(config.lanes // config.basis), name=it) for it in ("part", "last_part")
        )
        spreads = is_[Operation.SPREAD] | is_[Operation.SPREAD_RELU]
        m.d.sync += part.eq(Mux(first, unit.a >> basis, part + 1))
        m.d.comb += [
            last_part.eq((unit.b - 1) >> basis),
            buffer.clear.eq(self.go),
            buffer.fetch.eq(works & is_[Operation.FETCH]),
            buffer.write.eq(works & is_[Operation.WRITE]),
            buffer.address.eq(unit.b),
            buffer.lane.eq(unit.b),
            buffer.put.eq(first & is_[Operation.PUT]),
            buffer.first.eq(unit.a),
            buffer.end.eq(unit.b),
            buffer.part.eq(Mux(is_[Operation.BYTE], unit.b >> basis, part)),
            buffer.spread.eq(later & spreads),
            buffer.relu.eq(is_[Operation.SPREAD_RELU]),
            buffer.value.eq(Mux(is_[Operation.PUT], unit.a, registers.a_word)),
        ]

        # Errors as powers of two; what was rounded to int8 is counted.
        rounds = is_[Operation.NEAREST] | is_[Operation.STOCHASTIC]
        m.submodules.terms = terms = ScalarTerm()
        m.submodules.counts = counts = ScaleCounts()
        m.d.comb += [
            terms.error.eq(unit.a),
            terms.random.eq(numbers.bits),
            counts.clear.eq(self.go | (works & is_[Operation.COUNTS])),
            counts.valid.eq(works & done & rounds),
            counts.saturated.eq(unit.saturated),
            counts.large.eq(unit.large),
        ]

        # Whoever else is there.
        m.d.comb += [
            self.issue.valid.eq(works & (is_[Operation.ISSUE] | is_[Operation.BESIDE])),
            self.issue.payload.beside.eq(is_[Operation.BESIDE]),
            self.issue.payload.command.eq(now.immediate),
            self.issue.payload.shift.eq(saturated(unit.a, SHIFT_BITS)),
            self.issue.payload.addend_shift.eq(saturated(unit.b, SHIFT_BITS)),
            self.parameter.valid.eq(works & is_[Operation.PARAMETER]),
            self.parameter.address.eq(unit.b),
            self.parameter.word.eq(unit.a),
            self.finished.eq(works & is_[Operation.STOP] & done),
            numbers.load.eq(self.seed),
            numbers.word.eq(self.word),
            # A number has a word of its own.
            drawn.eq(works & done & draws),
            numbers.step.eq(drawn | again),
        ]
        m.d.sync += again.eq(drawn)

        # What comes of it, and when.
        m.d.comb += [result.eq(unit.result), writes.eq(1), done.eq(1)]
        with m.Switch(now.operation):
            for operation, cycles in latency.CONTROLLER_WORK.items():
                if operation != Operation.DIVIDE:
                    with m.Case(operation):
                        m.d.comb += done.eq(step == cycles - 1)
            with m.Case(Operation.DIVIDE):
                m.d.comb += done.eq(unit.divided)
            with m.Case(Operation.DOT):
                m.d.comb += done.eq(later & dot.final)
            with m.Case(*LANES):
                m.d.comb += done.eq(later & (part == last_part))
            with m.Case(Operation.STORE):
                m.d.comb += done.eq(state.grant)
            with m.Case(Operation.FETCH, Operation.WRITE):
                m.d.comb += done.eq(buffer.done)
            with m.Case(Operation.ISSUE, Operation.BESIDE):
                m.d.comb += done.eq(self.issue.ready)
            with m.Case(Operation.WAIT, Operation.STOP):
                m.d.comb += done.eq(self.quiet)
        with m.Switch(now.operation):
            with m.Case(Operation.EQUAL):
                m.d.comb += jumps.eq(unit.equal)
            with m.Case(Operation.UNEQUAL):
                m.d.comb += jumps.eq(~unit.equal)
            with m.Case(Operation.LESS):
                m.d.comb += jumps.eq(unit.less)
            with m.Case(Operation.CALL):
                m.d.comb += jumps.eq(1)
        with m.Switch(now.operation), m.Case(*WITHOUT):
            m.d.comb += writes.eq(0)
        with m.Switch(now.operation):
            with m.Case(Operation.MULTIPLY, Operation.DOT, Operation.SUM):
                m.d.comb += result.eq(dot.total)
            with m.Case(Operation.LOAD):
                m.d.comb += result.eq(state.words[0])
            with m.Case(Operation.RANDOM):
                m.d.comb += result.eq(numbers.bits[:RANDOM_BITS] & unit.b[:RANDOM_BITS])
            with m.Case(Operation.CALL):
                m.d.comb += result.eq(following)
            with m.Case(Operation.BYTE):
                m.d.comb += result.eq(buffer.byte)
            with m.Case(Operation.TERM):
                m.d.comb += result.eq(terms.term)
            with m.Case(Operation.COUNTS):
                m.d.comb += result.eq(counts.both)
        return m
