"""`lightdeal learn device`: steps of training on the RTL of a device, each compared with golden."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from flows.base.metrics import Metric, write_metrics
from flows.base.progress import bar
from flows.learn.commands import LearnDevice
from flows.learn.tasks import Task, task
from golden.device import Exchange, StepPlan, device_step, load_device, plan_step, read_codes
from golden.device.compare import differences
from golden.learning import Plan, pixels, settle, step
from golden.learning.random import Generators
from golden.progress import Progress
from golden.spec.config import SMALL_LEARNING
from golden.spec.errors import LightDealError
from sim.drivers.ports import ImageRecord
from sim.learning.sessions import Session


class DeviceError(LightDealError):
    """The device and golden differ: names step and what of the state."""


def learn_device(options: LearnDevice) -> str:
    """Runs the steps; returns a table. Raises DeviceError at the first difference."""
    cycles: list[int] = []
    losses: list[float] = []
    started = time.perf_counter()
    with bar("the device learns") as progress:
        chosen = task(options.task, options.out, options.seed, options.images, progress)
        plan = Plan(epochs=1, batch=options.batch, seed=options.seed)
        images, labels = pixels(chosen.train.images), chosen.train.labels
        first = plan.batch_at(0, len(images))
        state = settle(chosen.network, chosen.state, images[first], labels[first])
        it = plan_step(chosen.network, state, options.batch, SMALL_LEARNING)
        batches = _batches(images, labels, plan, options.steps)
        exchange = _steps(it, replace(chosen, state=state), batches, options, losses, progress)

        def on_run(record: ImageRecord) -> None:
            cycles.append(record.cycles)

        Session(SMALL_LEARNING).compiled(exchange, on_run)
    seconds = time.perf_counter() - started
    # Loading takes two runs, a step two halves, and reading one.
    halves = [cycles[2 + 3 * number : 4 + 3 * number] for number in range(options.steps)]
    forward, back = (sum(half[part] for half in halves) / len(halves) for part in range(2))
    each = (forward + back) / options.batch
    source = "sim.learning, golden.learning"
    metrics = [
        Metric("learn.steps_exact", options.steps, "steps", "more", source),
        Metric("learn.mismatches", 0, "values", "less", source),
        Metric("learn.cycles_per_image", each, "cycles", "less", source),
        Metric("learn.forward_cycles", forward, "cycles", "less", source),
        Metric("learn.back_cycles", back, "cycles", "less", source),
    ]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(metrics, folder / "device.json")
    return "\n".join(
        (
            f"{options.steps} steps of {options.batch} images on the RTL of {SMALL_LEARNING.name!r}:",
            "codes, counters, gamma, beta, statistics, scales and head equal golden's after each of them.",
            f"loss {losses[0]:.3f} → {losses[-1]:.3f} nats",
            f"cycles of a step: {forward:,.0f} forward, {back:,.0f} back; {each:,.0f} an image",
            f"{seconds:.0f} s",
        )
    )


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
    state = yield from load_device(plan, right)
    generators = Generators(state.generators)
    schedule = Plan(epochs=1, batch=options.batch, seed=options.seed)
    for number, (images, labels) in enumerate(batches):
        rates = schedule.rates(number / options.steps)
        right, _ = step(plan.network, right, images, labels, rates)
        state, report = yield from device_step(plan, state, images, labels, rates, generators)
        state = yield from read_codes(plan, state)
        if wrong := differences(state, right):
            raise DeviceError(f"step {number + 1}: the device differs from golden in {', '.join(wrong)}")
        losses.append(report.loss)
        progress(
            f"step {number + 1} of {options.steps}: loss {report.loss:.3f}", (number + 1) / options.steps
        )
    return state
