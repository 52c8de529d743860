"""The verb zoo: every network to RTL, what it took, and a table."""

import time
from functools import partial
from typing import Any

from flows.base.files import write_whole
from flows.base.jobs import run_jobs
from flows.base.kept import found_kept
from flows.base.metrics import Metric, read_metrics, write_metrics
from flows.base.progress import say, step
from flows.base.provenance import is_current, write_provenance
from flows.base.roots import ZOO as ROOTS
from flows.base.sources import ROOT
from flows.figures.kept import RESULTS, read_all
from flows.zoo.commands import NAMES, Zoo
from flows.zoo.networks import CONFIG, TESTED, Pictures
from flows.zoo.rows import ROWS, row, row_key
from flows.zoo.table import beside_lines, default_line, milliseconds, rows_in, zoo_table
from golden.workloads import load_fashion_mnist
from hw.core.accelerator import Accelerator
from sim.backends import compiled


def zoo(options: Zoo) -> tuple[str, bool]:
    """Runs the networks; returns a table, and whether RTL, golden and reference agree in all of them.

    A network that is done is kept in `options.out`, and taken again by the next call with the same options on
    the same code. After each, metrics.json and zoo.md are written anew, with all that is kept.
    """
    names = NAMES[1:] if options.name == "all" else (options.name,)
    options.out.mkdir(parents=True, exist_ok=True)
    report = _Report(options)
    missing = [name for name in names if name not in report.rows]
    for name in names:
        if name in report.rows:
            say(f"  {name}: kept in {options.out / ROWS}")
    refused = {}
    if missing:
        with step("Fashion-MNIST"):
            whole, _, test = load_fashion_mnist()
            pictures = Pictures.of(whole.part(0, options.train), test.part(0, max(TESTED, options.images)))
            del whole, test
        with step("simulator"):
            compiled.build(Accelerator(CONFIG))
        jobs = {name: partial(row, name, report.keys[name], options, pictures) for name in missing}
        report.expected = len(missing)
        with step(f"{len(missing)} networks: training, compression, RTL, {options.images} images"):
            found = run_jobs(jobs, done=report.add)
        refused = {name: it for name, it in found.items() if isinstance(it, str)}
    report.write()
    wrong = report.mismatches()
    for name, count in wrong.items():
        say(f"MISMATCH: {name}: {count:.0f} values")
    text = "\n\n".join([report.text(), *(f"REFUSED: {name}: {why}" for name, why in refused.items())])
    return text, not refused and not wrong


class _Report:
    """All rows that are kept for some options, and the files that show them."""

    def __init__(self, options: Zoo) -> None:
        self.options = options
        self.mhz, self.default_mhz = routed_mhz("small"), routed_mhz("default")
        self.keys = {name: row_key(name, options) for name in NAMES[1:]}
        found = {name: found_kept(options.out / ROWS, name, key) for name, key in self.keys.items()}
        self.rows = {name: it for name, it in found.items() if it is not None}
        self.expected, self._ended, self._started = 0, 0, time.monotonic()

    def add(self, name: str, found: Any) -> None:
        """A network that ended: its row, or why there is none."""
        self._ended += 1
        if not isinstance(found, str):
            self.rows[name] = found
            self.write()
        spent, left = time.monotonic() - self._started, self.expected - self._ended
        what = "refused" if isinstance(found, str) else f"done in {_seconds(name, found):.0f} s of a core"
        say(f"  {name}: {what}; {left} left, about {spent / self._ended * left / 60:.0f} minutes")

    def metrics(self) -> list[Metric]:
        """Of all rows, with milliseconds where a frequency is known, and of random networks."""
        metrics = [it for row in self.rows.values() for it in row]
        for kind, config, mhz in (("", "SMALL", self.mhz), ("default_", "DEFAULT", self.default_mhz)):
            if mhz is None:
                continue
            for it in [it for it in metrics if it.name.endswith(f".{kind}cycles")]:
                name = f"{it.name.removesuffix('cycles')}ms"
                at = f"flows.zoo, at the routed frequency of {config}, {mhz:.1f} MHz"
                metrics.append(Metric(name, milliseconds(it.value, mhz), "ms", "less", at))
        if len(self.rows) == len(self.keys):
            seconds = sum(_seconds(name, it) for name, it in self.rows.items())
            metrics.append(
                Metric("zoo.seconds", seconds, "s", "less", "flows.zoo, processor time, all of it")
            )
        return [*metrics, *self._fuzz()]

    def _fuzz(self) -> list[Metric]:
        """What `./run fuzz` has found on this code, if it has."""
        folder = self.options.fuzz
        if not is_current(folder / "about.json"):
            return []
        return [it for it in read_metrics(folder / "metrics.json").values() if it.name.startswith("fuzz.")]

    def text(self) -> str:
        """The table, and what all of it took."""
        values = {it.name: it.value for it in self.metrics()}
        lines = [*beside_lines(values), *default_line(values, self.default_mhz)]
        text = "\n\n".join([zoo_table(values, self.mhz), *lines])
        if "zoo.seconds" in values:
            text += f"\n\nProcessor time of all of it: {values['zoo.seconds'] / 60:.1f} minutes."
        return text

    def write(self) -> None:
        """The files, with what there is by now."""
        write_metrics(self.metrics(), self.options.out / "metrics.json")
        write_whole(self.options.out / "zoo.md", self.text() + "\n")
        write_provenance(self.options, CONFIG, self.options.out / "about.json", ROOTS)

    def mismatches(self) -> dict[str, float]:
        """Values that differ, of the networks that have any."""
        values = {it.name: it.value for it in self.metrics()}
        kinds = ("rtl_mismatches", "reference_mismatches")
        found = {name: sum(values[f"{name}.{kind}"] for kind in kinds) for name in rows_in(values)}
        return {name: count for name, count in found.items() if count}


def _seconds(name: str, metrics: list[Metric]) -> float:
    return next(it.value for it in metrics if it.name == f"{name}.seconds")


def routed_mhz(config: str) -> float | None:
    """Frequency of "small", whose array this is, or of "default", placed and routed on ECP5, as kept; None if
    nothing is."""
    kept = read_all(ROOT / RESULTS).get({"small": "ecp5", "default": "ecp5_default"}[config])
    return kept.values.get(f"ecp5.{config}.accelerator.fmax_mhz") if kept else None
