"""Operations of the controller that are alike."""

from golden.spec.controller import Operation

ERRORS = (Operation.ERRORS, Operation.ERRORS_RELU)
WALKS = (
    Operation.POOL,
    Operation.LOGITS,
    Operation.EXPONENTIALS,
    Operation.SHARES,
    Operation.TERMS,
    *ERRORS,
)
"""Of many elements."""
SUMS = (Operation.LOGITS, *ERRORS)
"""Walks over sums of products."""
NUMBERS = (Operation.EXPONENTIALS, Operation.SHARES, Operation.TERMS)
"""Walks over data words."""
PACKS = (Operation.POOL, Operation.TERMS)
"""Walks whose results are packed."""
STOCHASTICS = (Operation.SHARES, *ERRORS)
"""They round to int8 with random bits."""
FRACTIONS = (Operation.POOL, *STOCHASTICS)
"""They round to int8."""
EVENS = (Operation.EVEN, Operation.LOGITS, *FRACTIONS)
"""They shift alike."""
UPS = (Operation.UP, Operation.EXPONENTIALS)
"""Likewise."""
WITHOUT = (
    Operation.STORE,
    Operation.STRIDES,
    Operation.COPY,
    Operation.FETCH,
    Operation.WRITE,
    Operation.PUT,
    Operation.EQUAL,
    Operation.UNEQUAL,
    Operation.LESS,
    Operation.ISSUE,
    Operation.WAIT,
    Operation.PARAMETER,
    Operation.STOP,
    Operation.BESIDE,
    Operation.WALK,
    Operation.POOL,
    Operation.SHARES,
    Operation.TERMS,
    *ERRORS,
)
"""They write no register."""
WAITS = (
    *WALKS,
    Operation.DOT,
    Operation.COPY,
    Operation.STORE,
    Operation.FETCH,
    Operation.WRITE,
    Operation.ISSUE,
    Operation.BESIDE,
    Operation.WAIT,
    Operation.STOP,
)
"""Their cycles are not always as many."""
TOTALS = (Operation.MULTIPLY, Operation.DOT)
"""Their result is the sum of products."""
ELSEWHERE = (
    Operation.LOAD,
    Operation.RANDOM,
    Operation.CALL,
    Operation.BYTE,
    Operation.COUNTS,
    Operation.LOGITS,
    Operation.EXPONENTIALS,
)
"""Their result is found in units of their own."""
