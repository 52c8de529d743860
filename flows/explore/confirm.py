"""Points of the front in real synthesis, beside what the models say of them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from flows.base.jobs import run_jobs
from flows.base.metrics import table
from flows.base.progress import step
from flows.explore.candidates import Candidate
from flows.explore.fitted import synthesised
from flows.synth.area import Area
from golden.progress import Progress
from golden.spec.config import Config

Measure = Callable[[Config, bool, Path, Progress], Area]
"""Configuration, with DSP blocks, folder of kept runs, progress → what a synthesis counts."""


def area_of(config: Config, dsp: bool, out: Path, progress: Progress) -> Area:
    """What synthesis counts."""
    return synthesised(config, dsp, out, progress).area


def confirm(
    chosen: Mapping[int, Candidate], out: Path, workers: int | None, measure: Measure = area_of
) -> tuple[str, float]:
    """A table of models against synthesis, and the largest relative error of the sites.

    Parameters
    ----------
    chosen: number in the front → point; at least one.
    out: folder in which finished syntheses are kept.
    workers: syntheses side by side, None for one on each core.
    """
    jobs = {
        f"point {number}": partial(measure, it.point.config, it.point.dsp, out)
        for number, it in chosen.items()
    }
    with step(f"{len(jobs)} syntheses, or their kept results in {out}"):
        found = run_jobs(jobs, workers)
    rows = []
    worst = 0.0
    for number, it in chosen.items():
        area: Area = found[f"point {number}"]
        error = it.sites / area.sites - 1
        worst = max(worst, abs(error))
        rows.append(
            [
                f"point {number}",
                f"{it.sites:,.0f}",
                f"{area.sites:,}",
                f"{100 * error:+.1f} %",
                it.block_rams,
                area.block_rams,
                it.dsps,
                area.dsps,
            ]
        )
    header = ["confirmed", "sites, model", "synthesis", "error", "block RAMs, model", "synthesis"]
    return table([*header, "DSPs, model", "synthesis"], rows), worst
