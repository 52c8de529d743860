"""The verb that measures what a user waits for."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from flows.base.files import write_all
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import bar
from flows.bench.commands import Bench
from flows.bench.reference import cxxrtl_speed
from flows.studies.training import load, recipe, standard
from flows.user.verilog import accelerator_verilog
from golden.compiler import compile_network
from golden.compress import compress, import_module
from golden.compress.patterns import pattern_plan
from golden.machine.tensors import quantise
from golden.spec.config import DEFAULT, SMALL, Config
from hw.core.accelerator import Accelerator
from sim.backends import compiled, places
from sim.backends.hardware import make_job
from sim.drivers.ports import Job

Made = TypeVar("Made")


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


def built_afresh(config: Config, folder: Path) -> Path:
    """The compiled simulator, built in a folder that is empty."""
    kept, places.BUILD = places.BUILD, folder
    try:
        return compiled.build(Accelerator(config))
    finally:
        places.BUILD = kept


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
        libraries = {}
        for place, config in enumerate((SMALL, DEFAULT)):
            progress(f"simulator of {config.name}", 0.02 + 0.2 * place)
            libraries[config], seconds = measured(partial(built_afresh, config, folder / config.name))
            where = f"first build of the simulator of {config.name}"
            add(f"build_s.{config.name}", seconds, "s", "less", where)
        progress("CXXRTL", 0.4)
        job = digits_job(SMALL, options.images)
        reference = cxxrtl_speed(SMALL, job, folder)
        progress("compiled", 0.6)
        recording, seconds = measured(lambda: compiled.simulate(libraries[SMALL], job, lambda *_: None))
        speed = recording.clocks / seconds / 1000
        where = f"digits network, {len(job.images)} images, small; CXXRTL: {reference:.0f} kcycles/s"
        add("sim.kcycles_per_cpu_s", speed, "kHz", "more", where)
        add("sim.over_cxxrtl", speed / reference, "1", "more", where)
        if options.demo:
            progress("demo", 0.7)
            command = [sys.executable, "-m", "flows", "demo", "--out", str(folder / "demo")]
            done, seconds = measured(lambda: subprocess.run(command, capture_output=True, check=False))
            if done.returncode == 0:
                add("cpu_s.demo", seconds, "s", "less", "the demo, set up, with a simulator that stands")
    rows = [[it.name, f"{it.value:.4g}", it.unit, it.source] for it in metrics]
    said = table(["measure", "value", "unit", "of"], rows)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "bench.md": said + "\n"})
    return said
