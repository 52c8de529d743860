"""`hw.core.loader.Loader`: a program image in, memory words out on the load bus."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, with_timeout

from sim.drivers.cocotb_streams import PERIOD, StreamDriver, parameters, start
from sim.drivers.pauses import Pauses


@cocotb.test()
async def loads(dut: Any) -> None:
    """Parameters: words; writes, a list of (memory, address, bits, word); stalls, seed; limit in cycles.

    Bits of the bus above the width of the memory mean nothing.
    """
    given = parameters()
    dut._log.info("stalls %s, seed %s", given["stalls"], given["seed"])
    dut.enable.value = 1
    driver = StreamDriver(dut, "i", Pauses(given["stalls"], given["seed"]))
    await start(dut)
    writes = []

    async def watch() -> None:
        while True:
            await FallingEdge(dut.clk)
            if dut.load__valid.value:
                bus = (dut.load__memory, dut.load__address, dut.load__data)
                writes.append([signal.value.to_unsigned() for signal in bus])

    cocotb.start_soon(watch())
    await with_timeout(driver.send(given["words"]), given["limit"] * PERIOD, "ns")
    for _ in range(3):
        await FallingEdge(dut.clk)
    assert dut.error.value == 0, f"error {dut.error.value.to_unsigned()}"
    assert dut.loaded.value == 1, "a right image was not accepted"
    for got, (memory, address, bits, word) in zip(writes, given["writes"], strict=False):
        got[2] &= (1 << bits) - 1
        expected = [memory, address, word]
        assert got == expected, f"(memory, address, word): expected {expected}, got {got}"
    assert len(writes) == len(given["writes"]), f"{len(writes)} writes; expected {len(given['writes'])}"
