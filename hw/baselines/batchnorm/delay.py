"""A value now and in the cycles before."""

from itertools import pairwise

from amaranth.hdl import Module, Signal, Value


def delayed(m: Module, value: Value, cycles: int, advance: Value, name: str) -> list[Signal]:
    """`value` followed by what it was 1…`cycles` steps of the pipeline ago."""
    stages = [Signal(len(value), name=f"{name}{stage}") for stage in range(cycles + 1)]
    m.d.comb += stages[0].eq(value)
    with m.If(advance):
        m.d.sync += [after.eq(before) for before, after in pairwise(stages)]
    return stages
