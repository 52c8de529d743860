"""The controller: a processor for what a step has once."""

from collections.abc import Iterable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
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
from golden.spec.formats import ACTIVATION_BITS
from golden.spec.learning import INT8_LARGEST, LOG2_E
from golden.spec.memories import Memory
from hw.interfaces import access_signature, load_signature
from hw.learning.dot_unit import DotUnit
from hw.learning.element_walk import ElementWalk
from hw.learning.feature_buffer import FeatureBuffer
from hw.learning.operations import (
    ELSEWHERE,
    ERRORS,
    FRACTIONS,
    NUMBERS,
    STOCHASTICS,
    SUMS,
    TOTALS,
    WAITS,
    WALKS,
    WITHOUT,
)
from hw.learning.ports import data_signature, issue_layout, parameter_signature
from hw.learning.scalar_registers import NUMBER_BITS, ScalarRegisters
from hw.learning.scalar_term import ScalarTerm
from hw.learning.scalar_unit import ScalarUnit
from hw.learning.scale_counts import ScaleCounts
from hw.learning.softmax_unit import SoftmaxUnit
from hw.learning.state_memory import StateMemory
from hw.lightnorm.peak import joined
from hw.parts.layouts import layout
from hw.parts.lfsr import HALF_WORD, Lfsr
from hw.parts.memory import LoadedMemory

RANDOM_BITS = 16


def saturated(value: Value, bits: int) -> Value:
    """The nearest number of so many bits, with sign."""
    sign = value[-1]
    near = Mux(sign, value[bits - 1 :].all(), ~value[bits - 1 :].any())
    return Cat(Mux(near, value[: bits - 1], ~sign.replicate(bits - 1)), sign).as_signed()


def wide(value: Value) -> Value:
    """A word of that value."""
    word = Const(0, signed(WORD_BITS) if value.shape().signed else WORD_BITS)
    return (value | word)[:WORD_BITS]


