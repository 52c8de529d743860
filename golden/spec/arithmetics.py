"""What a lane can do with a weight: the streams that go with it, registered by name.

The core has one entry; baselines, against which the core is measured, add theirs (`golden.baselines`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from golden.spec import formats
from golden.spec.fields import Field, Record


class Sizes(Protocol):
    """What the words of a stream depend on of a configuration (`golden.spec.config.Config`)."""

    @property
    def accumulators(self) -> int: ...


@dataclass(frozen=True)
class Arithmetic:
    """An arithmetic of the lanes as far as hardware and golden must agree on it.

    Parameters
    ----------
    name: value of `Config.arithmetic`.
    word_bits: sizes → width of a word of a coefficient memory.
    operand_bits: width of what a step carries to the lanes.
    """

    name: str
    word_bits: Callable[[Sizes], int]
    operand_bits: int


ADVANCE_BITS = 2


def coefficient_record(sizes: Sizes) -> Record:
    """One entry of a coefficient stream: advance the row, then add ±x·2**p to a slot."""
    return Record(
        "coefficient",
        (
            Field("code", formats.CODE_BITS, doc="see golden.spec.formats"),
            Field("slot", (sizes.accumulators - 1).bit_length(), doc="partial sum that it adds to"),
            Field("advance", ADVANCE_BITS, doc="rows to step forward before it adds"),
        ),
    )


PAIR = 2
"""Entries of a coefficient stream in a memory word."""

SHIFT_ADD = Arithmetic(
    "shift_add",
    lambda sizes: PAIR * coefficient_record(sizes).bits,
    formats.CODE_BITS,
)
"""Power-of-two coefficients are shifted and added; the basis comes last."""

_registered = {SHIFT_ADD.name: SHIFT_ADD}
_plugs: dict[str, Callable[[], None]] = {}


def register(arithmetic: Arithmetic, plug_in: Callable[[], None] | None = None) -> None:
    """Makes an arithmetic known; the same one again changes nothing.

    Parameters
    ----------
    plug_in: brings what compiler, machine and engines need for it, when they first ask (`plug_in`); None
        where that is there already.
    """
    _registered.setdefault(arithmetic.name, arithmetic)
    if plug_in is not None:
        _plugs[arithmetic.name] = plug_in


def plug_in(name: str) -> None:
    """Bring what goes with the arithmetic of that name, if it is not there yet."""
    bring = _plugs.pop(name, None)
    if bring is not None:
        bring()


def names() -> list[str]:
    """Names of all arithmetics that are known, the core's first."""
    return list(_registered)


def arithmetic(name: str) -> Arithmetic:
    """The arithmetic of that name. Raises KeyError."""
    return _registered[name]
