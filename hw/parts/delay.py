"""A value now and in the cycles before."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Signal, Value


def delayed(m: Module, source: Any, cycles: int, name: str, advance: Value | None = None) -> list[Any]:
    """`source`, a value of any shape, followed by what it was 1…`cycles` cycles ago.

    With `advance` only the cycles count in which it is set; in the others all stages stand still.
    """
    stages = [source, *(Signal.like(source, name=f"{name}{stage}") for stage in range(1, cycles + 1))]
    moves = [later.eq(sooner) for sooner, later in pairwise(stages)]
    if advance is None:
        m.d.sync += moves
    else:
        with m.If(advance):
            m.d.sync += moves
    return stages
