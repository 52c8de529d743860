"""Whole steps on the device's RTL: equal to golden in all that a training keeps."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from golden.device import Run
from golden.device.plan import StepPlan, plan_step
from golden.device.timing import step_timing
from golden.learning import Layer, Network, State, fresh_state, settle
from golden.learning.scheme import (
    Head,
    LayerScheme,
    Scheme,
    Statistics,
    everything,
    head_only,
    last_blocks,
    norms_only,
)
from golden.learning.update import Rates
from golden.spec.controller import Operation, instruction_record
from golden.spec.errors import CapacityError
from golden.spec.learning import LearningError
from sim.backends.simulators import SIMULATORS
from sim.drivers.ports import ImageRecord
from sim.learning.sessions import Session, recorded, replayed
from tests.golden.learning.samples import batch
from tests.sim.learning.devices import ARRAY, CONFIG, NETWORK, SHORTCUT, STRIDES, compared

IMAGES = 4
RUNNING = Statistics.RUNNING


def batches(network: Network) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for seed in range(100):
        images, labels = batch(IMAGES, seed, network)
        yield images, labels


@pytest.fixture(scope="module")
def known() -> tuple[StepPlan, State, list[Run], list[int]]:
    """A plan, the state it begins with, the runs of a step without pauses, and the cycles of each."""
    state = settle(SHORTCUT, fresh_state(SHORTCUT, 3, density=0.6), *batch(IMAGES, 0, SHORTCUT), rounds=8)
    plan = plan_step(SHORTCUT, state, IMAGES, CONFIG)
    runs: list[Run] = []
    cycles: list[int] = []
    exchange = recorded(compared(plan, state, batches(SHORTCUT), [Rates(2, 128)]), runs)
    after = Session(CONFIG).compiled(exchange, lambda record: cycles.append(record.cycles))
    moved = sum(int((a.codes != b.codes).sum()) for a, b in zip(after.layers, state.layers, strict=True))
    assert moved, "a step that moves no code proves little"
    return plan, state, runs, cycles


def test_loading_takes_two_runs_a_step_one_reading_one(
    known: tuple[StepPlan, State, list[Run], list[int]],
) -> None:
    assert len(known[3]) == 2 + 2


def test_the_step_takes_the_cycles_of_the_model(known: tuple[StepPlan, State, list[Run], list[int]]) -> None:
    plan, state, _, cycles = known
    timing = step_timing(plan, state, *next(batches(SHORTCUT)), Rates(2, 128))
    assert cycles[2] == timing.cycles == sum(timing.parts.values())


@pytest.mark.long
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("stalls", [0.0, 0.3])
def test_steps_on_the_emitted_verilog(
    simulator: str, stalls: float, known: tuple[StepPlan, State, list[Run], list[int]]
) -> None:
    """The same step under cocotb, equal to golden's; without pauses in the same cycles."""
    plan, state, runs, cycles = known
    results, found = Session(CONFIG, stalls=stalls, seed=4).cocotb(simulator, runs)
    replayed(compared(plan, state, batches(SHORTCUT), [Rates(2, 128)]), results)
    if not stalls:
        assert found == cycles


@pytest.mark.long
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_running_statistics_on_the_emitted_verilog(simulator: str) -> None:
    """A batch of one, a layer whose norm alone learns; no bit of what is loaded is unknown."""
    layers = (LayerScheme(norm=True), LayerScheme(1), LayerScheme(2, norm=True))
    scheme = Scheme(layers, statistics=RUNNING)
    state = settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *batch(IMAGES, 0, NETWORK), rounds=8)
    plan, given = plan_step(NETWORK, state, 1, CONFIG, scheme), batch(1, 7, NETWORK)
    runs: list[Run] = []
    exchange = recorded(compared(plan, state, iter([given]), [Rates(2, 128)]), runs)
    Session(CONFIG).compiled(exchange)
    results, _ = Session(CONFIG, stalls=0.2, seed=4).cocotb(simulator, runs)
    replayed(compared(plan, state, iter([given]), [Rates(2, 128)]), results)


@pytest.mark.parametrize("by", ["compiled", pytest.param("amaranth", marks=pytest.mark.long)])
def test_another_network_with_pauses(by: str) -> None:
    """A stride, and an addition of a map that a convolution reads too; streams that pause."""
    first = batch(IMAGES, 0, NETWORK)
    state = settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *first, rounds=8)
    plan = plan_step(NETWORK, state, IMAGES, CONFIG)
    getattr(Session(CONFIG, stalls=0.2, seed=1), by)(compared(plan, state, batches(NETWORK), [Rates(2, 128)]))


