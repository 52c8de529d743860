"""The program of `ChannelArithmetic`: what it does, step after step, in each pass."""

from dataclasses import replace

from golden.spec.block import SCALAR_BITS, NormFormat
from hw.lightnorm.channel_steps import Into, Left, Right, Run, Source, Step, Test, When
from hw.lightnorm.layouts import pass_words
from hw.lightnorm.sums_layouts import moments, statistics

_FACTOR = Step(source=Source.FACTOR)
_EPSILON = Step(source=Source.EPSILON)


def moment_bits(fmt: NormFormat, index_bits: int) -> int:
    """Bits of Σdy·x − mean·Σdy: a mean's last bit lies SCALAR_BITS + index_bits below x's grid at most."""
    return moments(fmt, index_bits)["product"].width + SCALAR_BITS + index_bits + 2


def addend_bits(fmt: NormFormat) -> tuple[int, int]:
    """Bits of |offset| and of |spike|."""
    return fmt.window - 1 + fmt.scale, fmt.gradient_window - 1 + fmt.scale + fmt.spike


def _sum(run: Run, count: int, exponent: int, save: Source | None = None) -> Step:
    """An integer as a scalar; `exponent`: of its lowest bit, less SCALAR_BITS."""
    return Step(run, count, save=save, constant=exponent, into=Into.EXPONENT)


def _multiply(source: Source, save: Source | None = None) -> Step:
    added = Step(Run.PRODUCT, SCALAR_BITS, source, left=Left.SOURCE, right=Right.NUMBER, into=Into.EXPONENT)
    return replace(added, operand=True, save=save)


def _to_grid(run: Run, count: int, source: Source, right: Right, bits: int) -> list[Step]:
    """A scalar in units of 2**`right`; the second sum is negative unless its exponent is too large."""
    distance = Step(source=source, operand=True, left=Left.SOURCE, right=right, minus=True)
    limit = SCALAR_BITS - 1 - bits
    return [
        replace(distance, into=Into.EXPONENT),
        Step(run, count, source, left=Left.EXPONENT, constant=limit, distance=True),
    ]


def _scale(fmt: NormFormat, beta: bool) -> list[Step]:
    """From gamma·scale in FACTOR to words.grid and words.scale; beta may ask for a coarser grid."""
    load = replace(_FACTOR, left=Left.SOURCE, right=Right.WINDOW, into=Into.EXPONENT)
    to_grid = Step(left=Left.EXPONENT, into=Into.GRID)
    fine = SCALAR_BITS - fmt.scale
    steps = [
        Step(right=Right.WINDOW, into=Into.GRID),
        load,
        replace(to_grid, source=Source.FACTOR, constant=fine, when=When.NONZERO),
    ]
    above = Step(source=Source.FACTOR, left=Left.EXPONENT, right=Right.GRID, minus=True)
    if beta:
        fine = SCALAR_BITS - addend_bits(fmt)[0]
        steps += [
            Step(source=Source.BETA, left=Left.SOURCE, constant=fine, into=Into.EXPONENT),
            replace(above, test=Test.NEGATIVE_NONZERO),
            replace(to_grid, source=Source.BETA, when=When.LARGER),
            load,
        ]
    width = pass_words(fmt)["scale"].width
    run = _to_grid(Run.SCALE, width, Source.FACTOR, Right.GRID, fmt.scale)[1]
    return [*steps, replace(above, operand=True, into=Into.EXPONENT), run]


