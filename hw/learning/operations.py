"""Operations of the controller that are alike."""

from golden.spec.controller import Operation

LANES = (Operation.SUM, Operation.SPREAD, Operation.SPREAD_RELU)
"""They go through slices of the buffer."""
DRAWS = (Operation.RANDOM, Operation.STOCHASTIC, Operation.TERM)
"""They use up a word of random bits."""
WITHOUT = (
    Operation.STORE,
    Operation.STRIDES,
    Operation.FETCH,
    Operation.WRITE,
    Operation.PUT,
    Operation.SPREAD,
    Operation.SPREAD_RELU,
    Operation.EQUAL,
    Operation.UNEQUAL,
    Operation.LESS,
    Operation.ISSUE,
    Operation.WAIT,
    Operation.PARAMETER,
    Operation.STOP,
    Operation.BESIDE,
)
"""They write no register."""
