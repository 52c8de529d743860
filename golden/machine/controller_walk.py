"""Walks of the controller: an operation on one element after the other."""

from dataclasses import dataclass
from typing import Protocol

from golden.machine.shifts import shifted, signed
from golden.numerics.lfsr import RandomWords
from golden.spec import latency, maps
from golden.spec.config import Config
from golden.spec.controller import (
    COUNT_BITS,
    DOT_BITS,
    EXP_REACH,
    LOGIT_BITS,
    LOGIT_LARGEST,
    PACKED,
    SUM_BITS,
    WALK_FIELD_BITS,
    WALK_SHIFT_BITS,
    WORD_BITS,
    Operation,
)
from golden.spec.errors import LightDealError
from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    EXP_BITS,
    EXP_FRACTION,
    INT8_LARGEST,
    LOG2_E,
    LOG2_E_FRACTION,
    PARAMETER_FRACTION,
    TERM_RANDOM_BITS,
    power_term,
)

WALKS = (
    Operation.POOL,
    Operation.LOGITS,
    Operation.EXPONENTIALS,
    Operation.SHARES,
    Operation.TERMS,
    Operation.ERRORS,
    Operation.ERRORS_RELU,
)
EXP_SHIFT = LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION
"""From a distance of logits times LOG2_E to its steps."""


class ControllerError(LightDealError):
    """A program of the controller does what it may not: names the address and what."""


class Memories(Protocol):
    """What a walk works on: the memories of a controller, which refuse an address that there is not."""

    config: Config

    def word(self, at: int, address: int) -> int:
        """A data word."""

    def put(self, at: int, address: int, value: int) -> None:
        """A data word becomes a number with sign."""

    def row(self, at: int, address: int) -> list[int]:
        """A feature word."""


@dataclass(frozen=True)
class Walk:
    """What WALK has said. See `Operation.WALK`."""

    elements: int = 0
    factors: int = 0
    first: int = 0
    last: int = 0
    step: int = 0
    away: int = 0

    @staticmethod
    def of(third: int, a: int, b: int) -> "Walk":
        """Of its operands."""
        factors, elements = _pair(third)
        last, first = _pair(a)
        away, step = _pair(b)
        return Walk(
            elements, factors, first, last, signed(step, WALK_FIELD_BITS), signed(away, WALK_FIELD_BITS)
        )

    def lanes(self, lanes: int) -> list[range]:
        """Of an element, in each of its words."""
        words = self.last // lanes + 1
        return [
            range(self.first if word == 0 else 0, min(lanes, self.last + 1 - word * lanes))
            for word in range(words)
        ]


@dataclass(frozen=True)
class Sums:
    """Of STRIDES: how many packed words a sum has, and the steps between those of either side."""

    count: int
    steps: tuple[int, int]


@dataclass
class Softmax:
    """What walks keep for those behind them: the largest of LOGITS, the sum of EXPONENTIALS."""

    best: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Walked:
    """What a walk gives.

    Parameters
    ----------
    cycles: that it takes.  words: feature words of an element.  beyond: what COUNTS has more.
    buffer: where it is another one.  result: for r[d].
    """

    cycles: int = 0
    words: int = 0
    beyond: int = 0
    buffer: list[int] | None = None
    result: int | None = None


