"""The main job: from a PyTorch network to Verilog that computes it to the last bit, on real images."""

import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.base import measure
from flows.base.fidelity import Checked, check, fidelity_metrics
from flows.base.files import save_whole, whole_folder, write_whole
from flows.base.jobs import run_jobs
from flows.base.metrics import Metric, write_metrics
from flows.base.progress import counted, say, step
from flows.base.provenance import write_provenance
from flows.base.roots import DEMO
from flows.studies.training import Outcome, demand_bases, jobs, load, pretrained, recipe, standard
from flows.user.commands import Demo
from flows.user.demo_learning import build_device, learn_by_heart, learning_faults, learning_metrics
from flows.user.demo_metrics import Runs, accuracies, comparison, sizes
from flows.user.demo_report import demo_plots, demo_text
from flows.user.handoff import write_handoff
from flows.user.verilog import write_verilog
from golden.compiler import compile_network
from golden.compress import compress, import_module
from golden.compress.patterns import pattern_plan
from golden.cycles.timing import count_cycles
from golden.graph import network_file
from golden.machine.result import Mismatch, Result
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.config import Config, load_config
from golden.spec.program import Program
from golden.workloads import Dataset
from hw.core.accelerator import Accelerator
from sim.backends import compiled, processes
from sim.backends.processes import background
from sim.checks.compare import first_mismatch, mismatch_count
from sim.run import run

HANDOFF_IMAGES = 2


