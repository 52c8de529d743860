# amaranth: UnusedElaboratable=no
"""Payloads stand until they are taken: whoever breaks that is told, on every simulator."""

from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.host_port import HostPort
from sim.backends.cocotb_runner import run_unit
from sim.backends.simulators import SIMULATORS
from sim.drivers.handshake import output_streams
from sim.drivers.ports import SimulationError
from tests.hw.bench import NANO, simulate, simulate_with_reset


class Source(wiring.Component):
    """Counts the payloads that are taken; with a fault, also what is not.

    fault: "", "payload" (the next payload comes though nobody took the last), "valid" (it goes away).
    """

    def __init__(self, fault: str) -> None:
        self._fault = fault
        super().__init__({"other": In(stream.Signature(4)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        there = Signal(init=1)
        m.d.comb += self.o.valid.eq(there)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.payload.eq(self.o.payload + 1)
        with m.Elif(self.o.payload == 5):
            if self._fault == "payload":
                m.d.sync += self.o.payload.eq(9)
            elif self._fault == "valid":
                m.d.sync += there.eq(0)
        return m


async def _take(ctx: Any, dut: Source) -> None:
    for cycle in range(30):
        ctx.set(dut.o.ready, cycle % 3 != 1)
        await ctx.tick()


def test_every_output_stream_is_watched() -> None:
    assert output_streams(Source("")) == ["o"]
    assert output_streams(HostPort(NANO)) == ["o_result"]


def test_a_payload_that_stands_is_well() -> None:
    dut = Source("")

    async def bench(ctx: Any) -> None:
        await _take(ctx, dut)

    simulate(dut, bench)


@pytest.mark.parametrize(("fault", "found"), [("payload", "0x9"), ("valid", "nothing")])
def test_a_payload_that_does_not_stand_is_told(fault: str, found: str) -> None:
    """cheby#86: `valid` was a pulse, whoever was not ready then waited for ever."""
    dut = Source(fault)

    async def bench(ctx: Any) -> None:
        await _take(ctx, dut)

    with pytest.raises(
        SimulationError, match=f"^stream o, cycle 8: payload 0x5 was not taken, then {found} stood there$"
    ):
        simulate(dut, bench)


def test_a_reset_takes_back_what_was_offered() -> None:
    dut = Source("")

    async def bench(ctx: Any, reset: Any) -> None:
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.o.ready, 0)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.o.payload) == 3
        await reset()
        assert ctx.get(dut.o.payload) == 0
        await ctx.tick().repeat(2)

    simulate_with_reset(dut, bench)


@pytest.mark.parametrize("fault", ["", "payload", "valid"])
def test_the_monitor_of_cocotb_tells_it_too(fault: str) -> None:
    given = {"stalls": 0.5, "seed": 3, "count": 12}
    if not fault:
        run_unit(Source(fault), "sim.benches.outputs", given, SIMULATORS[0])
        return
    found = "nothing" if fault == "valid" else f"{9:08b}"
    with pytest.raises(AssertionError, match=f"payload {5:08b} was not taken, then {found} stood there"):
        run_unit(Source(fault), "sim.benches.outputs", given, SIMULATORS[0])
