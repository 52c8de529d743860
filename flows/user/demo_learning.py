"""The end of the main job: a small device learns a few images by heart, on RTL, with golden beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from flows.base.metrics import Metric
from golden.device import Exchange, StepPlan, device_step, load_device, plan_step, read_state
from golden.device.compare import different_values
from golden.learning import Layer, Network, Rates, State, fresh_state, pixels, settle, step
from golden.learning.step import Report
from golden.spec.config import Config
from golden.spec.learning import ArrayShape
from golden.workloads import load_digits
from sim.drivers.ports import ImageRecord
from sim.learning.sessions import Session, device_library

DEVICE = Config(
    name="tiny-learning",
    engines=2,
    lanes=4,
    accumulators=4,
    accumulator_bits=22,
    basis=4,
    window=8,
    feature_words=4096,
    coefficient_words=512,
    tap_words=2048,
    term_words=4,
    filter_words=32,
    instructions=32,
    learning=True,
    controller_instructions=2048,
    controller_words=1024,
)
"""8 shift-adders, so that its simulator is built soon."""
CLASSES, IMAGES, STEPS = 4, 8, 6
NETWORK = Network(
    (1, 8, 8),
    (Layer("conv", 0, 6, stride=2), Layer("conv1", 1, 8), Layer("conv2", 2, 6, add=1)),
    classes=CLASSES,
    array=ArrayShape(DEVICE.engines, DEVICE.lanes, DEVICE.accumulators),
)
DENSITY = 0.6
RATES = Rates(0, 255)


@dataclass(frozen=True)
class Learnt:
    """What the device did.

    Parameters
    ----------
    reports: what it said of each step.  cycles: of each.
    mismatches: values of its state, after each step, and of its reports that are not golden's.
    """

    reports: Sequence[Report]
    cycles: Sequence[int]
    mismatches: int


def build_device() -> Path:
    """The simulator of DEVICE. Raises ToolError as `compiled.build`."""
    return device_library(DEVICE, brief=True)


def learn_by_heart(seed: int) -> Learnt:
    """STEPS steps from nothing on the first IMAGES digits below CLASSES, always the same.

    Parameters
    ----------
    seed: of the network at the start.

    Raises SimulationError where the device stops.
    """
    train, _ = load_digits()
    chosen = train.labels < CLASSES
    images, labels = pixels(train.images[chosen][:IMAGES]), train.labels[chosen][:IMAGES]
    state = settle(NETWORK, fresh_state(NETWORK, seed, DENSITY), images, labels)
    plan = plan_step(NETWORK, state, IMAGES, DEVICE)
    reports: list[Report] = []
    wrong: list[int] = []
    records: list[ImageRecord] = []
    Session(DEVICE, brief=True).compiled(_steps(plan, state, images, labels, reports, wrong), records.append)
    # Loading takes two runs; then a step and the reading of the state take turns.
    return Learnt(reports, [record.cycles for record in records[2::2]], sum(wrong))


def _steps(
    plan: StepPlan,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    reports: list[Report],
    wrong: list[int],
) -> Exchange:
    right = found = state
    yield from load_device(plan, state)
    for _ in range(STEPS):
        right, said = step(NETWORK, right, images, labels, RATES)
        told = yield from device_step(plan, images, labels, RATES)
        found = yield from read_state(plan, state)
        reports.append(told)
        wrong.append(different_values(found, right) + (told != said))
    return found


def learning_metrics(learnt: Learnt) -> list[Metric]:
    """demo.learn_*."""
    source = f"sim.learning beside golden.learning, configuration {DEVICE.name}, {IMAGES} digits"
    first, last = learnt.reports[0], learnt.reports[-1]
    cycles = sum(learnt.cycles) / len(learnt.cycles)
    return [
        Metric("demo.learn_steps", len(learnt.reports), "steps", "more", source),
        Metric("demo.learn_mismatches", learnt.mismatches, "1", "less", source),
        Metric("demo.learn_images", IMAGES, "1", "neither", source),
        Metric("demo.learn_loss_first", first.loss, "nats", "neither", source),
        Metric("demo.learn_loss_last", last.loss, "nats", "less", source),
        Metric("demo.learn_right_first", first.correct, "1", "neither", source),
        Metric("demo.learn_right_last", last.correct, "1", "more", source),
        Metric("demo.learn_cycles", cycles, "cycles", "less", f"a step; {source}"),
    ]


def learning_faults(learnt: Learnt) -> tuple[str, ...]:
    """What is wrong with it, in words."""
    if learnt.mismatches:
        return (f"the device that learns: {learnt.mismatches} values are not golden's",)
    return ()
