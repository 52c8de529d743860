"""Drivers and monitors of streams under cocotb, with pauses.

Both act at the falling edge of the clock and look once everything has settled, so what they see
is what the next rising edge sees, on every simulator.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge

from sim.drivers.pauses import Pauses
from sim.drivers.ports import RESET_CYCLES

PERIOD = 2
"""Clock period in simulation steps of a nanosecond."""


def parameters() -> Any:
    """What the caller of `sim.backends.cocotb_runner.run_bench` handed over."""
    return json.loads(Path(str(cocotb.plusargs["parameters"])).read_text())


def cycle() -> int:
    """Number of the clock cycle that the next rising edge ends, from the start of the simulation."""
    return int(get_sim_time("ns")) // PERIOD


async def start(dut: Any) -> None:
    """Starts the clock and resets; returns just after a falling edge, reset released."""
    Clock(dut.clk, PERIOD, unit="ns").start(start_high=False)
    dut.rst.value = 1
    for _ in range(RESET_CYCLES + 1):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


class StreamDriver:
    """Sends words on the input stream `name` of a design; a word once offered stays until taken."""

    def __init__(self, dut: Any, name: str, pauses: Pauses) -> None:
        self._clock = dut.clk
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._pauses = pauses
        self._valid.value = 0

    async def send(self, words: Iterable[int]) -> int:
        """Call just after a falling edge; returns just after one.

        Returns the number of the cycle in which the last word was taken.
        """
        taken = cycle()
        for word in words:
            while self._pauses():
                self._valid.value = 0
                await FallingEdge(self._clock)
            self._payload.value = word
            self._valid.value = 1
            ready = False
            while not ready:
                await ReadOnly()
                ready = bool(self._ready.value)
                taken = cycle()
                await FallingEdge(self._clock)
        self._valid.value = 0
        return taken


class Standing:
    """Sees to it that a payload which is offered on an output stream stands until it is taken."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._offered: str | None = None

    def look(self, valid: bool, ready: bool, payload: Any) -> None:
        """Call once in every cycle, but for those that follow one without `valid`.

        Raises AssertionError naming stream and cycle.
        """
        now = str(payload) if valid else None
        assert self._offered in (None, now), (
            f"stream {self._name}, cycle {cycle()}: payload {self._offered} was not taken, "
            f"then {now or 'nothing'} stood there"
        )
        self._offered = None if ready else now


class StreamMonitor:
    """Takes words from the output stream `name` of a design; a word must stand until it is taken.

    Parameters
    ----------
    take: called with each word as a cocotb LogicArray.
    registered: `valid` depends on registers alone, so that cycles without it can be slept through.
    """

    def __init__(
        self, dut: Any, name: str, pauses: Pauses, take: Callable[[Any], None], registered: bool = False
    ) -> None:
        self._clock = dut.clk
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._pauses = pauses
        self._take = take
        self._registered = registered
        self._standing = Standing(name)
        self._ready.value = 0

    async def watch(self) -> None:
        """Takes words for ever. Start it just after a falling edge."""
        while True:
            ready = not self._pauses()
            self._ready.value = ready
            await ReadOnly()
            valid = bool(self._valid.value)
            self._standing.look(valid, ready, self._payload.value)
            if valid:
                if ready:
                    self._take(self._payload.value)
            elif self._registered:
                await RisingEdge(self._valid)
            await FallingEdge(self._clock)
