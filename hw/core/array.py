"""The array, part by part: what every accelerator has between its feature memory and its sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.spec.config import Config
from golden.spec.memories import Memory, memories
from hw.fetch.fetch import Fetch
from hw.fetch.window import RowWindow
from hw.parts.fan_out import fan_out
from hw.parts.shared import Shared
from hw.writeback.drain import Drain
from hw.writeback.operands import Operands


@dataclass(frozen=True)
class Array:
    """Fetch unit, row window, engines, drain and operands: rows in, operands of an output pipeline out.

    Between drain and engines the one who builds it connects `drain.engines` to each engine's `sums`.
    of_engines: the numbers of the first engine's memories.
    """

    fetch: Fetch
    window: RowWindow
    engines: Sequence[Any]
    drain: Drain
    operands: Operands
    of_engines: Sequence[Memory]

    @property
    def units(self) -> list[Any]:
        """All that has a `start`."""
        return [self.fetch, self.drain, self.window, *self.engines]

    def connect_load(self, m: Module, load: Any) -> None:
        """Gives the array's memories what the loader says, each engine its own by the first one's numbers."""
        fan_out(m, load, [unit.load for unit in (self.fetch, self.drain, *self.engines)])
        for number, engine in enumerate(self.engines):
            own = [load.memory == first + number for first in self.of_engines]
            m.d.comb += [
                engine.load.valid.eq(load.valid & reduce(or_, own)),
                engine.load.memory.eq(self.of_engines[0]),
            ]
            for first, here in zip(self.of_engines[1:], own[1:], strict=True):
                with m.If(here):
                    m.d.comb += engine.load.memory.eq(first)


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
    # All alike: each has its memories by the numbers of the first one's (`Array.connect_load`).
    engines: list[Any] = [engine(config, 0) for _ in range(config.engines)]
    wiring.connect(m, fetch.push, window.push)
    for number, it in enumerate(engines):
        m.submodules[f"engine{number}"] = Shared(it)
        wiring.connect(m, it.ahead, window.ahead[number])
        wiring.connect(m, it.rows, window.rows[number])
        m.d.comb += fetch.engine_row[number].eq(it.row)
    wiring.connect(m, drain.reads, operands.reads)
    wiring.connect(m, drain.terms, operands.i)
    there = set(memories(config))
    of_engines = [it for it in (Memory.COEFFICIENT, Memory.COUNTER, Memory.PLACES) if it in there]
    return Array(fetch, window, engines, drain, operands, of_engines)
