"""`lightdeal lightnorm rtl`: the unit's Verilog against the integer model, on two simulators."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flows.base.files import read_json, write_whole
from flows.base.jobs import run_jobs
from flows.base.metrics import Metric, table, write_metrics
from flows.studies.lightnorm.commands import LightNormRtl
from golden.progress import Progress
from golden.spec import block
from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.unit import LightNorm
from hw.tops.verilog import component_verilog
from sim.backends.simulators import SIMULATORS
from sim.lightnorm.regression import INDEX_BITS, Case, Outcome, run_case, sizes

LONG = 4096
"""Values a channel of the tensor whose traffic is counted: a multiple of every group."""

FORMATS: dict[str, NormFormat] = {
    "light": replace(block.light(), spike=1),
    "wide": block.wide(),
    "mxint8": block.mxint8(),
}
_SPIKES = {4: Spikes.CLIP, 8: Spikes.APART, 16: Spikes.BLOCK}
_TRAFFIC = {"g4": block.light(4), "g32_fused": block.light(32)}


def cases() -> list[Case]:
    """10-bit, 8-bit-mantissa and MXINT8-like formats × lanes × chunks; each treatment of spikes."""
    return [
        Case(name, fmt, lanes, wanted, spikes)
        for name, fmt in FORMATS.items()
        for lanes, spikes in _SPIKES.items()
        for wanted in (1, 8)
    ]


def rtl(options: LightNormRtl) -> tuple[str, bool]:
    """Runs what is not done yet; leaves metrics in `options.out`; returns (a table, nothing differs).

    Finished runs are kept beside `options.out` by the Verilog that they ran, so a killed one goes on.
    """
    kept = options.out.parent / "rtl"
    kept.mkdir(parents=True, exist_ok=True)
    simulators = sorted(SIMULATORS, reverse=True) if options.simulator == "both" else [options.simulator]
    wanted = {
        f"{case}, {simulator}": partial(
            _run, case, sizes(case.lanes, options.beats, options.seed), simulator, options.seed, kept
        )
        for simulator in simulators
        for case in cases()
    }
    for short, fmt in _TRAFFIC.items():
        case = Case(f"traffic {short}", fmt, 8, 8, Spikes.APART)
        wanted[f"{case}, verilator"] = partial(_run, case, [LONG], "verilator", options.seed, kept)
    found: dict[str, Outcome] = run_jobs(wanted, options.workers)
    beats = sum(outcome.beats for outcome in found.values())
    wrong = sum(outcome.mismatches for outcome in found.values())
    where = (
        f"cocotb on {' and '.join(simulators)}, {len(cases())} configurations of at least {options.beats:,} "
        f"beats on each, seed {options.seed}"
    )
    metrics = [
        Metric("lightnorm.rtl_beats", beats, "1", "more", where),
        Metric("lightnorm.rtl_mismatches", wrong, "1", "less", where),
    ]
    for short in _TRAFFIC:
        outcome = next(it for name, it in found.items() if name.startswith(f"traffic {short},"))
        bits = outcome.bits.total() - (outcome.bits["STAT x"] if short.endswith("fused") else 0)
        source = f"values and exponents in the beats of the RTL's ports, {outcome.elements} values"
        metrics.append(
            Metric(f"lightnorm.bits_per_element.{short}", bits / outcome.elements, "bit", "less", source)
        )
    write_metrics(metrics, options.out)
    cells = [
        [name, f"{it.beats:,}", f"{it.payloads:,}", f"{it.cycles:,}", f"{it.mismatches:,}"]
        for name, it in found.items()
    ]
    text = table(["configuration, simulator", "beats", "payloads compared", "cycles", "mismatches"], cells)
    first = next((f"\n\n{name}: {it.first}" for name, it in found.items() if it.first), "")
    return f"{text}\n\n{beats:,} beats, {wrong:,} mismatches{first}", not wrong


def outcome_of(fields: dict[str, Any]) -> Outcome:
    """What a run has kept. Raises TypeError or KeyError for something else."""
    return Outcome(**(fields | {"bits": Counter(fields["bits"])}))


def _run(case: Case, values: list[int], simulator: str, seed: int, kept: Path, progress: Progress) -> Outcome:
    text = component_verilog(LightNorm(case.fmt, case.lanes, case.spikes, INDEX_BITS), "unit")
    asked = repr((text, str(case), repr(case.fmt), values, simulator, seed))
    path = kept / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.json"
    if path.exists():
        return read_json(path, "kept run", outcome_of, f"remove {path} to run it again")
    progress(f"{len(values)} tensors", 0.0)
    outcome = run_case(case, values, simulator, seed)
    write_whole(path, json.dumps(vars(outcome)))
    return outcome
