"""One source, several readers."""

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Module


def fan_out(m: Module, source: Any, targets: Iterable[Any]) -> None:
    """Gives every reader what `source` says; all of its members leave it."""
    for target in targets:
        for name in source.signature.members:
            m.d.comb += getattr(target, name).eq(getattr(source, name))