class Controller(wiring.Component):
    """Carries out one instruction after the other: its operands are taken in the first cycle, while the
    memory of the program reads the next instruction, which begins when this one is done.

    Golden: `golden.machine.controller`.  Latency: `latency.CONTROLLER_BEGIN` cycles from `go` to the first
    instruction.  Throughput: `latency.controller` has the cycles of each. STORE, DOT and COPY wait where a
    number is reported, FETCH and WRITE for a grant, ISSUE and WAIT for the command before, STOP likewise.

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
        m.submodules.walk = walk = ElementWalk(config)
        m.submodules.softmax = softmax = SoftmaxUnit(config)
        m.submodules.terms = terms = ScalarTerm()
        m.submodules.counts = counts = ScaleCounts()
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
        # Which operation it is, and of which kind, is known from the second cycle on.
        is_ = {operation: Signal(name=f"is_{operation.name.lower()}") for operation in Operation}
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
                        target = Mux(is_[Operation.CALL], unit.b, now.immediate)
                        m.d.sync += following.eq(target)
                        m.next = "FETCH"
                    with m.If(is_[Operation.STOP]):
                        m.next = "IDLE"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)

        # Words: registers into operands, in the first cycle; afterwards the port of the first reads r[d].
        first, later = works & (step == 0), works & (step != 0)
        result = Signal(WORD_BITS)
        kinds = {name: Signal(name=name) for name in ("writes", "fixed", "of_dot", "of_unit")}
        last_step = Signal.like(step)

        def is_of(operations: Iterable[Operation]) -> Value:
            return Cat(now.operation == operation for operation in operations).any()

        with m.If(decodes):
            m.d.sync += [
                *(signal.eq(now.operation == operation) for operation, signal in is_.items()),
                kinds["writes"].eq(~is_of(WITHOUT) & (now.d != 0)),
                kinds["fixed"].eq(is_of(set(Operation) - set(WAITS))),
                kinds["of_dot"].eq(is_of(TOTALS)),
                kinds["of_unit"].eq(is_of(set(Operation) - set(TOTALS) - set(ELSEWHERE))),
                last_step.eq(0),
            ]
            with m.Switch(now.operation):
                for operation, cycles in latency.CONTROLLER_WORK.items():
                    with m.Case(operation):
                        m.d.sync += last_step.eq(cycles - 1)
        drawn, again = Signal(), Signal()
        sums = Cat(is_[it] for it in SUMS).any()
        draws = Cat(is_[it] for it in (*STOCHASTICS, Operation.TERMS)).any()
        m.d.comb += [
            registers.a.eq(Mux(decodes, now.a, now.d)),
            registers.b.eq(now.b),
            registers.put.eq(clears | (works & done & kinds["writes"])),
            registers.number.eq(Mux(clears, cleared, now.d)),
            registers.word.eq(result),
            unit.clear.eq(self.go),
            unit.take.eq(decodes),
            unit.operation.eq(now.operation),
            unit.a_word.eq(registers.a_word),
            unit.b_word.eq(registers.b_word),
            unit.immediate.eq(now.immediate),
            unit.step.eq(Mux(walk.walks, walk.step, step)),
            unit.random.eq(numbers.bits),
            dot.clear.eq(self.go),
            dot.multiply.eq((first & is_[Operation.MULTIPLY]) | (walk.walks & softmax.multiply)),
            dot.half.eq(softmax.exponentials),
            dot.copies.eq(is_[Operation.COPY]),
            dot.strides.eq(first & is_[Operation.STRIDES]),
            dot.start.eq(
                (first & (is_[Operation.DOT] | is_[Operation.COPY])) | (walk.turns & walk.starts & sums)
            ),
            dot.begin.eq(walk.taken & ~walk.numbers),
            dot.packed.eq(walk.walks & ~walk.numbers),
            dot.again.eq(walk.walks & ~walk.leading),
            dot.third.eq(registers.a_word),
            dot.a.eq(Mux(walk.walks, Mux(walk.numbers, softmax.factor, walk.source), unit.a)),
            dot.b.eq(Mux(walk.walks, Mux(walk.numbers, -LOG2_E, walk.factors), unit.b)),
            dot.byte.eq(buffer.sum),
            dot.grant.eq(state.grant),
            Cat(dot.words).eq(Cat(state.words)),
            state.put.eq((works & is_[Operation.STORE]) | walk.put | dot.put),
            state.holds.eq(dot.holds),
            state.word.eq(
                Mux(
                    walk.walks,
                    Mux(walk.logits, softmax.logit, walk.word),
                    Mux(dot.copies, state.words[0], unit.a),
                )
            ),
        ]
        # A walk reads at one port, and writes at the other.
        read = Mux(softmax.looks, softmax.place, walk.source)
        read = Mux(walk.logits, walk.address, Mux(walk.numbers, read, walk.place))
        for address, of_dot, of_walk in zip(state.addresses, dot.addresses, (read, walk.place), strict=True):
            alone = Mux(walk.walks, of_walk, unit.b)
            m.d.comb += address.eq(Mux(dot.asks | dot.copies, of_dot, alone))

        # Of many elements: sums of the units above, rounded by the one of single numbers.
        lowest = state.words[0][:ACTIVATION_BITS].as_signed()
        blocked = Signal()
        m.d.comb += [
            walk.clear.eq(self.go),
            walk.set.eq(first & is_[Operation.WALK]),
            walk.begin.eq(first & Cat(is_[it] for it in WALKS).any()),
            walk.pools.eq(is_[Operation.POOL]),
            walk.logits.eq(is_[Operation.LOGITS]),
            walk.numbers.eq(Cat(is_[it] for it in NUMBERS).any()),
            walk.terms.eq(is_[Operation.TERMS]),
            walk.errors.eq(Cat(is_[it] for it in ERRORS).any()),
            walk.third.eq(registers.a_word),
            walk.a.eq(unit.a),
            walk.b.eq(unit.b),
            walk.ready.eq(Mux(walk.numbers, softmax.ready, ~dot.asks)),
            walk.result.eq(Mux(walk.terms, terms.term, unit.result)),
            walk.granted.eq(state.grant),
            walk.asks.eq(dot.asks),
            walk.moved.eq(buffer.done),
            unit.walks.eq(walk.walks),
            unit.turn.eq(walk.turns),
            unit.taken.eq(walk.taken),
            unit.walked.eq(Mux(walk.numbers, softmax.value, dot.total)),
            unit.shift.eq(Mux(softmax.exponentials, softmax.shift, walk.shift)),
            unit.bias.eq(state.words[0]),
            unit.blocked.eq(blocked),
        ]
        # The word at the place of a sum that begins to be shifted stands in the cycle behind the turn.
        m.d.sync += blocked.eq(walk.errors & ((lowest == INT8_LARGEST) | (lowest == -INT8_LARGEST)))
        m.d.comb += [
            softmax.logits.eq(walk.logits),
            softmax.exponentials.eq(is_[Operation.EXPONENTIALS]),
            softmax.shares.eq(is_[Operation.SHARES]),
            softmax.begin.eq(walk.begin),
            softmax.turn.eq(walk.turns),
            softmax.step.eq(walk.step),
            softmax.label.eq(walk.source == walk.address),
            softmax.number.eq(state.words[0]),
            softmax.product.eq(dot.total),
            softmax.table.eq(walk.address),
            softmax.stored.eq(walk.put & state.grant),
            softmax.word.eq(walk.word),
            softmax.address.eq(walk.place),
        ]
        # A sum of bytes is added a cycle later.
        m.d.sync += dot.bytes.eq(walk.works & walk.pools)
        m.d.comb += [
            buffer.clear.eq(self.go),
            buffer.fetch.eq((works & is_[Operation.FETCH]) | walk.fetch),
            buffer.write.eq((works & is_[Operation.WRITE]) | walk.write),
            buffer.address.eq(Mux(walk.walks, walk.address, unit.b)),
            buffer.lane.eq(unit.b),
            buffer.put.eq(first & is_[Operation.PUT]),
            buffer.first.eq(walk.first),
            buffer.end.eq(walk.end),
            buffer.spread.eq(walk.works & walk.errors),
            buffer.relu.eq(is_[Operation.ERRORS_RELU]),
            buffer.value.eq(Mux(walk.walks, walk.word, unit.a)),
        ]

        # Errors as powers of two; what is rounded to int8 is counted.
        m.d.comb += [
            terms.error.eq(unit.a),
            terms.random.eq(numbers.bits),
            counts.clear.eq(self.go | (works & is_[Operation.COUNTS])),
            counts.valid.eq(walk.turns & walk.rounded & Cat(is_[it] for it in FRACTIONS).any()),
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
            drawn.eq((works & done & is_[Operation.RANDOM]) | (walk.drawn & draws)),
            numbers.step.eq(drawn | again),
        ]
        m.d.sync += again.eq(drawn)

        # What comes of it, and when.
        waits = {
            Operation.DOT: later & dot.final,
            Operation.COPY: later & dot.final,
            Operation.STORE: state.grant,
            Operation.FETCH: buffer.done,
            Operation.WRITE: buffer.done,
            Operation.ISSUE: self.issue.ready,
            Operation.BESIDE: self.issue.ready,
            Operation.WAIT: self.quiet,
            Operation.STOP: self.quiet,
        }
        assert {*waits, *WALKS} == set(WAITS)
        ends = [
            kinds["fixed"] & (step == last_step),
            walk.done,
            *(is_[operation] & end for operation, end in waits.items()),
        ]
        found = {
            Operation.LOAD: state.words[0],
            Operation.RANDOM: numbers.bits[:RANDOM_BITS] & unit.b[:RANDOM_BITS],
            Operation.CALL: following,
            Operation.BYTE: buffer.byte,
            Operation.COUNTS: counts.both,
            Operation.LOGITS: Cat(softmax.where, softmax.best).as_signed(),
            Operation.EXPONENTIALS: softmax.total,
        }
        assert set(found) == set(ELSEWHERE)
        results = [
            (kinds["of_unit"], unit.result),
            (kinds["of_dot"], dot.total),
            *((is_[operation], value) for operation, value in found.items()),
        ]
        m.d.comb += [
            done.eq(Cat(ends).any()),
            jumps.eq(
                is_[Operation.CALL]
                | Mux(unit.equal, is_[Operation.EQUAL], is_[Operation.UNEQUAL])
                | (is_[Operation.LESS] & unit.less)
            ),
            result.eq(joined([wide(value) & flag.replicate(WORD_BITS) for flag, value in results])),
        ]
        return m
