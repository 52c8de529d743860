"""Softmax of the controller: the largest logit, exponentials and their sum, shares of it."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.controller import (
    EXP_REACH,
    LOGIT_BITS,
    LOGIT_LARGEST,
    SUM_BITS,
    WALK_FIELD_BITS,
    WALK_SHIFT_BITS,
    WORD_BITS,
    data_bits,
)
from golden.spec.learning import (
    EXP_BITS,
    EXP_FRACTION,
    LOG2_E_FRACTION,
    PARAMETER_FRACTION,
)
from hw.learning.map_rounder import beyond

SHARE_BITS = EXP_BITS + 1
STEPS_SHIFT = LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION
"""From a distance times LOG2_E to its steps."""
_TURNS = latency.SHARE - latency.WALK_NUMBER
_QUOTIENT_BITS = latency.SHARE_BITS * _TURNS


class SoftmaxUnit(wiring.Component):
    """The part of LOGITS, EXPONENTIALS, SHARES and TERMS that is theirs: what a walk begins with a data word
    of an element, and what it keeps of those that it stores.

    Golden: `golden.machine.controller_walk`.  Latency: `latency.EXPONENTIAL`, `latency.SHARE`,
    `latency.WALK_NUMBER` from `turn` to `ready`.

    Members
    -------
    logits, exponentials, shares: In, which walk it is; stand still.  begin: In, a walk begins.
    turn: In, an element begins; `number` is its word in the next cycle.  step: In, cycles since that one, 7
        at most.  label: In, with `turn`: it is the label's.
    number: In, the data word whose address stood in the cycle before.
    product: In, `factor` times −LOG2_E and half a step, three cycles after `multiply`.
    multiply: Out.  factor: Out.
    table: In, address of exponentials.  looks: Out, `number` is to be the word at `place`.
    ready: Out, `value` and `shift` stand.
    stored: In, `word` is written, at `address`; of LOGITS `logit` in its place, which stands from the second
        cycle of an element's on.
    best, where: Out, of logits.  total: Out, of exponentials.
    """

    def __init__(self, config: Config) -> None:
        address = data_bits(config)
        flags = ("logits", "exponentials", "shares", "begin", "turn", "label", "stored")
        super().__init__(
            {
                **dict.fromkeys(flags, In(1)),
                "step": In(3),
                "number": In(signed(WORD_BITS)),
                "product": In(signed(WORD_BITS)),
                "multiply": Out(1),
                "factor": Out(signed(EXP_REACH.bit_length() + 1)),
                "table": In(address),
                "looks": Out(1),
                "place": Out(address),
                "ready": Out(1),
                "value": Out(signed(SHARE_BITS + 1)),
                "shift": Out(signed(WALK_SHIFT_BITS)),
                "word": In(signed(WORD_BITS)),
                "address": In(address),
                "logit": Out(signed(LOGIT_BITS)),
                "best": Out(signed(LOGIT_BITS)),
                "where": Out(WALK_FIELD_BITS),
                "total": Out(SUM_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # A number is taken in the cycle behind the turn, of LOGITS the word that is to be stored.
        number = self.logit
        large, sign = beyond(self.word, LOGIT_LARGEST), self.word[-1]
        end = Cat(1, (~sign).replicate(LOGIT_BITS - 2))
        logit = Cat(Mux(large, end, self.word[: LOGIT_BITS - 1]), sign).as_signed()
        with m.If(self.step == 0):
            m.d.sync += number.eq(Mux(self.logits, logit, self.number))
        distance = Signal(signed(LOGIT_BITS + 1))
        m.d.comb += distance.eq(self.best - number)
        with m.If(self.stored & self.logits & distance[-1]):
            m.d.sync += [self.best.eq(self.logit), self.where.eq(self.address)]
        with m.If(self.stored & self.exponentials):
            m.d.sync += self.total.eq(self.total + self.word[:SHARE_BITS])
        with m.If(self.begin & self.logits):
            m.d.sync += [self.best.eq(Const(-LOGIT_LARGEST - 1, signed(LOGIT_BITS))), self.where.eq(0)]
        with m.If(self.begin & self.exponentials):
            m.d.sync += self.total.eq(0)

        # A distance into steps, whose lowest bits are an address.
        low = EXP_REACH.bit_length() - 1
        far = distance[low:].any()
        m.d.comb += [
            self.multiply.eq(self.exponentials & (self.step == 1)),
            self.factor.eq(Mux(far, EXP_REACH, distance[:low])),
            self.looks.eq(self.exponentials & (self.step >= 4) & ~self.turn),
        ]
        with m.If(self.step == 3):
            steps = self.product[STEPS_SHIFT:]
            m.d.sync += [
                self.place.eq(self.table + steps[:EXP_FRACTION]),
                self.shift.eq(steps[EXP_FRACTION:]),
            ]

        # Dividend and quotient share a register: a bit of the one leaves where one of the other comes. What
        # is left of the dividend has not been compared yet.
        rest, shared = Signal(SUM_BITS + 1), Signal(_QUOTIENT_BITS)
        left, label = Signal(range(_TURNS + 1)), Signal()
        quotient, after = [], rest
        for place in range(latency.SHARE_BITS):
            less = Signal(signed(SUM_BITS + 2), name=f"less{place}")
            m.d.comb += less.eq(after - self.total)
            quotient.append(~less[-1])
            kept = Mux(less[-1], after[:SUM_BITS], less[:SUM_BITS])
            after = Cat(shared[-1 - place], kept)
        begun = self.number[:SHARE_BITS].as_unsigned() + self.total[SHARE_BITS:]
        with m.If(self.step == 0):
            half = self.total[1:SHARE_BITS]
            m.d.sync += [
                rest.eq(begun[1:]),
                shared.eq(Cat(Const(0, _QUOTIENT_BITS - SHARE_BITS), half, begun[0])),
                left.eq(_TURNS),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                rest.eq(after),
                shared.eq(Cat(*reversed(quotient), shared)),
                left.eq(left - 1),
            ]
        with m.If(self.turn):
            m.d.sync += label.eq(self.label)
        # One less, of 2^EXP_BITS.
        top = shared[EXP_BITS]
        share = Cat(shared[:EXP_BITS], top ^ label, label & ~top)

        with m.If(self.exponentials):
            m.d.comb += [self.ready.eq(self.step >= latency.EXPONENTIAL - 1), self.value.eq(self.number)]
        with m.Elif(self.shares):
            m.d.comb += [self.ready.eq((left == 0) & (self.step != 0)), self.value.eq(share.as_signed())]
        with m.Else():
            m.d.comb += [self.ready.eq(self.step != 0), self.value.eq(number)]
        return m
