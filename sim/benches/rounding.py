"""`hw.parts.rounding.RoundShift`: one value per cycle, checked when its latency has passed."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from sim.drivers.cocotb_streams import parameters, start


@cocotb.test()
async def rounds(dut: Any) -> None:
    """Parameters: latency; cases, a list of (value, shift, expected)."""
    given = parameters()
    latency, cases = given["latency"], given["cases"]
    await start(dut)
    for number in range(len(cases) + latency):
        if number >= latency:
            value, shift, expected = cases[number - latency]
            got = dut.o.value.to_signed()
            assert got == expected, (
                f"case {number - latency}: {value} / 2**{shift}: expected {expected}, got {got}"
            )
        if number < len(cases):
            dut.i.value, dut.shift.value = cases[number][:2]
        await FallingEdge(dut.clk)
