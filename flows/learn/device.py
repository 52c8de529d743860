"""`lightdeal learn device`: steps of training on the RTL of a device, each compared with golden."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from flows.base.metrics import Metric, percent, write_metrics
from flows.base.progress import bar
from flows.base.provenance import write_provenance
from flows.base.roots import LEARNING_DEVICE
from flows.learn.commands import DEVICE, DEVICE_ABOUT, LearnDevice
from flows.learn.judged import judged
from flows.learn.tasks import CALIBRATION, Task, task
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.device import Exchange, StepPlan, device_step, load_device, plan_step, read_state
from golden.device.compare import differences
from golden.device.parts import PARTS, part_cycles
from golden.device.timing import step_timing
from golden.learning import Network, Plan, State, Statistics, pixels, settle, step
from golden.learning.finish import finish
from golden.learning.scheme import last_blocks
from golden.learning.update import STILL
from golden.machine.run import run_program
from golden.progress import Progress
from golden.spec.config import SMALL, SMALL_LEARNING
from golden.spec.errors import LightDealError
from sim.drivers.ports import ImageRecord
from sim.learning.sessions import Session

INFERRED = 8
"""Images of inference beside a step."""
FEW, FOLLOWED = 32, 64
"""Images of a batch, and steps without learning, after which running statistics are nearly its own."""


class DeviceError(LightDealError):
    """The device and golden differ: names step and what of the state."""


def learn_device(options: LearnDevice) -> str:
    """Runs the steps; returns a table. Raises DeviceError at the first difference."""
    cycles: list[int] = []
    parts: list[dict[str, int]] = []
    losses: list[float] = []
    started = time.perf_counter()
    with bar("the device learns") as progress:
        chosen = task(options.task, options.out, options.seed, options.images, progress)
        plan = Plan(epochs=1, batch=options.batch, seed=options.seed)
        images, labels = pixels(chosen.train.images), chosen.train.labels
        first = plan.batch_at(0, len(images))
        scheme = last_blocks(chosen.network, options.last or len(chosen.network.layers))
        if options.batch == 1:
            scheme = replace(scheme, statistics=Statistics.RUNNING)
        state = _ready(chosen, images, labels, first)
        it = plan_step(chosen.network, state, options.batch, SMALL_LEARNING, scheme)
        batches = _batches(images, labels, plan, options.steps)
        exchange = _steps(it, replace(chosen, state=state), batches, options, losses, progress)
        runs = itertools.count()

        def on_run(record: ImageRecord) -> None:
            # Loading takes two runs, a step one, and reading one.
            number = next(runs)
            if number >= 2 and number % 2 == 0:
                cycles.append(record.cycles)
                writes = record.writes
                parts.append(part_cycles(it, writes["cycle"], writes["address"]))

        learnt = Session(SMALL_LEARNING).compiled(exchange, on_run)
    seconds = time.perf_counter() - started
    means = {name: sum(part[name] for part in parts) / options.steps for name in PARTS}
    each = sum(cycles) / len(cycles) / options.batch
    inferred = inference_cycles(chosen.network, learnt, images[:CALIBRATION])
    with bar("the cycle model"):
        model = step_timing(it, state, images[first], labels[first], plan.rates(0)).cycles
    with bar("the same network in FP32"):
        found = judged(replace(chosen, state=state), learnt, scheme, plan, options.steps)
    source = "sim.learning, golden.learning"
    inference = "flows.learn.judged, test images"
    metrics = [
        Metric("learn.steps_exact", options.steps, "steps", "more", source),
        Metric("learn.mismatches", 0, "values", "less", source),
        Metric("learn.cycles_per_image", each, "cycles", "less", source),
        Metric("infer.cycles_per_image", inferred, "cycles", "less", "golden.cycles"),
        Metric("learn.device.accuracy", found.device, "1", "more", inference),
        Metric("learn.device.accuracy_program", found.program, "1", "more", inference),
        Metric("learn.device.accuracy_fp32", found.floats, "1", "more", inference),
        Metric("learn.model_error", abs(cycles[0] - model), "cycles", "less", "golden.device.timing, step 1"),
        *(
            Metric(f"learn.{name.replace(' ', '_')}_cycles", value, "cycles", "less", source)
            for name, value in means.items()
        ),
    ]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(metrics, folder / DEVICE)
    write_provenance(options, SMALL_LEARNING, folder / DEVICE_ABOUT, LEARNING_DEVICE)
    return "\n".join(
        (
            f"{options.steps} steps of {options.batch} images on the RTL of {SMALL_LEARNING.name!r}:",
            "codes, counters, gamma, beta, statistics, scales and head equal golden's after each of them.",
            f"loss {losses[0]:.3f} → {losses[-1]:.3f} nats",
            f"the cycle model differs by {abs(cycles[0] - model)} in the first step",
            f"{'cycles':22}{'a step':>12}{'an image':>12}",
            *(
                f"  {name:20}{value:12,.0f}{value / options.batch:12,.0f}"
                for name, value in (*means.items(), ("whole", each * options.batch))
            ),
            f"An image of inference of what was learnt takes {inferred:,.0f} on {SMALL.name!r}; "
            f"one of training {each / inferred:.2f} times as many.",
            f"Of {len(chosen.test)} images that it has not seen the network labels right "
            f"{percent(found.start)} at the start,",
            f"{percent(found.device)} with what the device learnt, "
            f"{percent(found.program)} as a finished program;",
            f"{percent(found.floats)} if it learns the same batches under the same mask in FP32.",
            f"{seconds:.0f} s",
        )
    )


def _ready(chosen: Task, images: torch.Tensor, labels: torch.Tensor, first: torch.Tensor) -> State:
    """The start, settled on the batch `first`; for one image, on a few that give it running statistics."""
    network = chosen.network
    if len(first) > 1:
        return settle(network, chosen.state, images[first], labels[first])
    state = settle(network, chosen.state, images[:FEW], labels[:FEW])
    for _ in range(FOLLOWED):
        following, _ = step(network, state, images[:FEW], labels[:FEW], STILL)
        state = replace(following, steps=state.steps)
    return state


def inference_cycles(network: Network, state: State, images: torch.Tensor) -> float:
    """Cycles of an image by the cycle model, zero rows skipped as in a step: the mean of the first ones.

    Parameters
    ----------
    images: pixels; all of them choose grids.
    """
    program = compile_network(finish(network, state, images), SMALL)
    tensors = run_program(program, images[:INFERRED].numpy()).tensors
    counts = [
        count_cycles(program, {name: values[image : image + 1] for name, values in tensors.items()}).cycles
        for image in range(INFERRED)
    ]
    return sum(counts) / INFERRED


def _batches(
    images: torch.Tensor, labels: torch.Tensor, plan: Plan, steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for number in range(steps):
        chosen = plan.batch_at(number, len(images))
        yield images[chosen], labels[chosen]


def _steps(
    plan: StepPlan,
    chosen: Task,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    options: LearnDevice,
    losses: list[float],
    progress: Progress,
) -> Exchange:
    """Steps on the device, with golden beside it."""
    right = chosen.state
    loaded = right
    yield from load_device(plan, loaded)
    schedule = Plan(epochs=1, batch=options.batch, seed=options.seed)
    for number, (images, labels) in enumerate(batches):
        rates = schedule.rates(number / options.steps)
        right, _ = step(plan.network, right, images, labels, rates, plan.scheme)
        report = yield from device_step(plan, images, labels, rates)
        state = yield from read_state(plan, loaded)
        if wrong := differences(state, right):
            raise DeviceError(f"step {number + 1}: the device differs from golden in {', '.join(wrong)}")
        losses.append(report.loss)
        progress(
            f"step {number + 1} of {options.steps}: loss {report.loss:.3f}", (number + 1) / options.steps
        )
    return state
