"""Chains of slow units: each step hands a payload to one of them and keeps what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Value


@dataclass(frozen=True)
class Step:
    """One use of a unit with streams `i` and `o`.

    Parameters
    ----------
    unit: the component.  payload: a value for `i`, or a value for each of its fields.
    target: register that takes the payload of `o`.
    """

    unit: Any
    payload: Value | dict[str, Any]
    target: Any


FIRST = "give0"
"""The state in which a chain begins."""


def add_steps(m: Module, steps: Sequence[Step], after: str) -> None:
    """Adds the states of a chain to the machine that is being described; it goes on to state `after`."""
    for number, step in enumerate(steps):
        give, take = step.unit.i, step.unit.o
        with m.State(f"give{number}"):
            m.d.comb += give.valid.eq(1)
            if isinstance(step.payload, dict):
                m.d.comb += [give.payload[field].eq(value) for field, value in step.payload.items()]
            else:
                m.d.comb += give.payload.eq(step.payload)
            with m.If(give.ready):
                m.next = f"take{number}"
        with m.State(f"take{number}"):
            m.d.comb += take.ready.eq(1)
            with m.If(take.valid):
                m.d.sync += step.target.eq(take.payload)
                m.next = f"give{number + 1}" if number + 1 < len(steps) else after
