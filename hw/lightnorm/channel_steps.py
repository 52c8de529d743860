"""Steps of the program of `ChannelArithmetic`: what its registers do in a cycle.

A step takes one cycle and then, where it has a `run`, the cycles of a serial operation. The names of
registers are those of `ChannelArithmetic`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data

from golden.spec.block import GRID_BITS

SUM_BITS = GRID_BITS + 2
"""Signed bits of sums of exponents."""


class Run(IntEnum):
    """Serial operations, a bit a cycle."""

    NONE = 0
    SUM = 1
    """number = the integer at the low end of `sums`; signed."""
    COUNT = 2
    """number = the integer at the low end of `sums`; unsigned."""
    MEASURE = 3
    """number.exponent = place of the leading one at the low end of `sums`; unsigned."""
    PRODUCT = 4
    """number = number · operand."""
    MOMENT = 5
    """number = product − operand · total."""
    ADD = 6
    """number = number + operand, whose exponent is not the smaller one; both positive."""
    SHORTEN = 7
    """number = operand rounded to the divider's bits; positive."""
    DIVIDE = 8
    """number = 1/number, from the divider's bits."""
    MEAN = 9
    """words.mean = operand on the grid, modulo its bits."""
    SCALE = 10
    """words.scale = operand on the grid, saturated."""
    ADDEND = 11
    """words.addend = operand on the grid, saturated."""


class Source(IntEnum):
    """Scalars that an operand can be."""

    NUMBER = 0
    FACTOR = 1
    """gamma·scale."""
    GAMMA = 2
    FIRST = 3
    """mean; d_beta."""
    SECOND = 4
    """spread; d_gamma."""
    THIRD = 5
    """scale; spike; written only."""
    INVERSE = 6
    SPREAD = 7
    EPSILON = 8
    LARGER = 9
    """EPSILON, or SECOND after a test that was negative."""
    BETA = 10
    MEAN = 11
    SCALE = 12


class Left(IntEnum):
    """Left side of the sum of exponents."""

    ZERO = 0
    SOURCE = 1
    EXPONENT = 2


class Right(IntEnum):
    """Right side of the sum of exponents."""

    ZERO = 0
    NUMBER = 1
    """The number's exponent; 0 if the channel is flat."""
    WINDOW = 2
    GRID = 3


class Into(IntEnum):
    """Where the sum of exponents goes."""

    NOTHING = 0
    EXPONENT = 1
    GRID = 2
    WINDOW = 3


class When(IntEnum):
    """When a step writes `into` and loads the number."""

    ALWAYS = 0
    NEGATIVE = 1
    """The last test was negative."""
    NONZERO = 2
    """The source is not zero."""
    LARGER = 3
    """The source is not zero and the last test was not negative."""


class Test(IntEnum):
    """What a step remembers of the sum of exponents."""

    NOTHING = 0
    NEGATIVE = 1
    NEGATIVE_NONZERO = 2
    """It is negative and the source is not zero."""


@dataclass(frozen=True)
class Step:
    """One step.

    Parameters
    ----------
    run: operation, of `count` bits.  source: the scalar on the bus.
    operand, number: the bus is loaded there.  save: this register first takes the number.
    left, right, constant: the sum of exponents; minus: `right` is subtracted.
    into, when, test: what becomes of it.  distance: the register of that name takes `exponent`.
    """

    run: Run = Run.NONE
    count: int = 1
    source: Source = Source.NUMBER
    operand: bool = False
    number: bool = False
    save: Source | None = None
    left: Left = Left.ZERO
    right: Right = Right.ZERO
    constant: int = 0
    minus: bool = False
    into: Into = Into.NOTHING
    when: When = When.ALWAYS
    test: Test = Test.NOTHING
    distance: bool = False


def decode(m: Module, program: Sequence[Step], place: Signal) -> dict[str, Signal]:
    """The fields of step number `place`; a step that saves nothing has `save` = Source.NUMBER."""
    enums = {"run": Run, "source": Source, "left": Left, "right": Right, "into": Into, "when": When}
    fields = {name: Signal(range(max(kind) + 1), name=name) for name, kind in enums.items()}
    fields |= {name: Signal(name=name) for name in ("operand", "number", "minus", "distance")}
    fields["test"] = Signal(range(len(Test)), name="test")
    fields["save"] = Signal(range(max(Source) + 1), name="save")
    fields["count"] = Signal(range(max(step.count for step in program) + 1), name="count")
    fields["constant"] = Signal(signed(SUM_BITS), name="constant")
    with m.Switch(place):
        for number, step in enumerate(program):
            with m.Case(number):
                m.d.comb += [field.eq(int(getattr(step, name) or 0)) for name, field in fields.items()]
    return fields


def sum_exponents(
    m: Module, step: dict[str, Signal], bus: Value, exponent: Value, number: Value, words: data.View
) -> Value:
    """left ± right + constant; `number` is the exponent of that register, `words` has both grids."""
    left, right = Signal(signed(SUM_BITS)), Signal(signed(SUM_BITS))
    with m.Switch(step["left"]):
        with m.Case(Left.SOURCE):
            m.d.comb += left.eq(bus)
        with m.Case(Left.EXPONENT):
            m.d.comb += left.eq(exponent)
    with m.Switch(step["right"]):
        with m.Case(Right.NUMBER):
            m.d.comb += right.eq(number)
        with m.Case(Right.WINDOW):
            m.d.comb += right.eq(words.window_grid)
        with m.Case(Right.GRID):
            m.d.comb += right.eq(words.grid)
    return left + step["constant"] + (right ^ step["minus"].replicate(SUM_BITS)) + step["minus"]
