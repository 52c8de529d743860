"""Cycles of the pipelines: what a stage takes is declared once, every total is a sum of stages.

Hardware, cycle model, tests and the table in section 8 of docs/machine.md read these. A stage is a register,
or a few that nothing else cuts into; a total is from the cycle in which something is asked for, or issued,
to the one in which its outcome stands.
"""

from golden.spec.controller import REGISTERS, Operation
from golden.spec.learning import EXP_BITS

MEMORY = 1
"""From an address to the word of a memory with clocked reads."""

GRANT = 1
"""What permits an issue (a free place, a count, sums that stand) is known a cycle before: a register."""

# Fetch: instructions into rows.
FETCH_DECODE = 1
FETCH_INSTRUCTION = MEMORY + 1 + FETCH_DECODE
"""From the start to the walk: the front word is read, registered, decoded."""
FETCH_LEAD = MEMORY + 2
"""From the walk to the issue of a row: its tap word is read and registered, then its address."""
ROTATE = 1
"""Between the halves of the rotator."""
MASK = 1
"""Turned bytes are masked and registered."""
WINDOW = 1
"""From the push of a row to its being there for the engines."""

FIRST_ROW = FETCH_INSTRUCTION + FETCH_LEAD
"""From the start to the first row that may be issued."""
ROW_PUSH = MEMORY + ROTATE + MASK
"""From the issue of a row to its push into the window."""
ROW_SEEN = ROW_PUSH + WINDOW
"""From the issue of a row until the engines see it."""
NEXT_LAYER_ROW = 1 + FETCH_DECODE
"""From the issue of a layer's last marker to that of its successor's first row."""

# Engine: coefficients and rows into sums.
STREAM_ADDRESS = 1
STREAM_PAIR = 1
"""A word of the coefficient memory is registered."""
STREAM_ROWS = 1
"""Its entries get their rows."""
STREAM_HAND = 1
"""A pair whose rows are there is taken in hand."""
STREAM_START = STREAM_ADDRESS + MEMORY + STREAM_PAIR + STREAM_ROWS + STREAM_HAND
"""From the start to the first entry, and from the check of a pair with END to the same block's first."""
STREAM_AGAIN = STREAM_START - STREAM_HAND
"""From the check of a pair with END to that of the first pair of the same block."""

ROW_READ = 1
SHIFT = 1
ADD = 1
ACCUMULATE = ROW_READ + SHIFT + ADD
"""From a step to its sum in the bank."""
SUMS_STAND = ACCUMULATE + 1
"""From a job's END to the flag that its sums stand."""
SUMS_SEEN = SUMS_STAND + GRANT
"""From a job's END until the drain may issue its first term."""
HOLD = 1
"""From the read of a sum to the cycle in which the engine stands still for it."""
SUM_READ = HOLD + 1 + ACCUMULATE
"""From the read of a sum to the sum: it goes the way of a step."""

ROUND = 3
"""A rounding shift: long steps of the shift, short ones, the rounding."""

# Learning: error codes and rows into gradients.
GRADIENT_TURN = MEMORY + ADD + 1
"""From the read of a word of the gradient memory to the next one that sees it changed. At most STREAM_AGAIN,
as a block of one entry comes to the same word so soon."""


TERM_ROUND = 2
"""From an int8 error to its code: its magnitude, the code."""


def gradient(lanes: int) -> int:
    """From a step of a gradient pass to the write of its word: the lanes' addends go through a tree."""
    return ACCUMULATE + (lanes - 1).bit_length() + ADD


# Update: gradients into counters and codes.
UPDATE_LOOK = MEMORY + 1
"""What an engine has of an entry is registered."""


def update(entries: int, twice: int) -> int:
    """From the start of an update of so many entries, of all engines together, until all is written.

    twice: that take two cycles, as an END does, and a kept code that stands in the same engine a second time:
    an engine writes one code in a cycle. All others take one.
    """
    return 1 + entries + twice + UPDATE_LOOK + ROUND + ADD


