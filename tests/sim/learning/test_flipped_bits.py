"""A bit that is wrong in any of the three passes of a step is seen beside golden, and in the right place."""

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest

from golden.device import Exchange, device_step, load_device, read_state
from golden.device.compare import differences
from golden.device.plan import StepPlan, plan_step
from golden.learning import State, fresh_state, settle, step
from golden.learning.step import Report
from golden.learning.update import Rates
from golden.spec.arithmetics import PAIR, coefficient_record
from golden.spec.formats import CODE_SIGN
from golden.spec.learning import Generator
from golden.spec.memories import place_record
from sim.learning.sessions import Session
from tests.golden.learning.samples import batch
from tests.sim.learning.devices import CONFIG, NETWORK

IMAGES = 4
RATES = Rates(2, 128)
LAYER = 1
"""In the middle: of this layer a bit is flipped."""


@dataclass(frozen=True)
class Seen:
    """What golden sees of a damaged step: whether the loss is wrong, and which parts of the state are."""

    loss: bool
    parts: frozenset[str]


Known = tuple[StepPlan, State, State, Report]


@pytest.fixture(scope="module")
def known() -> Known:
    """A plan, the state before a step, and golden's after it."""
    first = batch(IMAGES, 0, NETWORK)
    state = settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *first, rounds=8)
    right, report = step(NETWORK, state, *first, RATES)
    assert all((a.counters != b.counters).any() for a, b in zip(right.layers, state.layers, strict=True)), (
        "every layer learns"
    )
    return plan_step(NETWORK, state, IMAGES, CONFIG), state, right, report


def damaged_step(plan: StepPlan, loaded: State, right: State, report: Report) -> Seen:
    def exchange() -> Exchange:
        yield from load_device(plan, loaded)
        told.append((yield from device_step(plan, *batch(IMAGES, 0, NETWORK), RATES)))
        return (yield from read_state(plan, loaded))

    told: list[Report] = []
    found = Session(CONFIG).compiled(exchange())
    return Seen(told[0].loss != report.loss, frozenset(differences(found, right)))


def with_flipped_sign(plan: StepPlan, engine: int, entry: int) -> StepPlan:
    engines = deepcopy(plan.engines)
    pair, half = divmod(entry, PAIR)
    record = coefficient_record(plan.config)
    sign = record.pack(**dict.fromkeys((it.name for it in record.fields), 0) | {"code": CODE_SIGN})
    engines.coefficients[engine][pair] ^= sign << half * record.bits
    return replace(plan, engines=engines)


def twin(plan: StepPlan, engine: int, entry: int) -> tuple[int, int]:
    """Engine and entry of the same code in the transposed stream."""
    pair, half = divmod(entry, PAIR)
    record = place_record(plan.config)
    found = record.unpack(plan.engines.places[engine][pair] >> half * record.bits & (1 << record.bits) - 1)
    assert found["valid"]
    return found["engine"], found["entry"]


def largest(plan: StepPlan, state: State) -> tuple[int, int]:
    """Engine and entry of the largest code of `LAYER`."""
    place = int(state.layers[LAYER].codes.abs().argmax())
    entries = plan.layers[LAYER].entries
    return int(entries.engine[place]), int(entries.entry[place])


def test_in_the_forward_pass(known: Known) -> None:
    plan, state, right, report = known
    seen = damaged_step(with_flipped_sign(plan, *largest(plan, state)), state, right, report)
    assert seen.loss
    assert {f"layer {LAYER}: mean", f"layer {LAYER}: spread"} & seen.parts


def test_in_the_error_pass(known: Known) -> None:
    """Only what lies below is wrong: the first layer's codes, gamma and beta."""
    plan, state, right, report = known
    there = twin(plan, *largest(plan, state))
    seen = damaged_step(with_flipped_sign(plan, *there), state, right, report)
    assert not seen.loss
    assert any(it.startswith("layer 0: ") for it in seen.parts)
    assert not any(it.startswith("layer 2: ") for it in seen.parts)


def test_in_the_gradient_pass(known: Known) -> None:
    """A bit of the random numbers by which errors become powers of two: nothing but codes is wrong."""
    plan, state, right, report = known
    generators = list(state.generators)
    words = generators[Generator.TERMS]
    generators[Generator.TERMS] = replace(words, last=words.last ^ 1 << 5)
    seen = damaged_step(plan, replace(state, generators=tuple(generators)), right, report)
    assert not seen.loss
    of_codes = {
        f"layer {number}: {name}" for number in range(3) for name in ("codes", "counters", "gradient")
    }
    assert seen.parts & of_codes
    assert seen.parts <= of_codes | {"generator TERMS"}
