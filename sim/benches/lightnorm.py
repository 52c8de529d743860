"""The LightNorm unit: tensors through all its streams, one after the other, with pauses."""

import json
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from sim.drivers.cocotb_streams import Standing, cycle, parameters, start

_PATIENCE = 20_000
"""Cycles without any transfer after which the unit counts as stuck."""


class _Port:
    def __init__(self, dut: Any, name: str) -> None:
        self.payload = getattr(dut, f"{name}__payload")
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready")


async def _tensor(dut: Any, tensor: dict[str, Any], record: dict[str, Any]) -> None:
    """One coroutine for all streams: waking one for each takes most of the time of a simulation."""
    rng = random.Random(tensor["seed"])
    stall = tensor["stall"]
    for name, value in tensor["still"].items():
        getattr(dut, name).value = value
    sources = [(_Port(dut, name), iter(words)) for name, words in tensor["inputs"].items()]
    waiting: dict[int, int] = {}
    sinks = [(name, _Port(dut, name), words) for name, words in tensor["results"].items()]
    standing = {name: Standing(name) for name in tensor["results"]}
    taken = dict.fromkeys(tensor["results"], 0)
    masks = dict.fromkeys(tensor["results"], 0)
    missing = sum(len(words) for _, _, words in sinks)
    quiet = 0
    while missing:
        for place, (port, words) in enumerate(sources):
            if place not in waiting and not (stall and rng.random() < stall):
                word = next(words, None)
                if word is not None:
                    port.payload.value = waiting[place] = word
                    port.valid.value = 1
        open_sinks = []
        for sink in sinks:
            ready = not (stall and rng.random() < stall)
            sink[1].ready.value = ready
            if ready:
                open_sinks.append(sink)
        await ReadOnly()
        for sink in sinks if stall else ():
            name, port, _ = sink
            standing[name].look(bool(port.valid.value), sink in open_sinks, port.payload.value)
        gone = [place for place in waiting if sources[place][0].ready.value]
        quiet += 1
        for name, port, words in open_sinks:
            if not port.valid.value:
                continue
            quiet = 0
            number = taken[name]
            taken[name] += 1
            if number >= len(words):
                raise AssertionError(f"{name}: more than {len(words)} payloads, cycle {cycle()}")
            right, care = words[number]
            got = int("".join(bit if bit in "01" else "0" for bit in str(port.payload.value)), 2)
            masks[name] |= got
            missing -= 1
            if (got ^ right) & care:
                record["mismatches"] += 1
                record.setdefault(
                    "first", f"{name}, payload {number}, cycle {cycle()}: expected {right:#x}, got {got:#x}"
                )
        assert quiet < _PATIENCE, f"nothing moves any more; taken: {taken}"
        await FallingEdge(dut.clk)
        for place in gone:
            quiet = 0
            del waiting[place]
            sources[place][0].valid.value = 0
    record["seen"].append(masks)


@cocotb.test()
async def gives_what_the_model_says(dut: Any) -> None:
    """Parameters: `record` (file for what was found) and `tensors`: each `still`, `stall`, `seed`,
    `inputs` (stream → words), `results` (stream → [word, bits that count]).

    The record: payloads that differ (`mismatches`, the `first` one as text), `cycles` of each tensor,
    and for each tensor and stream all its words, or-ed (`seen`).
    """
    given = parameters()
    record: dict[str, Any] = {"mismatches": 0, "cycles": [], "seen": []}
    for name in (*given["tensors"][0]["inputs"], *given["tensors"][0]["results"]):
        port = _Port(dut, name)
        (port.valid if name in given["tensors"][0]["inputs"] else port.ready).value = 0
    await start(dut)
    for tensor in given["tensors"]:
        begun = cycle()
        await _tensor(dut, tensor, record)
        record["cycles"].append(cycle() - begun)
    Path(given["record"]).write_text(json.dumps(record))
    assert not record["mismatches"], f"{record['mismatches']} payloads differ; first: {record['first']}"
