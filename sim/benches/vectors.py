"""Any pipelined unit: inputs cycle by cycle, and what its outputs must show in which cycle."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from sim.drivers.cocotb_streams import parameters, start


@cocotb.test()
async def follows_its_vectors(dut: Any) -> None:
    """Drives inputs and compares outputs.

    Parameters: `still` (port → value for the whole test), `inputs` (one object per cycle, port →
    value), `expected` (one object per cycle, port → [value, mask of the bits that count]).
    """
    given = parameters()
    for name, value in given["still"].items():
        getattr(dut, name).value = value
    for name in {name for inputs in given["inputs"] for name in inputs}:
        getattr(dut, name).value = 0
    await start(dut)
    for cycle, (inputs, expected) in enumerate(zip(given["inputs"], given["expected"], strict=True)):
        for name, value in inputs.items():
            getattr(dut, name).value = value
        await ReadOnly()
        for name, (value, mask) in expected.items():
            text = str(getattr(dut, name).value)
            got = int("".join(bit if bit in "01" else "0" for bit in text), 2) & mask
            unknown = int("".join("0" if bit in "01" else "1" for bit in text), 2) & mask
            assert not unknown, f"cycle {cycle}: {name}: expected {value:#x}, got {text}"
            assert got == value, f"cycle {cycle}: {name}: expected {value:#x}, got {got:#x}"
        await FallingEdge(dut.clk)
