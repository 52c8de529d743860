"""Cycles of the pipelines: what a stage takes is declared once, every total is a sum of stages.

Hardware, cycle model, tests and the table in section 8 of docs/machine.md read these. A stage is a register,
or a few that nothing else cuts into; a total is from the cycle in which something is asked for, or issued,
to the one in which its outcome stands.
"""

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
ROUND = 3
"""Long steps of the shift, short ones, the rounding."""
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

NORM_FORWARD = 479
NORM_BACKWARD = 380
"""The longest arithmetic of a channel, without what grows with its values; its spike becomes a pull."""


def norm_arithmetic(index_bits: int, backward: bool) -> int:
    """The most cycles from the sums of a channel to what LightNorm's arithmetic makes of them.

    Of STAT, or (backward) REDUCE, in a device that learns; a channel has at most 2**index_bits values. How
    long it takes depends on the numbers; a device waits for the longest.
    """
    return NORM_BACKWARD + 3 * index_bits if backward else NORM_FORWARD + index_bits
