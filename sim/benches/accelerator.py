"""The whole accelerator: a program in, images in, every write and every result word out."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import (
    FallingEdge,
    First,
    ReadOnly,
    RisingEdge,
    SimTimeoutError,
    ValueChange,
    with_timeout,
)
from cocotb.types import LogicArray

from sim.drivers.cocotb_streams import PERIOD, StreamDriver, StreamMonitor, cycle, parameters, start
from sim.drivers.pauses import Pauses


class UnknownBits(Exception):
    """A bit that matters is neither 0 nor 1."""


def _bytes(value: Any, enable: int, lanes: int, what: str) -> list[int]:
    """The lanes of a word as int8; a lane that is not enabled may be unknown and counts as 0."""
    if value.is_resolvable:
        return list(np.frombuffer(value.to_unsigned().to_bytes(lanes, "little"), np.int8))
    text = str(value)
    values = []
    for lane in range(lanes):
        bits = text[len(text) - 8 * lane - 8 : len(text) - 8 * lane]
        if not enable >> lane & 1:
            bits = "0"
        elif set(bits) - {"0", "1"}:
            raise UnknownBits(f"{what}, lane {lane}: {bits} in cycle {cycle()}")
        values.append(int(bits, 2) - (256 if len(bits) == 8 and bits[0] == "1" else 0))
    return values


class AcceleratorBench:
    """The ports of an accelerator.

    Parameters
    ----------
    job: lanes, stalls and seed; `program` before `load`, `result_words` before `run`.
    """

    def __init__(self, dut: Any, job: Any) -> None:
        self.dut = dut
        self.job = job
        self.lanes: int = job["lanes"]
        stalls, seed = job["stalls"], job["seed"]
        self.program = StreamDriver(dut, "i_program", Pauses(stalls, seed))
        self.image = StreamDriver(dut, "i_image", Pauses(stalls, seed + 1))
        self.result_pauses = Pauses(stalls, seed + 2)
        self.writes: list[tuple[int, int, int, list[int]]] = []
        self.result: list[list[int]] = []
        # Number of the first result word that is marked as the last and is not, or the other way round.
        self.wrong_mark = 0

    def take_result(self, word: Any) -> None:
        """A word of the result stream; `last` is the bit above the lanes."""
        text = str(word)
        self.result.append(_bytes(LogicArray(text[1:]), -1, self.lanes, "result stream"))
        if text[0] != str(int(len(self.result) == self.job["result_words"])):
            self.wrong_mark = len(self.result)

    def image_words(self, image: Any) -> list[int]:
        """Words of the image stream, of int8 (words, lanes); the last is marked."""
        words = [int.from_bytes(word.tobytes(), "little") for word in image]
        words[-1] |= 1 << 8 * self.lanes
        return words

    async def watch_writes(self) -> None:
        """Collects the writes; sleeps while there are none (`valid` comes from registers)."""
        dut = self.dut
        while True:
            await ReadOnly()
            if dut.trace__valid.value:
                address, enable = (dut.trace__address.value, dut.trace__enable.value)
                enabled = enable.to_unsigned()
                values = _bytes(dut.trace__data.value, enabled, self.lanes, "write")
                self.writes.append((cycle(), address.to_unsigned(), enabled, values))
            else:
                await RisingEdge(dut.trace__valid)
            await FallingEdge(dut.clk)

    async def until(self, ended: Any) -> None:
        """Returns just after a falling edge, once `ended()` or an error is there."""
        while not (ended() or self.dut.error.value or self.wrong_mark):
            await FallingEdge(self.dut.clk)

    async def or_error(self, coroutine: Any) -> Any:
        """What the coroutine returns, or None if the error register is set before it ends."""
        task = cocotb.start_soon(coroutine)
        await First(task, ValueChange(self.dut.error))
        if task.done():
            return task.result()
        task.cancel()
        await FallingEdge(self.dut.clk)
        return None

    async def load(self) -> int:
        """Streams the program; returns the clock cycles until it is accepted or refused."""
        begin = cycle()
        await self.or_error(self.program.send(self.job["program"]))
        await self.until(lambda: self.dut.loaded.value)
        return cycle() - begin

    async def run(self, words: list[int]) -> dict[str, Any]:
        """Streams the words of one image and waits for its result, or for an error."""
        begin = cycle()
        self.writes.clear()
        self.result.clear()
        taken = await self.or_error(self.image.send(words))
        count = self.job["result_words"]
        await self.until(lambda: len(self.result) >= count and not self.dut.busy.value)
        return {
            "writes": [(when - (taken or 0), *rest) for when, *rest in self.writes],
            "result": list(self.result),
            "cycles": self.dut.cycles.value.to_unsigned(),
            "load_cycles": (taken or 0) + 1 - begin,
        }


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Runs the job in the parameters and leaves what the ports showed in the folder it names."""
    given = parameters()
    arrays = np.load(given["job"])
    job = given | {"program": arrays["program"].tolist()}
    dut.skip.value = job["skip"]
    bench = AcceleratorBench(dut, job)
    dut._log.info("stalls %s, seed %s", job["stalls"], job["seed"])
    await start(dut)
    limit = job["limit"] * PERIOD
    out: dict[str, Any] = {"hung": "loading", "images": 0, "wrong_mark": 0}
    try:
        out["program_cycles"] = await with_timeout(bench.load(), limit, "ns")
        monitor = StreamMonitor(dut, "o_result", bench.result_pauses, bench.take_result, registered=True)
        cocotb.start_soon(monitor.watch())
        cocotb.start_soon(bench.watch_writes())
        for number, image in enumerate(arrays["images"]):
            if dut.error.value or bench.wrong_mark:
                break
            out["hung"] = f"image {number}"
            record = await with_timeout(bench.run(bench.image_words(image)), limit, "ns")
            for name, value in record.items():
                out[f"{name}{number}"] = value
            out["images"] = number + 1
            out["wrong_mark"] = bench.wrong_mark
        out["hung"] = ""
    except SimTimeoutError:
        pass
    out["error"] = dut.error.value.to_unsigned()
    out["clocks"] = cycle()
    kind = np.dtype([("cycle", "i8"), ("address", "u4"), ("enable", "u8"), ("data", "i1", (bench.lanes,))])
    for name in [name for name in out if name.startswith("writes")]:
        out[name] = np.array([tuple(write) for write in out[name]], dtype=kind)
    with open(given["record"], "wb") as file:
        np.savez(file, **out)
