"""All figures of synthesis and their report, in one go: what `lightdeal synth` does without options."""

import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.base.files import write_whole
from flows.base.jobs import run_jobs
from flows.base.metrics import table
from flows.base.progress import say
from flows.base.tools import MissingTool
from flows.cost.commands import Synth
from flows.report.commands import FullReport
from flows.synth.netlist import ASIC
from flows.synth.targets import TARGETS
from golden.progress import Progress
from golden.spec.errors import LightDealError, ProgramError

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class Outcome:
    """How a step ended.

    Parameters
    ----------
    state: "done", "skipped" (a tool, or a program that another command makes, is missing) or "failed".
    said: what is missing or wrong, or what was found.
    seconds: of processors, in this run; little where an earlier run did the work.
    """

    state: str
    said: str
    seconds: float


def attempt(run: Callable[[], object], progress: Progress) -> Outcome:
    """Run a step; what it lacks or finds wrong becomes its outcome."""
    progress("", 0.0)
    begun = _seconds()
    try:
        found = run()
    except (MissingTool, ProgramError) as missing:
        return Outcome(SKIPPED, str(missing), _seconds() - begun)
    except LightDealError as wrong:
        return Outcome(FAILED, str(wrong), _seconds() - begun)
    return Outcome(DONE, found if isinstance(found, str) else "", _seconds() - begun)


def _seconds() -> float:
    """Of processors, taken by this process and by those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(it.ru_utime + it.ru_stime for it in used)


def unit_totals(options: Synth) -> str:
    """Synthesis of a unit, as `flows.cost.unit.synth_unit` does it; its counts in a line."""
    from flows.cost.tables import COLUMNS
    from flows.cost.unit import synth_unit

    _, area = synth_unit(options)
    counts = {COLUMNS[name]: getattr(area, name) for name in COLUMNS}
    return ", ".join(f"{name} {count:,.10g}" for name, count in counts.items() if count)


def units(out: Path) -> dict[str, Callable[[], object]]:
    """The syntheses that the report does not make itself."""
    wanted = {f"SMALL on {target}, by block": Synth("small", target, "accelerator") for target in TARGETS}
    wanted |= {f"LightNorm on {target}": Synth("small", target, "lightnorm") for target in ("ecp5", ASIC)}
    wanted |= {
        f"SMALL that learns, {unit}": Synth("small-learning", "ecp5", unit)
        for unit in ("learning-accelerator", "norm-passes")
    }
    return {
        name: partial(unit_totals, Synth(it.config, it.target, it.unit, timing=it.target == ASIC, out=out))
        for name, it in wanted.items()
    }


def stages(out: Path) -> list[dict[str, Callable[[], object]]]:
    """Steps that may run side by side, by name; a stage needs the ones before it.

    The first stage trains what is missing, in processes of its own.
    """
    from flows.report.measure import AFTER, FIRST, steps

    measured = steps()
    middle = {name: run for name, run in measured.items() if name not in (*FIRST, *AFTER)}
    return [
        {name: measured[name] for name in FIRST},
        units(out) | middle,
        {name: measured[name] for name in AFTER},
    ]


def everything(out: Path) -> tuple[str, bool]:
    """Every step, then the report; a table of the steps and the report's summary.

    As many steps run side by side as there are processors; results are kept by digest. The second value is
    False if a step failed; one that lacks a tool or a program is skipped by name.
    """
    begun = time.perf_counter()
    ended: dict[str, Outcome] = {}
    first, *others = stages(out)
    for name, run in first.items():
        ended[name] = attempt(run, lambda _, __: None)
    for stage in others:
        ended |= run_jobs({name: partial(_job, name, run) for name, run in stage.items()})
    from flows.report.verb import note_sources, report

    plain = FullReport(measure=False)
    note_sources(plain, [name for name, it in ended.items() if it.state != DONE])
    summary = report(plain)
    text = outcome_table(ended)
    taken = time.perf_counter() - begun
    total = sum(it.seconds for it in ended.values())
    text += (
        f"\n\n{len(ended)} steps: {taken / 60:.1f} minutes on {os.cpu_count()} processors, of which "
        f"{total / 60:.1f} minutes of one processor's work\n\n{summary}"
    )
    write_whole(out / "everything.md", text + "\n")
    return text, all(it.state != FAILED for it in ended.values())


def _job(name: str, run: Callable[[], object], progress: Progress) -> Outcome:
    ended = attempt(run, progress)
    say(f"{ended.state}: {name}, {ended.seconds:.0f} s{': ' if ended.said else ''}{ended.said}")
    return ended


def outcome_table(ended: Mapping[str, Outcome]) -> str:
    """A row for each step; what was skipped or failed says why below."""
    text = table(
        ["step", "processor, s", "ended"],
        [[name, f"{it.seconds:.0f}", it.state] for name, it in ended.items()],
    )
    said = [f"{it.state}: {name}: {it.said}" for name, it in ended.items() if it.said]
    return "\n\n".join([text, *said])
