"""The verb that measures what a user waits for."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from flows.base.files import write_all
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import bar
from flows.bench.commands import Bench
from flows.studies.training import load, recipe, standard
from flows.user.verilog import accelerator_verilog
from golden.compiler import compile_network
from golden.compress import compress, import_module
from golden.compress.patterns import pattern_plan
from golden.machine.tensors import quantise
from golden.spec.config import DEFAULT, SMALL, Config
from golden.spec.errors import LightDealError
from hw.core.accelerator import Accelerator
from sim.backends import compiled, places, processes
from sim.backends.cxxrtl import CXXRTL
from sim.backends.hardware import make_job
from sim.backends.translator import Translator
from sim.drivers.ports import Job

Made = TypeVar("Made")

_BARS = 40
"""Characters of the longest bar."""

_TARGETS = {
    "cpu_s.demo": 120.0,
    "cpu_s.verilog_small": 3.0,
    "lines.verilog_small": 10_000.0,
    "sim.over_cxxrtl": 3.0,
    "build_s.small": 60.0,
    "build_s.default": 180.0,
}
"""What this project wants to keep: at most, of the speed ratio at least."""


def processor_seconds() -> float:
    """Of this process and of all that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(work: Callable[[], Made]) -> tuple[Made, float]:
    """What the work returns, and its processor seconds."""
    start = processor_seconds()
    made = work()
    return made, processor_seconds() - start


def digits_job(config: Config, images: int) -> Job:
    """The digits network with random weights, and so many images."""
    train, _, test = load("digits")
    torch.manual_seed(1)
    module = recipe("digits").network().eval()
    samples = train.images[:64]
    plan = pattern_plan(import_module(module, samples), standard("digits")["SmartDeal"], config)
    program = compile_network(compress(module, samples, plan).network, config)
    values = test.images.numpy()[:images]
    return make_job(program, quantise(values, program.tensor(program.input).scale))


@contextmanager
def _simulators_in(folder: Path) -> Iterator[None]:
    """Simulators are built in a folder that is empty, and found nowhere else."""
    kept, places.BUILD = places.BUILD, folder
    try:
        yield
    finally:
        places.BUILD = kept


def build_seconds(config: Config, folder: Path, by: Translator | None = None) -> tuple[Path, float]:
    """The library of a simulator that is built from nothing in a folder, and its processor seconds."""
    with _simulators_in(folder):
        return measured(partial(compiled.build, Accelerator(config), by=by))


def speed(library: Path, job: Job) -> float:
    """Clock cycles per processor second of a job, in thousands; with all that a user waits for."""
    start = time.process_time()  # finer than `processor_seconds`, and no other process works here
    clocks = compiled.simulate(library, job, lambda *_: None).clocks
    return clocks / (time.process_time() - start) / 1000


_DEMO = """
import sys
from pathlib import Path
from flows.cli import main
from sim.backends import places
places.BUILD = Path(sys.argv[1]) / "sim"
sys.exit(main(["demo", "--out", sys.argv[1] + "/demo"]))
"""


def demo_seconds(folder: Path) -> float:
    """Processor seconds of the demo as it runs for the first time: it builds its simulator.

    Raises LightDealError with the last lines of a demo that fails.
    """
    command = [sys.executable, "-c", _DEMO, str(folder)]
    done, seconds = measured(lambda: processes.run(command))
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise LightDealError("the demo failed:\n" + "\n".join(lines[-5:]))
    return seconds


def report(metrics: list[Metric]) -> str:
    """A table of metrics, with bars: how far each is towards what is wanted, which is a full one."""
    rows = []
    for it in metrics:
        target = _TARGETS.get(it.name)
        share = it.value / target if target else None
        drawn = "" if share is None else "█" * max(1, round(min(share, 1.5) * _BARS / 1.5))
        wanted = "" if target is None else f"{'≥' if it.better == 'more' else '≤'} {target:g}"
        rows.append([it.name, f"{it.value:.4g}", it.unit, wanted, drawn, it.source])
    return table(["measure", "value", "unit", "wanted", "value / wanted", "of"], rows)


def bench(options: Bench) -> str:
    """Measures one after the other; leaves bench.md and metrics.json in `options.out`.

    Everything is built from nothing, so that it is the first time that is measured.
    """
    metrics: list[Metric] = []

    def add(name: str, value: float, unit: str, better: str, where: str) -> None:
        metrics.append(Metric(name, value, unit, better, where))

    with bar("bench") as progress, tempfile.TemporaryDirectory(prefix="lightdeal-bench-") as name:
        folder = Path(name)
        progress("Verilog", 0.0)
        text, seconds = measured(lambda: accelerator_verilog(SMALL))
        add("cpu_s.verilog_small", seconds, "s", "less", "elaboration and Verilog of small")
        add("lines.verilog_small", len(text.splitlines()), "1", "less", "Verilog of small")
        progress("simulator of small", 0.05)
        library, seconds = build_seconds(SMALL, folder / "small")
        maker = compiled.translator().name
        add("build_s.small", seconds, "s", "less", f"first build of the simulator of small, by {maker}")
        if options.default:
            progress("simulator of default", 0.2)
            _, seconds = build_seconds(DEFAULT, folder / "default")
            add("build_s.default", seconds, "s", "less", f"the same of default, by {maker}")
        progress("simulator of small, by CXXRTL", 0.5)
        reference, _ = build_seconds(SMALL, folder / "reference", CXXRTL)
        progress("whole network", 0.6)
        job = digits_job(SMALL, options.images)
        # In turn, as the load of a machine changes; the fastest of each is that with the least beside it.
        pairs = [(speed(library, job), speed(reference, job)) for _ in range(options.times)]
        ours, theirs = (max(each) for each in zip(*pairs, strict=True))
        where = f"digits network, {len(job.images)} images, small, by {maker}"
        add("sim.kcycles_per_cpu_s", ours, "kHz", "more", where)
        add("sim.over_cxxrtl", ours / theirs, "1", "more", f"the same; by CXXRTL: {theirs:.0f} kHz")
        if options.demo:
            progress("demo", 0.7)
            add(
                "cpu_s.demo",
                demo_seconds(folder / "first"),
                "s",
                "less",
                "the demo, first run after the set-up",
            )
    said = report(metrics)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "bench.md": said + "\n"})
    return said
