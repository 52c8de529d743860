"""A value now and in the cycles before."""

from typing import Any

from amaranth.hdl import Module, Signal


def delayed(m: Module, source: Any, cycles: int, name: str) -> list[Any]:
    """`source`, a value of any shape, followed by what it was 1…`cycles` cycles ago."""
    stages = [source]
    for stage in range(1, cycles + 1):
        stages.append(Signal.like(source, name=f"{name}{stage}"))
        m.d.sync += stages[-1].eq(stages[-2])
    return stages
