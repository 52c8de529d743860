"""POOL, PRODUCTS and ERRORS of the controller: an operation on one element after the other."""

from dataclasses import dataclass
from typing import Protocol

from golden.machine.shifts import shifted, signed
from golden.numerics.lfsr import RandomWords
from golden.spec import latency, maps
from golden.spec.config import Config
from golden.spec.controller import (
    COUNT_BITS,
    DOT_BITS,
    PACKED,
    WALK_FIELD_BITS,
    WALK_SHIFT_BITS,
    WORD_BITS,
    Operation,
)
from golden.spec.learning import ERROR_RANDOM_BITS, INT8_LARGEST

WALKS = (Operation.POOL, Operation.PRODUCTS, Operation.ERRORS, Operation.ERRORS_RELU)


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


def walked(
    memories: Memories,
    at: int,
    operation: Operation,
    walk: Walk,
    sums: Sums,
    operands: tuple[int, int, int],
    words: RandomWords,
) -> tuple[int, int, list[int] | None]:
    """Carries it out.

    Parameters
    ----------
    at: address of the instruction.  operands: r[d], r[a], B.  words: of SCALARS.

    Returns what COUNTS has more, the cycles that it takes, and the buffer where it is another one.
    """
    third, a, place = operands
    shift = signed(third, WALK_SHIFT_BITS)
    config = memories.config
    word, factors = _pair(a)
    lanes = walk.lanes(config.lanes)
    other, packed, beyond = walk.factors, 0, 0
    buffer: list[int] | None = None
    for element in range(walk.elements):
        if operation == Operation.POOL:
            total = 0
            for k, there in enumerate(lanes):
                buffer = list(memories.row(at, word + k))
                total += sum(buffer[there.start : there.stop])
        else:
            total = _products(memories, at, sums, (factors, other))
            other += sums.count * sums.steps[1]
        match operation:
            case Operation.POOL:
                result, counted = rounded(total, shift, None)
                packed = signed((packed << DOT_BITS) + (result & (1 << DOT_BITS) - 1), WORD_BITS)
                memories.put(at, place + element, packed)
            case Operation.PRODUCTS:
                counted = 0
                found = signed(shifted(Operation.EVEN, signed(total, WORD_BITS), shift), WORD_BITS)
                memories.put(at, place + element, found)
            case _:
                if abs(signed(memories.word(at, place + element), 8)) == INT8_LARGEST:
                    total = 0
                random = int(words.take(1)[0]) & (1 << ERROR_RANDOM_BITS) - 1
                result, counted = rounded(signed(total, WORD_BITS), shift, random)
                relu = operation == Operation.ERRORS_RELU
                for k, there in enumerate(lanes):
                    begun = k == 0 and walk.first > 0
                    buffer = list(memories.row(at, word + k + (walk.away if begun else 0)))
                    for lane in there:
                        buffer[lane] = result if maps.passes(buffer[lane], relu) else 0
                    memories.row(at, word + k + walk.away)[:] = buffer
        beyond += counted
        word += len(lanes) - 1 + walk.step
    slices = tuple(it[-1] // config.basis - it[0] // config.basis + 1 for it in lanes)
    return beyond, latency.walk(operation, walk.elements, sums.count, slices), buffer


def rounded(value: int, shift: int, random: int | None) -> tuple[int, int]:
    """NEAREST, with a random byte STOCHASTIC: the int8, and what COUNTS has more."""
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
