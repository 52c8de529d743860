"""The controller of a device that learns: its instructions, its memories, what each instruction does.

A small processor for all that a step has once: scales, gamma, beta, statistics, the head, and which command
comes next. It has 16 registers of 48 bits, r0 of them always 0, a memory of 48-bit words, the numbers of the
SCALARS generator, and a buffer of one word of the feature memory. docs/machine.md, section 12.

A run begins with the instruction at address 0; registers, buffer, counts and steps are 0. The data memory
keeps its words from run to run. Addresses and lanes that there are not, and a data word that is read while a
command may report into it (before the next ISSUE, or a WAIT, is behind), give anything:
`golden.machine.controller` refuses what it can see of that. What a walk reads is no word that it has
written for an element before.
"""

from enum import IntEnum

from golden.spec.config import Config
from golden.spec.fields import Field, Record
from golden.spec.sizes import log2

WORD_BITS = 48
"""Of registers and of the data memory; two's complement, sums and products wrap."""
REGISTERS = 16
IMMEDIATE_BITS = 16
FACTOR_BITS = (26, 18)
"""Of MULTIPLY's operands, the lowest bits with sign."""
DOT_BITS = 16
"""Of both operands of DOT, the lowest bits with sign."""
PACKED = 3
"""Numbers of a packed word: the lowest is of DOT_BITS, of the parts above, DOT_BITS each, a byte counts."""
WALK_LANE_BITS = 12
"""Of the last lane of an element."""
WALK_SHIFT_BITS = 8
"""Of the distance that a walk shifts its sums by: the lowest bits with sign."""
WALK_FIELD_BITS = 16
"""Of each of the two numbers in an operand of WALK and of what follows it."""
SHIFT_LARGEST = 63
"""Distances of shifts saturate to ±this."""
COUNT_BITS = 24
"""Of a number in COUNTS."""
LOGIT_BITS = 32
"""Of a logit, with sign."""
LOGIT_LARGEST = (1 << LOGIT_BITS - 1) - 1
EXP_REACH = 1 << 15
"""A logit that is less than the largest by so much, or more, has the exponential 0."""
SUM_BITS = 25
"""Of the sum of exponentials."""


