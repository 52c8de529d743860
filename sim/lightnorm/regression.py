"""The unit's Verilog against the integer model, on any number of beats, under cocotb."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from golden.spec.block import BlockFormat, Flag, NormFormat, Spikes
from hw.lightnorm.affine_passes import found
from hw.lightnorm.channel_layouts import parameters_layout
from hw.lightnorm.encoder import encoded
from hw.lightnorm.extremes import extremes
from hw.lightnorm.layouts import Op, pass_beat
from hw.lightnorm.unit import LightNorm
from sim.backends.cocotb_runner import build, run_bench
from sim.lightnorm.samples import CHANNELS, sample
from sim.lightnorm.streams import Streams, care, pack, streams

INDEX_BITS = 16
STALLS = (0.0, 0.1, 0.3)


@dataclass(frozen=True)
class Case:
    """One unit and what runs through it.

    Parameters
    ----------
    name: of the formats.  fmt, lanes, spikes: the unit's.  wanted: chunks (K).
    """

    name: str
    fmt: NormFormat
    lanes: int
    wanted: int
    spikes: Spikes

    def __str__(self) -> str:
        return f"{self.name}, {self.lanes} lanes, K = {self.wanted}, spikes: {self.spikes}"


@dataclass(frozen=True)
class Outcome:
    """What a simulator found.

    Parameters
    ----------
    beats: that went into the unit, of all passes.  payloads: that came out and were compared.
    mismatches: of them, those that differ.  first: the first one, as text.
    cycles: of all tensors.
    bits: bits of the values and exponents that crossed `i` and `o`, by pass and value name ("STAT x",
        "APPLY y" …); exponents of a group once.  elements: values of the tensors, all channels.
    """

    beats: int
    payloads: int
    mismatches: int
    first: str | None
    cycles: int
    bits: Counter[str]
    elements: int


def sizes(lanes: int, beats: int, seed: int) -> list[int]:
    """Values a channel of tensors that have that many beats in all, at least: tiny, odd, and so long that
    they hide the channel's arithmetic.
    """
    found = [2, 3, 15, 17, 100, 16 * lanes]
    step = 0
    while sum(tensor_beats(values, lanes) for values in found) < beats:
        found.append(lanes * (480 + 97 * (step % 4) + seed % 7) + 1 + step % (2 * lanes))
        step += 1
    return found


def tensor_beats(values: int, lanes: int) -> int:
    """Beats of a tensor in all four passes."""
    return 4 * CHANNELS * -(-values // lanes)


def run_case(case: Case, values: Sequence[int], simulator: str, seed: int = 1) -> Outcome:
    """Runs tensors of these numbers of values a channel, stalled or not in turn, through the Verilog.

    Raises SimulationError or ToolError as `sim.backends.cocotb_runner`; payloads that differ are counted.
    """
    unit = LightNorm(case.fmt, case.lanes, case.spikes, INDEX_BITS)
    built = build(unit, simulator, "unit", tidy=simulator == "icarus")
    tensors, totals, flags = [], Counter[str](), []
    payloads = 0
    for number, count in enumerate(values):
        it = sample(seed + number, count, case.wanted, case.fmt, case.spikes)
        flow = streams(it, case.fmt, case.lanes, case.spikes)
        tensors.append(_packed(flow, case, unit.signature, seed + number, STALLS[number % len(STALLS)]))
        totals += port_bits(flow, case.fmt, case.lanes)
        flags.append(it.flags[0] | it.flags[1])
        payloads += sum(len(words) for words in flow.results.values())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record_file = folder / "record.json"
        given = {"record": str(record_file), "tensors": tensors}
        try:
            run_bench(built, simulator, "unit", "sim.benches.lightnorm", given, folder)
        except AssertionError:
            if not record_file.exists():
                raise
        record = json.loads(record_file.read_text())
    wrong, first = record["mismatches"], record.get("first")
    for number, (seen, right) in enumerate(zip(record["seen"], flags, strict=True)):
        got = _flags(seen["o"], case)
        if got != right & (Flag.OVERFLOW | Flag.UNDERFLOW):
            wrong += 1
            first = first or f"tensor {number}: expected {right!r}, got {got!r}"
    return Outcome(
        beats=sum(tensor_beats(count, case.lanes) for count in values),
        payloads=payloads,
        mismatches=wrong,
        first=first,
        cycles=sum(record["cycles"]),
        bits=totals,
        elements=CHANNELS * sum(values),
    )


def _packed(
    flow: Streams, case: Case, signature: wiring.Signature, seed: int, stall: float
) -> dict[str, Any]:
    shapes = {
        "i": pass_beat(case.fmt, case.lanes),
        "parameters": parameters_layout(),
        "places_in": extremes(INDEX_BITS),
        "o": encoded(case.fmt, case.lanes),
        "found": found(),
        "places_out": extremes(INDEX_BITS),
    }
    members = signature.members
    return {
        "seed": seed,
        "stall": stall,
        "still": {name: pack(members[name].shape, value) for name, value in flow.still.items()},
        "inputs": {
            name: [pack(shapes[name], payload) for payload in payloads]
            for name, payloads in flow.inputs.items()
        },
        "results": {
            name: [(pack(shapes[name], payload), care(shapes[name], payload)) for payload in payloads]
            for name, payloads in flow.results.items()
        },
    }


def _flags(word: int, case: Case) -> Flag:
    layout = encoded(case.fmt, case.lanes)
    got = Flag.NONE
    for name, flag in (("overflow", Flag.OVERFLOW), ("underflow", Flag.UNDERFLOW)):
        if word >> layout[name].offset & 1:
            got |= flag
    return got


def port_bits(flow: Streams, fmt: NormFormat, lanes: int) -> Counter[str]:
    """Bits of values and exponents in the beats of `i` and `o`, by pass and value; see `Outcome.bits`."""
    found: Counter[str] = Counter()
    reads = {Op.STAT: ("x",), Op.APPLY: ("x",), Op.REDUCE: ("x", "dy"), Op.GRAD: ("dy",)}
    formats = {"x": fmt.forward, "dy": fmt.gradient}
    place = 0
    for beat in flow.inputs["i"]:
        for name in reads[beat["op"]]:
            key = f"{Op(beat['op']).name} {name}"
            found[key] += _beat_bits(formats[name], beat["mask"], place, lanes)
        place = 0 if beat["last"] else place + 1
    for payload in flow.results["o"]:
        beat = payload["beat"]
        key, block = ("GRAD dx", fmt.gradient) if beat["backward"] else ("APPLY y", fmt.forward)
        found[key] += _beat_bits(block, beat["mask"], place, lanes)
        place = 0 if beat["last"] else place + 1
    return found


def _beat_bits(fmt: BlockFormat, mask: int, place: int, lanes: int) -> int:
    starts = [lane for lane in range(lanes) if mask >> lane & 1 and (place * lanes + lane) % fmt.group == 0]
    return mask.bit_count() * (1 + fmt.magnitude_bits) + len(starts) * fmt.exponent_bits