@dataclass(frozen=True)
class Report:
    """What the main job found.

    Parameters
    ----------
    text: tables for people.
    metrics: the same numbers for programs, also in metrics.json.
    mismatch: the first difference between RTL and golden, or None.
    handoff: the hand-off folder proved itself; None where Icarus is missing.
    faults: how the program is not its reference network, or too far from its float networks; and how the
        device that learns is not golden.
    """

    text: str
    metrics: tuple[Metric, ...]
    mismatch: Mismatch | None
    handoff: bool | None
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Nothing differs."""
        return self.mismatch is None and self.handoff is not False and not self.faults


def demo(options: Demo) -> Report:
    """Train, compress, compile, emit Verilog, run test images through RTL, compare, report.

    Leaves in `options.out`: metrics.json, report.md, about.json, programs and networks, accelerator.v, the
    hand-off folder, a waveform of one image and plots. The folder appears whole or not at all.

    Raises LightDealError before any work starts if an option, the configuration or the data are wrong.
    """
    started = time.perf_counter()
    config = load_config(options.config)
    demand_bases(config)
    chosen = recipe(options.data)
    _, _, test = load(options.data)
    count = min(options.images or chosen.rtl_images or len(test), len(test))
    _demand_fit(options, config)
    # The compilers of the simulators work beside the training, most of the time in g++.
    builds = background(lambda: compiled.build(Accelerator(config)), build_device)
    with whole_folder(options.folder, "about.json") as folder, builds as (simulator, device):
        outcomes = _train(options, config)
        programs = {
            name: _compile(name, outcomes[name], config, folder) for name in ("no basis", "SmartDeal")
        }
        program = programs["SmartDeal"]
        with step("Verilog"):
            verilog = write_verilog(config, folder / "accelerator.v")
        with step("simulator"):
            simulator.result()
        runs = _run(program, test.part(0, count))
        checked = _check(program, runs.golden, test.part(0, count))
        unfolded = _no_basis_cycles(programs["no basis"], test.part(0, 4))
        with step("hand-off folder and waveform"):
            handed = _hand_off(folder, program, verilog, runs.golden)
        with step("a small device that learns"):
            device.result()
            learnt = learn_by_heart(options.seed)
        metrics = [
            *accuracies(options, outcomes, runs, program, test.part(0, count)),
            *comparison(runs, program),
            *fidelity_metrics(checked.found, f"golden.machine, first {count} test images of {options.data}"),
            *measure.cycle_metrics(program, runs.plain, runs.skipping, unfolded),
            *sizes(program, programs["no basis"]),
            *learning_metrics(learnt),
            Metric("demo.seconds", time.perf_counter() - started, "s", "less", "flows.user.demo"),
        ]
        uses = measure.layer_use(program, runs.plain)
        values = {metric.name: metric.value for metric in metrics}
        title = f"{options.data}, configuration {config.name}, seed {options.seed}"
        text = demo_text(title, values, uses, checked.text)
        demo_plots(folder, values, uses, outcomes["SmartDeal"].network)
        write_whole(folder / "report.md", text)
        write_metrics(metrics, folder / "metrics.json")
        write_provenance(options, config, folder / "about.json", DEMO)
    faults = (*checked.faults, *learning_faults(learnt))
    return Report(text, tuple(metrics), runs.first, handed, faults)


def demo_verdict(options: Demo) -> tuple[str, bool]:
    """`demo` for the command line: the text of the report, and whether it passed."""
    report = demo(options)
    return report.text, report.passed


def _demand_fit(options: Demo, config: Config) -> None:
    """Raises CapacityError if the network does not fit the configuration; takes untrained weights."""
    train, _, _ = load(options.data)
    with step(f"does it fit {config.name}?"):
        module = recipe(options.data).network().eval()
        samples = train.images[:16]
        pattern = standard(options.data)["SmartDeal"]
        plan = pattern_plan(import_module(module, samples), pattern, config)
        compile_network(compress(module, samples, plan).network, config)


def _train(options: Demo, config: Config) -> dict[str, Outcome]:
    with step(f"float network, {options.data}"):
        start = run_jobs({"float network": partial(pretrained, options.data, options.seed)})["float network"]
    with step("every variant, the same number of epochs in all"):
        found: dict[str, Any] = run_jobs(
            jobs(start, standard(options.data), options.data, options.seed, config)
        )
    return found.pop("float") | found


def _compile(name: str, outcome: Outcome, config: Config, folder: Path) -> Program:
    assert outcome.network is not None
    with step(f"program, {name}"):
        stem = name.replace(" ", "_").lower()
        program = compile_network(outcome.network, config)
        save_whole(folder / f"{stem}.net", partial(network_file.save, outcome.network))
        save_whole(folder / f"{stem}.ldp", program.save)
    return program


def _inputs(program: Program, images: Dataset) -> npt.NDArray[np.int8]:
    return quantise(images.images.numpy(), program.tensor(program.input).scale)


def _run(program: Program, images: Dataset) -> Runs:
    inputs = _inputs(program, images)
    with step(f"golden machine, {len(inputs)} images"):
        golden = run_program(program, inputs)
    results = []
    for skip in (False, True):
        text = f"RTL, {len(inputs)} images, {'skipping zero rows' if skip else 'every row'}"
        with step(text), counted(text, len(inputs)) as it:
            results.append(run(program, inputs, on="compiled", skip=skip, on_image=lambda _: it.update()))
    with step("comparison of every tensor of every layer"):
        found = [first_mismatch(golden.tensors, result, program) for result in results]
        wrong = sum(mismatch_count(golden.tensors, result, program) for result in results)
    first = next((mismatch for mismatch in found if mismatch), None)
    if first:
        say(f"  MISMATCH: {first}")
    plain, skipping = results
    return Runs(golden, plain, skipping, wrong, first)


def _check(program: Program, golden: Result, images: Dataset) -> Checked:
    with step(f"reference network and float networks, {len(images)} images"):
        checked = check(program, images.images.numpy(), golden)
    for fault in checked.faults:
        say(f"  FAILED: {fault}")
    return checked


def _no_basis_cycles(program: Program, images: Dataset) -> int:
    """Cycles that RTL takes without a basis; without skipping every image takes the same."""
    with step("RTL, no basis"):
        result = run(program, _inputs(program, images), on="compiled", skip=False)
    return result.cycles[0]


def _hand_off(folder: Path, program: Program, verilog: Path, golden: Result) -> bool | None:
    tensors = {name: values[:HANDOFF_IMAGES] for name, values in golden.tensors.items()}
    cycles = [
        count_cycles(program, {name: values[image : image + 1] for name, values in tensors.items()}).cycles
        for image in range(HANDOFF_IMAGES)
    ]
    place = write_handoff(folder / "handoff", program, verilog, tensors, tuple(cycles), skip=True)
    if shutil.which("iverilog") is None:
        say("  iverilog is missing: the hand-off folder was not tried, and there is no waveform")
        return None
    waveform = (folder / "image.vcd").resolve()
    done = processes.run(["sh", str(place / "run.sh"), f"+waveform={waveform}"])
    say("  " + (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1])
    return done.returncode == 0
