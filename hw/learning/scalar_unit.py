"""What the controller computes with two words."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.controller import (
    DOT_BITS,
    IMMEDIATE_BITS,
    SHIFT_LARGEST,
    WALK_SHIFT_BITS,
    WORD_BITS,
    Operation,
)
from golden.spec.learning import ERROR_RANDOM_BITS, INT8_LARGEST, SCALE_LARGE
from hw.learning.map_rounder import beyond
from hw.learning.operations import EVENS, FRACTIONS, STOCHASTICS, UPS
from hw.learning.scalar_shifter import ScalarShifter
from hw.lightnorm.exponents import leading_one

_SHIFTS = (*EVENS, *UPS, Operation.FLOOR, Operation.STICKY, Operation.TERMS)
_COMPARED = (
    Operation.SUBTRACT,
    Operation.EQUAL,
    Operation.UNEQUAL,
    Operation.LESS,
    Operation.MINIMUM,
    Operation.MAXIMUM,
    Operation.CLAMP,
)
"""They begin with a difference."""
_TARGETS = (Operation.EQUAL, Operation.UNEQUAL, Operation.LESS, Operation.ISSUE, Operation.BESIDE)
"""Their immediate is no part of an operand."""


class ScalarUnit(wiring.Component):
    """Holds the operands of an instruction, and has one adder for all but AND, HIGH and LENGTH: what a
    minimum or a shift leaves in the operands is added in the last cycle.

    Golden: `golden.machine.controller`.  Latency: `result` stands in the cycle `latency.CONTROLLER_WORK`
    after `take`.

    Members
    -------
    clear: In, operands become 0.  take: In, operands are taken.  operation: In, from `take` to the result.
    a_word, b_word, immediate: In, of the instruction.
    walks: In, of a walk it is.  taken: In, the sum `walked` is shifted by `shift`; where `blocked`, it is 0.
    turn: In, what was taken before, two cycles ago or more, is rounded.
    bias: In, a cycle after `turn`, is added to what LOGITS has shifted.
    step: In, cycles since the one after `take` or `turn`, 7 at most.  random: In, a byte for SHARES, ERRORS.
    a, b: Out, r[a] and B, in the first cycle after `take`; both stand still of operations that only move
    words. equal, less: Out, in the same cycle.
    saturated, large: Out, with an int8: it was beyond ±127, ±63.  result: Out.
    """

    def __init__(self) -> None:
        word = signed(WORD_BITS)
        super().__init__(
            {
                "clear": In(1),
                "take": In(1),
                "operation": In(Operation),
                "a_word": In(WORD_BITS),
                "b_word": In(WORD_BITS),
                "immediate": In(signed(IMMEDIATE_BITS)),
                "walks": In(1),
                "turn": In(1),
                "taken": In(1),
                "walked": In(word),
                "shift": In(signed(WALK_SHIFT_BITS)),
                "blocked": In(1),
                "bias": In(signed(DOT_BITS)),
                "step": In(3),
                "random": In(ERROR_RANDOM_BITS),
                "a": Out(word),
                "b": Out(word),
                "equal": Out(1),
                "less": Out(1),
                "saturated": Out(1),
                "large": Out(1),
                "result": Out(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step, a, b = self.step, self.a, self.b
        m.submodules.shifter = shifter = ScalarShifter()
        targets, subtracts, more, minus, less = (Signal() for _ in range(5))
        total = Signal(signed(WORD_BITS + 1))
        # Which operation it is, or of which kind, is known with its operands.
        kinds = {
            "and": (Operation.AND,),
            "high": (Operation.HIGH,),
            "least": (Operation.MINIMUM,),
            "most": (Operation.MAXIMUM,),
            "clamp": (Operation.CLAMP,),
            "shift": _SHIFTS,
            "fraction": FRACTIONS,
            "draws": STOCHASTICS,
            "length": (Operation.LENGTH,),
            "biased": (Operation.LOGITS,),
        }
        is_ = {name: Signal(name=f"is_{name}") for name in kinds}
        m.d.comb += [
            targets.eq(self._is(_TARGETS)),
            # r[a] of LENGTH counts as zero, so this is |B|.
            subtracts.eq(minus | (is_["length"] & b[-1])),
            total.eq(a + Mux(subtracts, ~b, b) + (subtracts | more)),
            self.equal.eq(a == b),
            self.less.eq(total[-1]),
            shifter.start.eq(Mux(self.walks, self.taken, step == 0)),
            shifter.operation.eq(self.operation),
            shifter.word.eq(Mux(self.walks, self.walked, a)),
            # So far to the right nothing is left.
            shifter.distance.eq(Mux(self.walks, Mux(self.blocked, -SHIFT_LARGEST, self.shift), b)),
            self.result.eq(total),
        ]

        with m.If(is_["and"]):
            m.d.comb += self.result.eq(a & b)
        with m.If(is_["high"]):
            m.d.comb += self.result.eq(Cat(b[:16], a))
        with m.If((is_["least"] | is_["most"]) & (step == 0)):
            m.d.sync += minus.eq(0)
            # The other one becomes zero.
            with m.If(self.less ^ is_["most"]):
                m.d.sync += b.eq(0)
            with m.Else():
                m.d.sync += a.eq(0)
        with m.If(is_["clamp"]):
            with m.If(step == 0):
                m.d.sync += [less.eq(self.less), minus.eq(0)]
            with m.Elif(step == 1):
                below = total[-1]
                m.d.sync += minus.eq(below)
                with m.If(below | ~less):
                    m.d.sync += a.eq(0)
                with m.Else():
                    m.d.sync += b.eq(0)
        with m.If(is_["biased"] & (step == 0)):
            m.d.sync += b.eq(self.bias)
        # A fraction is known, then it is cut: half a unit where the unit above is odd, else one less; at last
        # it saturates, and what is above its sign says the same.
        nearest = Cat((~total[ERROR_RANDOM_BITS]).replicate(ERROR_RANDOM_BITS - 1), total[ERROR_RANDOM_BITS])
        m.d.comb += [self.saturated.eq(beyond(a, INT8_LARGEST)), self.large.eq(beyond(a, SCALE_LARGE))]
        with m.If(is_["fraction"]):
            with m.If(step == 0):
                m.d.sync += b.eq(Mux(is_["draws"], self.random, nearest))
            with m.If(step == 1):
                m.d.sync += a.eq(total >> ERROR_RANDOM_BITS)
            low = INT8_LARGEST.bit_length()
            end = Cat(1, (~a[-1]).replicate(low - 1))
            m.d.comb += self.result.eq(Cat(Mux(self.saturated, end, a[:low]), a[-1]).as_signed())
        # Of a walk's only element this may be the cycle in which a fraction, of which there is none, is cut.
        with m.If(is_["shift"] & Mux(self.walks, self.turn, step == 2)):
            m.d.sync += [a.eq(shifter.o), b.eq(0), more.eq(shifter.up)]
        length = Signal(range(WORD_BITS + 1))
        m.d.sync += length.eq(leading_one(Cat(1, total[:WORD_BITS])))
        with m.If(is_["length"]):
            m.d.comb += self.result.eq(length)
        with m.If(self.take):
            m.d.sync += [
                *(is_[name].eq(self._is(operations)) for name, operations in kinds.items()),
                a.eq(Mux(self.operation == Operation.LENGTH, 0, self.a_word)),
                b.eq(self.b_word.as_signed() + Mux(targets, 0, self.immediate)),
                more.eq(0),
                minus.eq(self._is(_COMPARED)),
            ]
        with m.If(self.clear):
            m.d.sync += [a.eq(0), b.eq(0), more.eq(0)]
        return m

    def _is(self, operations: tuple[Operation, ...]) -> Value:
        """It is one of them."""
        return Cat(self.operation == operation for operation in operations).any()
