"""A device that learns: program after program with its frame, in one simulation, and what comes back."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import with_timeout

from sim.benches.accelerator import AcceleratorBench
from sim.drivers.cocotb_streams import PERIOD, StreamMonitor, parameters, start


@cocotb.test()
async def run_session(dut: Any) -> None:
    """Does the runs in the parameters and leaves their results in the file that they name."""
    given = parameters()
    arrays = np.load(given["runs"])
    dut.skip.value = 1
    bench = AcceleratorBench(dut, given)
    dut._log.info("stalls %s, seed %s", given["stalls"], given["seed"])
    await start(dut)
    monitor = StreamMonitor(dut, "o_result", bench.result_pauses, bench.take_result, registered=True)
    cocotb.start_soon(monitor.watch())
    cocotb.start_soon(bench.watch_writes())
    results: dict[str, Any] = {}
    for number, count in enumerate(given["result_words"]):
        bench.job = given | {"program": arrays[f"program{number}"].tolist(), "result_words": count}
        await with_timeout(bench.load(), given["limit"] * PERIOD, "ns")
        words = bench.image_words(arrays[f"frame{number}"])
        record = await with_timeout(bench.run(words), given["limit"] * PERIOD, "ns")
        assert not dut.error.value, f"run {number}: the device stops with error {dut.error.value}"
        assert not bench.wrong_mark, f"run {number}: result word {bench.wrong_mark} has the wrong mark"
        results[f"result{number}"] = np.array(record["result"], np.int8)
        results[f"cycles{number}"] = np.array(record["cycles"])
    with open(given["results"], "wb") as file:
        np.savez(file, **results)
