"""Any unit with an output stream `o`: words out, at any pace."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from sim.drivers.cocotb_streams import StreamMonitor, parameters, start
from sim.drivers.pauses import Pauses


@cocotb.test()
async def counts_up(dut: Any) -> None:
    """Parameters: count (words that must come: 0, 1, 2, …); stalls, seed."""
    given = parameters()
    words: list[int] = []
    monitor = StreamMonitor(
        dut, "o", Pauses(given["stalls"], given["seed"]), lambda word: words.append(word.to_unsigned())
    )
    await start(dut)
    cocotb.start_soon(monitor.watch())
    for _ in range(20 * given["count"]):
        await FallingEdge(dut.clk)
    assert words[: given["count"]] == list(range(given["count"])), f"got {words}"