def test_an_error_pass_in_runs() -> None:
    """Planes below two strides: counts go on from run to run, and a map is added; the cycles of the model."""
    state = settle(STRIDES, fresh_state(STRIDES, 3, density=0.6), *batch(IMAGES, 0, STRIDES), rounds=8)
    plan = plan_step(STRIDES, state, IMAGES, CONFIG)
    assert [len(numbers) for numbers in plan.commands.error] == [0, 6, 1, 1, 1]
    cycles: list[int] = []
    steps = compared(plan, state, batches(STRIDES), [Rates(2, 128)] * 2)
    Session(CONFIG).compiled(steps, lambda record: cycles.append(record.cycles))
    assert cycles[2] == step_timing(plan, state, *next(batches(STRIDES)), Rates(2, 128)).cycles


def test_a_share_of_the_channels() -> None:
    """Codes of the other channels stay, and take no random numbers."""
    scheme = last_blocks(NETWORK, 2, share=0.5)
    assert [it.channels for it in scheme.layers] == [0, 1, 2], "of 2 and of 3 channels"
    state = settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *batch(IMAGES, 0, NETWORK), rounds=8)
    plan = plan_step(NETWORK, state, IMAGES, CONFIG, scheme)
    rates = [Rates(2, 128)] * 2
    after = Session(CONFIG).compiled(compared(plan, state, batches(NETWORK), rates))
    moved = [before.codes != it.codes for before, it in zip(state.layers, after.layers, strict=True)]
    assert moved[2][:, :2].any(), "a step that moves no code proves little"
    assert not moved[1][:, 1:].any()
    assert not moved[2][:, 2:].any()


LAST_NORM = Scheme((LayerScheme(), LayerScheme(), LayerScheme(norm=True)), Head.FROZEN)


@pytest.mark.parametrize(
    ("scheme", "images"),
    [
        pytest.param(replace(everything(NETWORK), statistics=RUNNING), 1, id="all-of-one"),
        pytest.param(replace(last_blocks(NETWORK, 1), statistics=RUNNING), 8, id="last-of-eight"),
        pytest.param(norms_only(NETWORK), 4, id="norms"),
        pytest.param(replace(norms_only(NETWORK), statistics=RUNNING), 1, id="norms-of-one"),
        pytest.param(LAST_NORM, 2, id="one-norm"),
        pytest.param(last_blocks(NETWORK, 1), 4, id="last-of-four"),
    ],
)
def test_running_statistics_and_norms_alone(scheme: Scheme, images: int) -> None:
    """Means and spreads far from those of the batches; every step in the cycles of the model."""
    first = batch(4, 0, NETWORK)
    state = settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *first, rounds=8)
    plan, rates = plan_step(NETWORK, state, images, CONFIG, scheme), [Rates(2, 255)] * 3
    given = [batch(images, seed, NETWORK) for seed in range(3)]
    cycles: list[int] = []
    after = Session(CONFIG).compiled(
        compared(plan, state, iter(given), rates), lambda record: cycles.append(record.cycles)
    )
    assert cycles[2] == step_timing(plan, state, *given[0], rates[0]).cycles
    for before, it, learns in zip(state.layers, after.layers, scheme.layers, strict=True):
        assert (before.mean.mantissa == it.mean.mantissa).all() == (scheme.statistics == RUNNING)
        assert learns.norm or torch.equal(before.beta, it.beta)
    betas = [torch.equal(a.beta, b.beta) for a, b in zip(state.layers, after.layers, strict=True)]
    assert not all(betas), "steps that move nothing prove little"


CUT = Network(
    (1, 4, 4),
    (Layer("stem", 0, 4), Layer("sum", 1, 4, add=1), Layer("down", 2, 17, stride=2)),
    classes=2,
    array=ARRAY,
)
"""Norms in pieces of images, over phase planes, with an addition; a norm beside its own second round."""