# Writeback: sums into words.
DRAIN_DECODE = 3
"""The back word is registered, where it begins is found, what it is is told."""
DRAIN_START = MEMORY + DRAIN_DECODE
"""From the start to the first term that may be issued."""
OPERANDS = SUM_READ
"""Terms wait for their sums."""
TERM = MEMORY
"""A term, bias and shift come after their token."""
BASIS = 4
"""Operands, the two parts of a product, their sum, the output that holds it."""
RESIDUAL = 1 + ROUND + 1
"""Aligned and summed, rounded, ReLU."""
POOL = 3 + ROUND
"""The sum of a word in two cycles, the running sum, the rounding."""

REQUANTISE = TERM + BASIS
"""From a token of the output pipeline to its exact output."""
RESIDUAL_ADDRESS = REQUANTISE + ROUND - MEMORY - 1
"""From a token to the read of its residual, which is registered when it comes."""
WRITE = REQUANTISE + ROUND + RESIDUAL
"""From a token of the output pipeline to the write of its word."""
POOLED_WRITE = WRITE + POOL
"""The same of its pooled word."""
TURN_DONE = OPERANDS + WRITE + 1
POOLED_TURN_DONE = OPERANDS + POOLED_WRITE + 1
"""From the last term of a turn to its being counted as done."""
FLUSH = POOLED_TURN_DONE
"""Cycles after the last term of a layer in which its words reach memory, whether it pools or not."""
NEXT_LAYER_TERM = FLUSH + DRAIN_DECODE + 1
"""From the last term of a layer to the first one of the next, or to the end of the run."""
RESIDUAL_GAP = WRITE - RESIDUAL_ADDRESS
POOLED_RESIDUAL_GAP = POOLED_WRITE - RESIDUAL_ADDRESS
"""From the read of an output's residual to the write of the output: the two may not meet at the port."""

# Training: values into maps of int8.
MAP_ROUND = ROUND + 3
"""A value as a fraction, what is added to it, the random byte or half a unit, the saturation."""


