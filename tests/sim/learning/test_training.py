"""A training on the RTL of a device is golden's, also where masks change and streams with them."""

from collections.abc import Generator

import pytest
import torch

from golden.device import Run, plan_step
from golden.device.compare import differences
from golden.device.host import Int8, device_step, load_device, read_state
from golden.device.training import regrow_device, train_device
from golden.learning import Plan, State, fresh_state, last_blocks, regrow, step, train
from golden.learning.update import Rates
from golden.spec.errors import CapacityError
from sim.learning.sessions import Session
from tests.golden.learning.samples import batch
from tests.sim.learning.devices import CONFIG, NETWORK

IMAGES, LABELS = batch(16, 0, NETWORK)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks change before every second step."""
    monkeypatch.setattr(regrow, "EVERY", 2)


@pytest.mark.parametrize("blocks", [3, 1])
def test_masks_that_change_are_goldens(blocks: int) -> None:
    """Six steps, two changes; then again from the middle on."""
    plan, scheme = Plan(2, 4, seed=3, code_rate=2, regrow=0.8), last_blocks(NETWORK, blocks)
    state = fresh_state(NETWORK, 3, density=0.4)
    right = train(NETWORK, state, IMAGES, LABELS, plan, scheme=scheme, stop=6)
    said: list[int] = []
    exchange = train_device(
        NETWORK,
        state,
        IMAGES,
        LABELS,
        plan,
        CONFIG,
        scheme=scheme,
        stop=6,
        after=lambda number, _: said.append(number),
    )
    found = Session(CONFIG).compiled(exchange)
    assert not differences(found, right)
    assert found.generators == right.generators
    assert all(torch.equal(a.mask, b.mask) for a, b in zip(found.layers, right.layers, strict=True))
    assert any((a.mask != b.mask).any() for a, b in zip(state.layers, right.layers, strict=True))
    assert said == [1, 2, 3, 4, 5, 6]
    middle = train(NETWORK, state, IMAGES, LABELS, plan, scheme=scheme, stop=3)
    again = train_device(NETWORK, middle, IMAGES, LABELS, plan, CONFIG, scheme=scheme, stop=6)
    assert not differences(Session(CONFIG).compiled(again), right)


def test_streams_that_do_not_fit_leave_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    state = train(NETWORK, fresh_state(NETWORK, 3, density=0.4), IMAGES, LABELS, Plan(1, 4), stop=1)
    plan = plan_step(NETWORK, state, 4, CONFIG)
    first = IMAGES[:4], LABELS[:4]

    def exchange() -> Generator[Run, Int8, State]:
        yield from load_device(plan, state)
        yield from device_step(plan, *first, Rates(2, 100))
        with monkeypatch.context() as it:
            it.setattr("golden.device.training.plan_step", _does_not_fit)
            with pytest.raises(CapacityError, match="coefficient memory"):
                yield from regrow_device(plan, state, 0.5, 0.0, 1)
        yield from device_step(plan, *first, Rates(2, 100))
        return (yield from read_state(plan, state))

    found = Session(CONFIG).compiled(exchange())
    right = state
    for _ in range(2):
        right, _ = step(NETWORK, right, *first, Rates(2, 100))
    assert not differences(found, right)


def _does_not_fit(*_: object) -> None:
    raise CapacityError("coefficient memory: full")