@pytest.mark.parametrize("statistics", Statistics)
def test_norms_in_pieces(statistics: Statistics, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut as if pieces cost nothing: all of the state as golden's, and the cycles of the model."""
    monkeypatch.setattr("golden.device.ahead._BEGIN", -10000)
    scheme = replace(everything(CUT), statistics=statistics)
    first = batch(IMAGES, 0, CUT)
    state = settle(CUT, fresh_state(CUT, 3, density=0.5), *first, rounds=8)
    plan, rates = plan_step(CUT, state, IMAGES, CONFIG, scheme), [Rates(2, 128)] * 2
    cut = [it.norm.layer for it in plan.steps if it.norm and it.norm.words.start]
    assert set(cut) == {0, 1}
    assert any(it.norm and it.norm.layer == 2 and it.norm.channels.start for it in plan.steps)
    # Channels are pooled beside the last piece, the others behind it.
    operations = [instruction_record().unpack(word)["operation"] for word in plan.firmware]
    assert operations.count(Operation.POOL) == 2
    records: list[ImageRecord] = []
    Session(CONFIG).compiled(compared(plan, state, batches(CUT), rates), records.append)
    assert records[2].cycles == step_timing(plan, state, *first, rates[0]).cycles


def test_a_batch_that_leaves_lanes_empty_is_refused() -> None:
    with pytest.raises(LearningError, match=r"batch of 1: .*legal: 2 or more"):
        plan_step(NETWORK, fresh_state(NETWORK, 1), 1, CONFIG)


def test_a_step_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CapacityError, match=r"feature memory: tensor .* feature_words is 1024"):
        plan_step(NETWORK, fresh_state(NETWORK, 1), 400, CONFIG)


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ({"tap_words": 32}, CapacityError, r"tap memory: .*tap_words .* is 32"),
        ({"coefficient_words": 16}, CapacityError, r"coefficient memory: .*coefficient_words .* is 16"),
        ({"instructions": 8}, CapacityError, r"instruction memory: .* 16 words, instructions .* is 8"),
        ({"instructions": 16}, CapacityError, r"command memory: the step needs 19; instructions is 16"),
        ({"controller_instructions": 512}, CapacityError, r"program of the controller: .* is 512"),
        ({"controller_words": 512}, CapacityError, r"data memory .*4 images needs \d+ words; .* is 512"),
        ({"feature_words": 128}, CapacityError, r"feature memory: state and codes of \d+ words do not fit"),
        ({"filter_words": 4}, CapacityError, r"parameter memory: the step needs 7; filter_words is 4"),
        ({"accumulator_bits": 16}, CapacityError, r"layer stem: 9 kept codes .*accumulator_bits = 16 holds"),
        ({"lanes": 8, "basis": 4}, LearningError, r"array = ArrayShape\(.*lanes=4.*legal here: .*lanes=8"),
        ({"learning": False}, LearningError, r"learning = False; legal here: True"),
    ],
)
def test_what_does_not_fit_the_device_is_refused(
    sizes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        plan_step(NETWORK, fresh_state(NETWORK, 1), IMAGES, replace(CONFIG, **sizes))


def a_network(rng: np.random.Generator) -> Network:
    """One to four layers in a row, an addition, or a shortcut below a stride."""
    filters = [int(it) for it in rng.integers(1, 9, rng.integers(1, 5))]
    kernels = [int(it) for it in rng.choice([1, 3], len(filters))]
    layers = [Layer("first", 0, filters[0], kernels[0], int(rng.choice([1, 2])))]
    for number, (count, kernel) in enumerate(zip(filters[1:], kernels[1:], strict=True), 1):
        layers.append(Layer(f"l{number}", number, count, kernel, relu=bool(rng.integers(2))))
    shape = rng.integers(3) if len(layers) > 2 else 0
    if shape == 1:
        layers[-1] = replace(layers[-1], filters=layers[0].filters, add=1)
    if shape == 2:
        layers[1] = replace(layers[1], kernel=1, stride=2, filters=filters[-1], relu=False)
        layers[2] = replace(layers[2], source=1, stride=2)
        layers[-1:] = (
            [replace(layers[-1], add=2)]
            if len(layers) > 3
            else [
                layers[-1],
                Layer("last", 3, filters[-1], 3, add=2),
            ]
        )
    image = (int(rng.integers(1, 3)), 4, 4)
    return Network(image, tuple(layers), classes=int(rng.integers(2, 6)), array=ARRAY)


@pytest.mark.long
def test_cycles_of_steps_are_the_models() -> None:
    """Random networks, batches, densities and schemes."""
    rng = np.random.default_rng(5)
    config = replace(
        CONFIG,
        feature_words=4096,
        coefficient_words=1024,
        tap_words=4096,
        filter_words=128,
        instructions=128,
        controller_words=2048,
    )
    for _ in range(20):
        network, images = a_network(rng), int(rng.choice([2, 4, 8]))
        scheme = (everything(network), head_only(network), last_blocks(network, 2, 0.5))[rng.integers(3)]
        first = batch(images, 0, network)
        state = settle(network, fresh_state(network, 1, float(rng.choice([0.2, 0.6, 1.0]))), *first, rounds=4)
        plan, rates = plan_step(network, state, images, config, scheme), Rates(1, 200)
        records: list[ImageRecord] = []
        Session(config).compiled(compared(plan, state, iter([first]), [rates]), records.append)
        assert records[2].cycles == step_timing(plan, state, *first, rates).cycles