# Learning: sums into maps and blocks, errors into engines.
def slow_terms(slices: int, addend: bool) -> int:
    """Cycles between terms of an error pass, for each word of so many slices: it reads a word and writes one
    in two cycles at least, or reads two, with an addend, and writes one in four.
    """
    return -(-(4 if addend else 2) // slices)


def words_apart(slices: int, channels: int) -> int:
    """Cycles from a word of a channel to its next one in a FORWARD pass, at least, of words of so many slices
    and rounds of so many channels: what is kept of a channel behind the one is there with the other.
    """
    return max(4, slices + 2 if channels > 1 else 0)


MAP_OPERANDS = TERM + MEMORY + 3
"""From a token to the beat of its sums and of the words that are read for it."""
ERRORS = MAP_OPERANDS + MAP_ROUND
"""From a token to its errors."""
ENCODE = 4
"""Numbers become blocks: the leading one of a group, its exponent, the numbers shifted, rounded."""
BLOCKS = TERM + 1 + ENCODE
"""From a token to its sums in blocks: one slice of them is chosen, then encoded."""
PARAMETERS = 1 + MEMORY + 4
"""From the start of a norm's passes to the parameters of the first channel: address, word, two magnitudes, of
which the first becomes a scalar while the second is found, then both move on. At least what the first
statistics take, at most what the first sums of REDUCE do."""
WRITE_WAIT = 4
"""From a word's last bytes until it is surely written."""
ERROR_WORD = 1 + MEMORY + 1
"""From the drain's token to the word of errors that it asks for: address, memory and word are registered."""
ERROR_CODES = ERROR_WORD + TERM_ROUND
"""From the drain's token to the error codes of its lanes, which are registered."""

# The controller: an instruction has its operands in its first cycle, then works.
CONTROLLER_DECODE = 1
CONTROLLER_WORK = {
    **dict.fromkeys((Operation.MINIMUM, Operation.MAXIMUM), 2),
    Operation.CLAMP: 3,
    Operation.MULTIPLY: 3,
    **dict.fromkeys((Operation.EVEN, Operation.UP, Operation.FLOOR, Operation.STICKY), 4),
    Operation.LENGTH: 2,
    Operation.LOAD: 1 + MEMORY,
    # A word is asked for; that it was granted is a register.
    **dict.fromkeys((Operation.FETCH, Operation.WRITE), 2),
}
"""Cycles behind the first one, where they are not 1 and always the same."""
CONTROLLER_FETCH = MEMORY + 1
"""From a jump to the first cycle of the instruction that it goes to."""
CONTROLLER_BEGIN = REGISTERS + CONTROLLER_FETCH
"""From the start of a run to its first instruction: registers are cleared."""
COMMAND = 1 + MEMORY + 1
"""From the issue of a command to the start of its unit: its number, its word, the word registered."""
COMMAND_END = 1
"""From the end of a unit to the next issue, without the reports between."""
DOT_FIRST = MEMORY + 2
"""From the start of a sum of products, if it has any, to its result, without a cycle for each."""

WALK_WORD = 1 + MEMORY + 1
"""Of an element of a walk: a feature word is asked for, comes, is summed or spread."""
WALK_BEGIN = 2
"""From the first cycle of a walk to its first element's: its numbers are kept, then it begins."""
WALK_SHIFT = 2
"""What stands is shifted."""
WALK_SUM_SHIFT = 4
"""A sum whose last product is asked for is shifted: the products come for two cycles more."""
WALK_CUT = 3
"""What is shifted is rounded, to int8 or to a power of two."""
WALK_NUMBER = MEMORY + 1
"""A data word is a number of a walk."""
EXPONENTIAL = WALK_NUMBER + 3 + MEMORY
"""A number's exponential before its shift: its distance is a factor, a product, an address; the table."""
SHARE_BITS = 2
"""Of a share, a cycle."""
SHARE = WALK_NUMBER + -(-(EXP_BITS + 1) // SHARE_BITS)


def walk(operation: Operation, elements: int, products: int, words: int) -> int:
    """Cycles of a walk: an element is begun while those before it are shifted, rounded, written; all four go
    on when the last of them is done.

    products: packed words of a sum.  words: feature words of an element.
    """
    # A logit is saturated before.
    write = 2 if operation == Operation.LOGITS else 1
    match operation:
        case Operation.POOL:
            begun, shifted = WALK_WORD * words + 1, WALK_SHIFT
        case Operation.EXPONENTIALS:
            begun, shifted = EXPONENTIAL, WALK_SHIFT
        case Operation.SHARES:
            begun, shifted = SHARE, WALK_SHIFT
        case Operation.TERMS:
            begun, shifted = WALK_NUMBER, WALK_SHIFT
        case _:
            begun, shifted = products + 1, WALK_SUM_SHIFT
    if operation in (Operation.ERRORS, Operation.ERRORS_RELU):
        write = (WALK_WORD + CONTROLLER_WORK[Operation.WRITE]) * words
    parts = (begun, shifted, WALK_CUT, write)
    turns = [0] * (elements + len(parts) - 1)
    for after, cycles in enumerate(parts):
        for turn in range(after, after + elements):
            turns[turn] = max(turns[turn], cycles)
    return CONTROLLER_DECODE + WALK_BEGIN + (sum(turns) + 1 if elements else 0)


def controller(operation: Operation, count: int = 0, jumps: bool = False) -> int:
    """Cycles of an instruction of the controller, without those in which it waits for a memory or a command.

    count: products of DOT, words of COPY.
    jumps: a branch is taken.
    """
    work = CONTROLLER_WORK.get(operation, 1)
    if operation in (Operation.DOT, Operation.COPY):
        work = 1 + (DOT_FIRST + count if count else 1)
    return CONTROLLER_DECODE + work + (CONTROLLER_FETCH if jumps else 0)


NORM_FORWARD = 76
NORM_GIVEN = 39
NORM_BACKWARD = 62
"""From the sums of a channel, of STAT, of STAT where statistics are given, or of REDUCE, to what LightNorm's
arithmetic makes of them in a device that learns, whatever the numbers."""
