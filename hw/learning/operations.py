"""Operations of the controller that are alike."""

from golden.spec.controller import Operation

ERRORS = (Operation.ERRORS, Operation.ERRORS_RELU)
WALKS = (Operation.POOL, Operation.PRODUCTS, *ERRORS)
"""Of many elements."""
NEARESTS = (Operation.NEAREST, Operation.POOL)
STOCHASTICS = (Operation.STOCHASTIC, *ERRORS)
EVENS = (Operation.EVEN, Operation.PRODUCTS)
"""They round alike."""
DRAWS = (Operation.RANDOM, Operation.STOCHASTIC, Operation.TERM)
"""They use up a word of random bits."""
WITHOUT = (
    Operation.STORE,
    Operation.STRIDES,
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
    *WALKS,
)
"""They write no register."""
WAITS = (
    *WALKS,
    Operation.DIVIDE,
    Operation.DOT,
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
    Operation.TERM,
    Operation.COUNTS,
)
"""Their result is found in units of their own."""
