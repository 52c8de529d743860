"""An engine with its coefficient memory: rows in, partial sums out, at any pace."""

import random
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from golden.spec import latency
from sim.drivers.cocotb_streams import parameters, start


@cocotb.test()
async def sums_of_all_jobs(dut: Any) -> None:
    """Plays the loader, the row window and the drain.

    Parameters: `memory`, `words` (for the load bus); `window`, `slots`; `rows` (objects of data,
    zero, marker, rewind); `sums` (for each job, the word of each slot); `skip`; `late`, `slow`
    (probabilities that no row comes, and that a full bank waits, in a cycle); `seed`; `limit` in
    cycles.
    """
    given = parameters()
    rng, window, rows = random.Random(given["seed"]), given["window"], given["rows"]
    dut._log.info("seed %s", given["seed"])
    for name in (
        "start",
        "ahead__written",
        "ahead__flags__0",
        "ahead__flags__1",
        "rows__bytes",
        "sums__release",
        "sums__read",
        "sums__bank",
        "sums__slot",
    ):
        getattr(dut, name).value = 0
    dut.skip.value = given["skip"]
    dut.load__valid.value = 0
    await start(dut)
    dut.load__memory.value = given["memory"]
    for address, word in enumerate(given["words"]):
        dut.load__valid.value = 1
        dut.load__address.value = address
        dut.load__data.value = word
        await FallingEdge(dut.clk)
    dut.load__valid.value = 0
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0
    written = oldest = job = slot = 0
    reads: list[tuple[int, int, int]] = []
    for cycle in range(given["limit"]):
        room = written - oldest < window and written < len(rows)
        if room and rng.random() >= given["late"]:
            written += 1
        held = {number % window: rows[number] for number in range(max(0, written - window), written)}
        dut.ahead__written.value = written % (2 * window)
        # The places come from registers; the window answers in the same cycle.
        for number in range(2):
            look = getattr(dut, f"ahead__look__{number}").value
            row = held.get(look.to_unsigned(), {}) if look.is_resolvable else {}
            flags = [row.get(name, False) for name in ("zero", "marker", "rewind")]
            getattr(dut, f"ahead__flags__{number}").value = sum(flag << bit for bit, flag in enumerate(flags))
        place = dut.rows__place.value
        known = place.is_resolvable and place.to_unsigned() in held
        dut.rows__bytes.value = held[place.to_unsigned()]["data"] if known else 0
        bank = job % 2
        drains = dut.sums__full.value.to_unsigned() >> bank & 1 and rng.random() >= given["slow"]
        drains = drains and job < len(given["sums"])
        dut.sums__read.value = int(drains)
        dut.sums__bank.value = bank
        dut.sums__slot.value = slot
        last = drains and slot == given["slots"] - 1
        dut.sums__release.value = 1 << bank if last else 0
        await ReadOnly()
        assert not dut.bad.value, f"the stream is bad at row {oldest}"
        if reads and reads[0][0] == cycle - latency.SUM_READ:
            _, done, place = reads.pop(0)
            expected, got = given["sums"][done][place], dut.sums__sums.value
            assert got == expected, f"job {done}, slot {place}: expected {expected:#x}, got {got}"
        if drains:
            reads.append((cycle, job, slot))
            job, slot = (job + 1, 0) if last else (job, slot + 1)
        oldest += (dut.row.value.to_unsigned() - oldest) % (2 * window)
        await FallingEdge(dut.clk)
        if job == len(given["sums"]) and not reads:
            return
    raise AssertionError(f"{job} of {len(given['sums'])} jobs ended in {given['limit']} cycles")