def forward_program(fmt: NormFormat, index_bits: int) -> list[Step]:
    """Golden: `golden.lightnorm.channel.statistics` and `apply_words`."""
    sums, words = statistics(fmt.forward, index_bits), pass_words(fmt)
    bits, low = fmt.reciprocal, fmt.forward.grid - SCALAR_BITS
    difference = replace(_EPSILON, left=Left.SOURCE, right=Right.NUMBER, minus=True)
    lower = Step(left=Left.SOURCE, constant=-SCALAR_BITS, into=Into.EXPONENT, distance=True)
    inverted = Step(constant=1 - 2 * SCALAR_BITS, right=Right.NUMBER, minus=True, into=Into.EXPONENT)
    return [
        _sum(Run.SUM, sums["total"].width, low),
        _multiply(Source.INVERSE),
        _sum(Run.COUNT, sums["ranges"].width + 1, low, Source.FIRST),
        _multiply(Source.SPREAD),
        # The sum of spread and epsilon: the one with the smaller exponent is the number.
        replace(difference, save=Source.SECOND, test=Test.NEGATIVE),
        replace(_EPSILON, number=True, when=When.NEGATIVE),
        replace(difference, source=Source.LARGER, operand=True, into=Into.EXPONENT),
        replace(lower, run=Run.ADD, count=SCALAR_BITS + 2),
        # Its upper bits, and one divided by them.
        Step(constant=bits - SCALAR_BITS, into=Into.EXPONENT),
        replace(lower, run=Run.SHORTEN, count=bits + 2, operand=True),
        replace(inverted, run=Run.DIVIDE, count=bits),
        _multiply(Source.GAMMA, Source.THIRD),
        _sum(Run.MEASURE, sums["width"].width + 1, fmt.forward.grid, Source.FACTOR),
        Step(constant=1 - fmt.window, right=Right.NUMBER, into=Into.WINDOW),
        *_to_grid(Run.MEAN, words["mean"].width, Source.FIRST, Right.WINDOW, 0),
        *_scale(fmt, True),
        *_to_grid(Run.ADDEND, words["addend"].width, Source.BETA, Right.GRID, addend_bits(fmt)[0]),
    ]


def given_program(fmt: NormFormat, index_bits: int) -> list[Step]:
    """`forward_program` where mean and scale are given, and the width counts zero among the values.

    Golden: `golden.learning.norm.running`; the window holds twice the width and twice the mean.
    """
    sums, words = statistics(fmt.forward, index_bits), pass_words(fmt)
    wide = 2 - fmt.window
    above = Step(source=Source.MEAN, left=Left.EXPONENT, right=Right.WINDOW, minus=True)
    return [
        Step(source=Source.SCALE, number=True),
        _multiply(Source.GAMMA),
        _sum(Run.MEASURE, sums["width"].width + 1, fmt.forward.grid, Source.FACTOR),
        Step(constant=wide, right=Right.NUMBER, into=Into.WINDOW),
        Step(source=Source.MEAN, left=Left.SOURCE, constant=SCALAR_BITS + wide, into=Into.EXPONENT),
        replace(above, test=Test.NEGATIVE_NONZERO),
        Step(source=Source.MEAN, left=Left.EXPONENT, into=Into.WINDOW, when=When.LARGER),
        *_to_grid(Run.MEAN, words["mean"].width, Source.MEAN, Right.WINDOW, 0),
        *_scale(fmt, True),
        *_to_grid(Run.ADDEND, words["addend"].width, Source.BETA, Right.GRID, addend_bits(fmt)[0]),
    ]


def backward_program(fmt: NormFormat, index_bits: int) -> list[Step]:
    """Golden: `golden.lightnorm.channel.centred_moments`, `gradients` and `grad_words`."""
    sums, words = moments(fmt, index_bits), pass_words(fmt)
    grid, low = fmt.forward.grid, fmt.gradient.grid - SCALAR_BITS
    mean = Step(source=Source.MEAN, left=Left.SOURCE, into=Into.EXPONENT)
    count = moment_bits(fmt, index_bits)
    return [
        _sum(Run.SUM, sums["total"].width, low),
        _multiply(Source.INVERSE, Source.FIRST),
        *_to_grid(Run.MEAN, words["mean"].width, Source.NUMBER, Right.WINDOW, 0),
        Step(source=Source.GAMMA, number=True),
        _multiply(Source.SCALE),
        Step(save=Source.FACTOR),
        *_scale(fmt, False),
        # The moment begins with the finer of the grids of product and mean · total.
        replace(mean, operand=True, constant=-grid, test=Test.NEGATIVE),
        Step(constant=grid + low, into=Into.EXPONENT, distance=True),
        replace(mean, run=Run.MOMENT, count=count, constant=low, when=When.NEGATIVE),
        _multiply(Source.SCALE),
        _multiply(Source.SPREAD, Source.SECOND),
        _multiply(Source.FACTOR),
        Step(save=Source.THIRD),
        *_to_grid(Run.ADDEND, words["addend"].width, Source.NUMBER, Right.GRID, addend_bits(fmt)[1]),
    ]
