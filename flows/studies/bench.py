"""Speed of the simulators on a whole network."""

import time

import torch

from flows.base.files import write_all
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import step
from flows.studies.commands import Bench
from flows.studies.training import load, recipe, standard
from golden.compiler import compile_network
from golden.compress import compress, import_module
from golden.compress.patterns import pattern_plan
from golden.machine.tensors import quantise
from golden.spec.config import load_config
from sim.backends.registry import HARDWARE
from sim.run import run

SLOW = ("amaranth", "icarus")
"""Backends that run one image only."""


def bench(options: Bench) -> str:
    """Simulated kcycles per second of every backend on the digits network with random weights.

    Leaves bench.md and metrics.json in `options.out`. Building a simulator is timed apart: it is
    the time of a call less that of its simulation, and next to nothing where one stands already.
    """
    config = load_config(options.config)
    train, _, test = load("digits")
    chosen = recipe("digits")
    torch.manual_seed(1)
    module = chosen.network().eval()
    samples = train.images[:64]
    plan = pattern_plan(import_module(module, samples), standard("digits")["SmartDeal"], config)
    program = compile_network(compress(module, samples, plan).network, config)
    images = quantise(test.images.numpy(), program.tensor(program.input).scale)
    rows = []
    metrics = []
    for name in HARDWARE:
        some = images[: 1 if name in SLOW else options.images]
        start = time.perf_counter()
        with step(f"{name}, {len(some)} images"):
            result = run(program, some, on=name, skip=False)
        whole = time.perf_counter() - start
        clocks = sum(result.cycles) + len(some) * result.load_cycles
        speed = clocks / result.seconds / 1000
        rows.append([name, len(some), clocks, f"{speed:.1f}", f"{whole - result.seconds:.1f}"])
        where = f"{len(some)} images, configuration {config.name}"
        metrics.append(Metric(f"bench.{name}.kcycles_per_s", speed, "kHz", "more", where))
    text = table(["simulator", "images", "cycles", "kcycles/s", "build s"], rows)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "bench.md": text + "\n"})
    return text
