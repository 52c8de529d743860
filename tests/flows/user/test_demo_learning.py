"""The step of learning that ends the main job, with golden in the place of the simulator."""

from argparse import Namespace
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flows.user import demo_learning
from flows.user.demo_learning import (
    DEVICE,
    IMAGES,
    NETWORK,
    STEPS,
    Learnt,
    learn_by_heart,
    learning_faults,
    learning_metrics,
)
from golden.device import plan_step
from golden.device.compare import differences, different_values
from golden.device.host import Run
from golden.learning import State, fresh_state, pixels, settle, step
from golden.learning.step import Report
from golden.workloads import load_digits


def test_the_network_fits_the_device() -> None:
    plan = plan_step(NETWORK, fresh_state(NETWORK, 1, 0.6), IMAGES, DEVICE)
    assert len(plan.commands.words) <= DEVICE.instructions


def test_values_that_differ_are_counted() -> None:
    state = fresh_state(NETWORK, 1, 0.6)
    assert different_values(state, state) == 0
    first = state.layers[0]
    codes = first.codes.clone()
    codes.view(-1)[:3] += 1
    changed = replace(
        state, layers=(replace(first, codes=codes, gradient=first.gradient + 1), *state.layers[1:]), steps=9
    )
    assert different_values(changed, state) == 3 + 1 + 1
    assert differences(changed, state) == ["layer 0: codes", "layer 0: gradient", "steps"]


def test_what_the_device_says_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that gives back the state that it was loaded with, and of each step the same numbers."""

    class Deaf:
        def __init__(self, _: object, brief: bool) -> None:
            assert brief, "few cycles: built sooner"

        def compiled(self, exchange: Generator[Run, Any, State], on_run: Any) -> State:
            try:
                next(exchange)
                while True:
                    on_run(Namespace(cycles=7))
                    exchange.send(np.zeros((1, 4), np.int8))
            except StopIteration as end:
                found: State = end.value
                return found

    def quiet(*_: object) -> Generator[Run, Any, Report]:
        yield Run([], np.zeros((1, 4), np.int8), 1)
        return Report(1.0, 2, IMAGES, 0, 0)

    def stuck(_: object, loaded: State) -> Generator[Run, Any, State]:
        yield Run([], np.zeros((1, 4), np.int8), 1)
        return loaded

    def loads(*_: object) -> Generator[Run, Any, None]:
        for _run in range(2):
            yield Run([], np.zeros((1, 4), np.int8), 1)

    monkeypatch.setattr(demo_learning, "Session", Deaf)
    monkeypatch.setattr(demo_learning, "load_device", loads)
    monkeypatch.setattr(demo_learning, "device_step", quiet)
    monkeypatch.setattr(demo_learning, "read_state", stuck)
    learnt = learn_by_heart(1)
    assert len(learnt.reports) == len(learnt.cycles) == STEPS
    assert learnt.mismatches > STEPS
    assert f"{learnt.mismatches} values" in learning_faults(learnt)[0]
    values = {it.name: it.value for it in learning_metrics(learnt)}
    assert values["demo.learn_mismatches"] == learnt.mismatches
    assert values["demo.learn_cycles"] == 7


def test_nothing_is_wrong_where_nothing_differs() -> None:
    assert learning_faults(Learnt([Report(1.0, 2, 8, 0, 0)], [1], 0)) == ()


def test_golden_learns_by_heart() -> None:
    """What the device must equal: the loss falls to a fraction."""
    train, _ = load_digits()
    chosen = train.labels < demo_learning.CLASSES
    images, labels = pixels(train.images[chosen][:IMAGES]), train.labels[chosen][:IMAGES]
    state = settle(NETWORK, fresh_state(NETWORK, 1, demo_learning.DENSITY), images, labels)
    losses = []
    for _ in range(STEPS):
        state, report = step(NETWORK, state, images, labels, demo_learning.RATES)
        losses.append(report.loss)
    assert losses[-1] < losses[0] / 3