class Operation(IntEnum):
    """What an instruction does with registers a and b and the immediate; B is r[b] + immediate.

    d is the register that is written. Words are numbers with sign.
    """

    ADD = 0
    """d = r[a] + B."""
    SUBTRACT = 1
    """d = r[a] − B."""
    AND = 2
    """d = r[a] & B, bit by bit."""
    MINIMUM = 3
    """d = min(r[a], B)."""
    MAXIMUM = 4
    """d = max(r[a], B)."""
    CLAMP = 5
    """d = r[a], at most B and at least −B; B ≥ 0."""
    HIGH = 6
    """d = r[a] · 2^16 + the lowest 16 bits of B, without sign."""
    MULTIPLY = 7
    """d = r[a] · B, of FACTOR_BITS."""
    EVEN = 8
    """d = r[a] · 2^B; B < 0: to the nearest integer, ties to even. Left shifts wrap."""
    UP = 9
    """Likewise, ties up."""
    FLOOR = 10
    """Likewise, to the integer below."""
    STICKY = 11
    """Likewise, the integer below, but its lowest bit is set where anything was cut."""
    LENGTH = 12
    """d = bits of |B|, 0 for 0."""
    COPY = 13
    """Over the count of STRIDES: the data words at B + step, B + 2·step, … = those at r[a], r[a] + step, …;
    the steps are those of STRIDES. None that is read may be one that was written."""
    RANDOM = 14
    """d = the lowest 16 bits of the next word of SCALARS, without sign, & B."""
    LOAD = 15
    """d = the data word at address B."""
    STORE = 16
    """The data word at address B = r[a]."""
    STRIDES = 17
    """For DOT: count r[d] ≥ 0, steps r[a] and B between operands."""
    DOT = 18
    """d = r[d] + Σ over the count of data[r[a] + i·step] · data[B + i·step], of DOT_BITS each."""
    FETCH = 19
    """The buffer = the word of the feature memory at address B."""
    WRITE = 20
    """The word of the feature memory at address B = the buffer."""
    BYTE = 21
    """d = the byte of lane B of the buffer, with sign."""
    PUT = 22
    """The byte of lane B of the buffer = the lowest 8 bits of r[a]."""
    EQUAL = 23
    """Where r[a] = r[b], the next instruction is that at the immediate."""
    UNEQUAL = 24
    """Likewise where they differ."""
    LESS = 25
    """Likewise where r[a] < r[b]."""
    CALL = 26
    """d = the address behind this instruction; the next one is that at B."""
    ISSUE = 27
    """The command at the immediate begins once the one before is done and has reported, with the shifts r[a]
    and r[b]; they saturate to 8 bits. The next instruction does not wait for its end."""
    WAIT = 28
    """Goes on when every command is done and has reported."""
    PARAMETER = 29
    """The word of LightNorm's parameter memory at address B = the lowest 32 bits of r[a]."""
    STOP = 30
    """The run ends, as soon as WAIT would go on."""
    BESIDE = 31
    """As ISSUE, but the command begins as soon as its own unit is free: NORM beside a pass of the array, or a
    pass beside NORM, other than ERROR, which uses NORM's rounder. They must not write what the other reads
    or writes. What either reports stands at the next ISSUE or WAIT."""
    COUNTS = 34
    """d = numbers of POOL, SHARES and ERRORS beyond ±127, and, times 2^COUNT_BITS, beyond ±63, since the last
    COUNTS or the begin of the run."""

    WALK = 36
    """For what follows; two numbers in each operand, the upper one above WALK_FIELD_BITS. r[d]: address of
    factors, how many elements. r[a]: last and first lane of an element, which may go on in the words behind,
    there from lane 0 on. B: distance from words that are read to those that are written, and from the last
    word of an element to the first one of the next; both wrap."""
    POOL = 37
    """Of each element the sum of its bytes, as int8, goes to the data memory, from address B on; above it
    stand those of the two elements before, DOT_BITS apart (0 where there are none): a packed word. The sum is
    a fraction when it is shifted by r[d] (WALK_SHIFT_BITS) as EVEN has it; over 2^8 it is rounded to the
    nearest, ties to even, saturated to ±127 and counted. Upper number of r[a]: the first feature word."""
    LOGITS = 38
    """Of each element a sum of products, shifted by r[d] as EVEN has it, and a bias of DOT_BITS, together at
    most ±LOGIT_LARGEST, goes to the data memory, from address B on. The products are of STRIDES' count of
    packed words: one side begins at the lower number of r[a] for every element; the other one goes on from
    element to element, from the address of factors on. Upper number of r[a]: address of the first bias. d =
    the largest of them · 2^WALK_FIELD_BITS + the address where it first stands."""
    EXPONENTIALS = 32
    """Of each logit, the lowest LOGIT_BITS with sign of the data words from the lower number of r[a] on,
    2^EXP_BITS · exp of it less the largest of LOGITS, as golden.learning.softmax has it, goes to the data
    memory, from address B on. Upper number of r[a]: address of a table by f, of 2^EXP_BITS ·
    2^(f / 2^EXP_FRACTION). d = their sum."""
    SHARES = 33
    """Of each exponential E in the data words from the lower number of r[a] on, (E · 2^EXP_BITS + ⌊S/2⌋) / S,
    to the integer below, S being the sum of EXPONENTIALS; of the one at the upper number of r[a] less
    2^EXP_BITS. It becomes int8 as POOL's sums do, but a byte, the lowest of the next word of SCALARS, is
    added to the fraction, and the integer at or below counts; goes to the data memory, from address B on."""
    TERMS = 35
    """Of each int8 in the data words from the lower number of r[a] on a power of two of twice its unit
    (golden.spec.learning.power_term), with the next word of SCALARS, goes to the data memory, from address B
    on, in packed words as POOL's."""
    ERRORS = 39
    """Of each element such a sum as LOGITS', 0 where the lowest byte of the data word at its place from B on
    is ±127, becomes int8 as SHARES' do, and is spread over the element's lanes: a byte becomes it where it
    passes (|byte| < 127), else 0; the words are written at their distance. r[a]: first feature word and first
    packed word. A first word in which an element does not begin at lane 0 is read where it is written."""
    ERRORS_RELU = 40
    """Likewise where 0 < byte < 127."""


def instruction_record() -> Record:
    """A word of the controller's program."""
    register = (REGISTERS - 1).bit_length()
    return Record(
        "controller",
        (
            Field("operation", max(Operation).bit_length(), doc="Operation; every other value is an error"),
            Field("d", register),
            Field("a", register),
            Field("b", register),
            Field("immediate", IMMEDIATE_BITS, signed=True),
        ),
    )


def program_bits(config: Config) -> int:
    """Of an address of the controller's program."""
    return log2(config.controller_instructions)


def data_bits(config: Config) -> int:
    """Of an address of its data memory."""
    return log2(config.controller_words)
