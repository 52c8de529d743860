"""The array, part by part: what every accelerator has between its feature memory and its sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.spec.config import Config
from hw.fetch.fetch import Fetch
from hw.fetch.window import RowWindow
from hw.writeback.drain import Drain
from hw.writeback.operands import Operands


@dataclass(frozen=True)
class Array:
    """Fetch unit, row window, engines, drain and operands: rows in, operands of an output pipeline out.

    Between drain and engines the one who builds it connects `drain.engines` to each engine's `sums`.
    """

    fetch: Fetch
    window: RowWindow
    engines: Sequence[Any]
    drain: Drain
    operands: Operands

    @property
    def units(self) -> list[Any]:
        """All that has a load bus and a `start`."""
        return [self.fetch, self.drain, *self.engines]


def add_array(m: Module, config: Config, engine: Callable[[Config, int], wiring.Component]) -> Array:
    """Adds the parts to a module as submodules of their own and joins them.

    Parameters
    ----------
    engine: configuration, number → component with the members of `hw.engine.engine.Engine`.
    """
    m.submodules.fetch = fetch = Fetch(config)
    m.submodules.window = window = RowWindow(config)
    m.submodules.drain = drain = Drain(config)
    m.submodules.operands = operands = Operands(config)
    engines: list[Any] = [engine(config, number) for number in range(config.engines)]
    wiring.connect(m, fetch.push, window.push)
    for number, it in enumerate(engines):
        m.submodules[f"engine{number}"] = it
        wiring.connect(m, it.ahead, window.ahead[number])
        wiring.connect(m, it.rows, window.rows[number])
        m.d.comb += fetch.engine_row[number].eq(it.row)
    wiring.connect(m, drain.reads, operands.reads)
    wiring.connect(m, drain.terms, operands.i)
    return Array(fetch, window, engines, drain, operands)