def walked(
    memories: Memories,
    at: int,
    operation: Operation,
    walk: Walk,
    sums: Sums,
    operands: tuple[int, int, int],
    words: RandomWords,
    softmax: Softmax,
) -> Walked:
    """Carries it out.

    Parameters
    ----------
    at: address of the instruction.  operands: r[d], r[a], B.  words: of SCALARS.
    softmax: changed in place.
    """
    third, a, place = operands
    shift = signed(third, WALK_SHIFT_BITS)
    config = memories.config
    upper, source = _pair(a)
    lanes = walk.lanes(config.lanes)
    feature, other, packed, beyond, found = upper, walk.factors, 0, 0, 0
    buffer: list[int] | None = None
    result: int | None = None
    if operation == Operation.LOGITS:
        softmax.best, result = -(LOGIT_LARGEST + 1), -(LOGIT_LARGEST + 1) << WALK_FIELD_BITS
    if operation == Operation.EXPONENTIALS:
        softmax.total = result = 0
    for element in range(walk.elements):
        if operation == Operation.POOL:
            total = 0
            for k, there in enumerate(lanes):
                buffer = list(memories.row(at, feature + k))
                total += sum(buffer[there.start : there.stop])
        elif operation in (Operation.LOGITS, Operation.ERRORS, Operation.ERRORS_RELU):
            total = _products(memories, at, sums, (source, other))
            other += sums.count * sums.steps[1]
        else:
            total = memories.word(at, source + element)
        match operation:
            case Operation.POOL:
                found, counted = rounded(total, shift, None)
                beyond += counted
            case Operation.LOGITS:
                found = signed(shifted(Operation.EVEN, signed(total, WORD_BITS), shift), WORD_BITS)
                found = signed(found + signed(memories.word(at, upper + element), DOT_BITS), WORD_BITS)
                found = max(-LOGIT_LARGEST, min(LOGIT_LARGEST, found))
                assert softmax.best is not None
                if found > softmax.best:
                    softmax.best = found
                    result = (found << WALK_FIELD_BITS) + (place + element & (1 << WALK_FIELD_BITS) - 1)
            case Operation.EXPONENTIALS:
                found = _exponential(memories, at, total, upper, softmax.best)
                assert softmax.total is not None
                softmax.total = result = softmax.total + found
            case Operation.SHARES:
                share = _share(at, total, softmax.total)
                total = share - (1 << EXP_BITS if source + element == upper else 0)
                found, counted = rounded(total, shift, _drawn(words, ERROR_RANDOM_BITS))
                beyond += counted
            case Operation.TERMS:
                found = power_term(signed(total, 8), _drawn(words, TERM_RANDOM_BITS))
            case _:
                if abs(signed(memories.word(at, place + element), 8)) == INT8_LARGEST:
                    total = 0
                random = _drawn(words, ERROR_RANDOM_BITS)
                found, counted = rounded(signed(total, WORD_BITS), shift, random)
                beyond += counted
                relu = operation == Operation.ERRORS_RELU
                for k, there in enumerate(lanes):
                    begun = k == 0 and walk.first > 0
                    buffer = list(memories.row(at, feature + k + (walk.away if begun else 0)))
                    for lane in there:
                        buffer[lane] = found if maps.passes(buffer[lane], relu) else 0
                    memories.row(at, feature + k + walk.away)[:] = buffer
        if operation in (Operation.POOL, Operation.TERMS):
            packed = signed((packed << DOT_BITS) + (found & (1 << DOT_BITS) - 1), WORD_BITS)
            found = packed
        if operation not in (Operation.ERRORS, Operation.ERRORS_RELU):
            memories.put(at, place + element, found)
        feature += len(lanes) - 1 + walk.step
    cycles = latency.walk(operation, walk.elements, sums.count, len(lanes))
    return Walked(cycles, len(lanes), beyond, buffer, result)


def _exponential(memories: Memories, at: int, logit: int, table: int, best: int | None) -> int:
    """2^EXP_BITS · exp of a logit less the largest."""
    distance = None if best is None else best - signed(logit, LOGIT_BITS)
    if distance is None or distance < 0:
        raise ControllerError(f"controller, address {at}: EXPONENTIALS of a logit above the largest one")
    # The same below zero for each; ties go down then.
    steps = -min(distance, EXP_REACH) * LOG2_E + (1 << EXP_SHIFT - 1) - 1 >> EXP_SHIFT
    value = memories.word(at, table + (steps & (1 << EXP_FRACTION) - 1))
    return shifted(Operation.UP, signed(value, EXP_BITS + 2), steps >> EXP_FRACTION)


def _share(at: int, exponential: int, total: int | None) -> int:
    """A probability of unit 2^−EXP_BITS."""
    if total is None or not 0 < total < 1 << SUM_BITS or not 0 <= exponential <= min(total, 1 << EXP_BITS):
        raise ControllerError(f"controller, address {at}: {exponential} is no share of {total}")
    return ((exponential << EXP_BITS) + (total >> 1)) // total


def _drawn(words: RandomWords, bits: int) -> int:
    """The lowest bits of the next word."""
    return int(words.take(1)[0]) & (1 << bits) - 1


def rounded(value: int, shift: int, random: int | None) -> tuple[int, int]:
    """To the nearest, or with a random byte: the int8, and what COUNTS has more."""
    moved = signed(shifted(Operation.EVEN, value, shift), WORD_BITS)
    result, saturated, large = maps.saturated(maps.cut(moved, random))
    return result, saturated + (large << COUNT_BITS)


def _products(memories: Memories, at: int, sums: Sums, places: tuple[int, int]) -> int:
    total = 0
    for number in range(sums.count):
        words = [
            memories.word(at, place + number * step) for place, step in zip(places, sums.steps, strict=True)
        ]
        total += signed(words[0], DOT_BITS) * signed(words[1], DOT_BITS)
        for part in range(1, PACKED):
            one, other = (signed(word >> part * DOT_BITS, 8) for word in words)
            total += one * other
    return total


def _pair(word: int) -> tuple[int, int]:
    """The two numbers of an operand, the upper first."""
    mask = (1 << WALK_FIELD_BITS) - 1
    return word >> WALK_FIELD_BITS & mask, word & mask
