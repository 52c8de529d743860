"""Steps by the controller's program, its commands played by golden: the state is golden's, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.device import device_step, plan_step, read_state
from golden.device.compare import differences
from golden.device.host import Run, header, request_words
from golden.device.played import PlayedDevice
from golden.learning import Layer, Network, State, fresh_state, residual_network, settle
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
from golden.learning.update import STILL, Rates
from golden.spec.config import SMALL_LEARNING, Config
from golden.spec.frames import Request, Result, Status
from golden.spec.learning import ArrayShape, LearningError
from tests.golden.learning.samples import batch
from tests.golden.learning.states import shaken
from tests.sim.learning.devices import ARRAY, CONFIG, NETWORK, SHORTCUT, STRIDES

ADDED_ONLY = Network(
    (1, 4, 4),
    (
        Layer("stem", 0, 5),
        Layer("kept", 1, 3, 1, relu=False),
        Layer("one", 1, 4),
        Layer("two", 3, 3, add=2, relu=False),
    ),
    classes=7,
    share=6,
    head_unit=-9,
    counter_bits=4,
    array=ARRAY,
)
"""A map that is only added; a last map without ReLU."""
SIXTEENTHS = residual_network((2, 6, 6), (6, 1), ((7, 2),), classes=5)
"""3×3 pixels in the last map: 16 images fill whole words of 16 lanes, none alone."""
FOURTHS = residual_network((1, 8, 8), (6, 2), ((9, 2),))
"""2×2 pixels: four images in a word."""
WIDE = Network((1, 8, 8), (Layer("stem", 0, 4),), classes=256)
"""Four words an image; the most classes."""

CASES = [
    pytest.param(NETWORK, CONFIG, 4, id="tiny"),
    pytest.param(SHORTCUT, CONFIG, 4, id="shortcut"),
    pytest.param(STRIDES, CONFIG, 4, id="strides"),
    pytest.param(ADDED_ONLY, CONFIG, 3, id="added-only"),
    pytest.param(SIXTEENTHS, SMALL_LEARNING, 16, id="sixteen-images-together"),
    pytest.param(FOURTHS, SMALL_LEARNING, 8, id="four-images-a-word"),
    pytest.param(WIDE, SMALL_LEARNING, 2, id="four-words-an-image"),
]


def settled(network: Network, images: int, seed: int = 3) -> State:
    return settle(network, fresh_state(network, seed, density=0.6), *batch(images, 0, network), rounds=8)


def run_steps(device: PlayedDevice, images: int, rates: list[Rates]) -> None:
    plan = device.plan
    for number, rate in enumerate(rates):
        pixels, labels = batch(images, number + 10, plan.network)
        told, said = device.step(pixels, labels, rate)
        assert told == said
        wrong = differences(device.state(), device.right)
        assert not wrong, f"step {number}: {', '.join(wrong)}"


@pytest.mark.parametrize(("network", "config", "images"), CASES)
def test_steps_are_goldens(network: Network, config: Config, images: int) -> None:
    """From a state that only just began; then codes alone, and nothing, stay."""
    state = fresh_state(network, 3, density=0.6)
    device = PlayedDevice(plan_step(network, state, images, config), state)
    run_steps(device, images, [Rates(2, 255), Rates(None, 40)])


def test_steps_from_a_settled_state_are_goldens() -> None:
    """Fast ones, slow ones, still ones."""
    state = settled(NETWORK, 4)
    device = PlayedDevice(plan_step(NETWORK, state, 4, CONFIG), state)
    run_steps(device, 4, [Rates(4, 255), Rates(-3, 40), STILL, Rates(None, 3), Rates(-24, 0)])


@pytest.mark.parametrize("seed", range(6))
def test_steps_from_anywhere_are_goldens(seed: int) -> None:
    """From states that no training reaches: exponents, parameters and statistics far from each other."""
    rng = np.random.default_rng(seed)
    state = shaken(fresh_state(NETWORK, seed, density=0.6), rng)
    device = PlayedDevice(plan_step(NETWORK, state, 4, CONFIG), state, seed)
    run_steps(device, 4, [Rates(int(rng.integers(-24, 5)), int(rng.integers(0, 256))) for _ in range(2)])


def test_parameters_go_to_the_norm() -> None:
    state = settled(NETWORK, 4)
    device = PlayedDevice(plan_step(NETWORK, state, 4, CONFIG), state)
    run_steps(device, 4, [Rates(0, 255), Rates(0, 255)])
    right = [
        (beta << 16 | gamma & 0xFFFF) & 0xFFFFFFFF
        for it in device.before.layers
        for gamma, beta in zip(it.gamma.tolist(), it.beta.tolist(), strict=True)
    ]
    assert device.parameters == dict(enumerate(right))
    assert right != [2 << 10] * len(right)


@pytest.mark.parametrize("network", [NETWORK, replace(NETWORK, classes=2)])
@pytest.mark.parametrize("place", [0, 3])
def test_a_label_out_of_range_changes_nothing(network: Network, place: int) -> None:
    """Nothing is issued, no random number drawn, no kept word changed; the next step is right."""
    state = settled(network, 4)
    plan = plan_step(network, state, 4, CONFIG)
    device = PlayedDevice(plan, state)
    kept = device.data[plan.data.state : plan.data.state + plan.data.distance]
    labels = np.zeros(4, np.int64)
    labels[place] = network.classes
    pixels, _ = batch(4, 0, network)
    run = next(device_step(plan, pixels, torch.zeros(4, dtype=torch.int64), Rates(2, 100)))
    words = request_words(plan, Request.STEP, Rates(2, 100), labels)
    wrong = replace(run, frame=np.concatenate([run.frame[: -len(words)], words]))
    found = device.run(plan.maps.values[0].address, wrong)
    with pytest.raises(ValueError, match=rf"request STEP: the device refuses its label of image {place}"):
        header(found, "STEP")
    assert not device.issued
    assert device.random == state.generators[4]
    assert kept == device.data[plan.data.state : plan.data.state + plan.data.distance]
    run_steps(device, 4, [Rates(2, 100)])


@pytest.mark.parametrize(
    ("request_", "rate"), [(3, 0), (-1, 0), (127, 0), (0, 5), (0, 127), (0, -25), (0, -127)]
)
def test_a_request_that_is_none_is_refused(request_: int, rate: int) -> None:
    state = settled(NETWORK, 4)
    plan = plan_step(NETWORK, state, 4, CONFIG)
    device = PlayedDevice(plan, state)
    words = request_words(plan, Request.STEP)
    words[0, :2] = request_, rate
    found = device.run(plan.maps.request.address, Run([], words, plan.maps.result.shape[0]))
    with pytest.raises(ValueError, match="request: the device refuses its request"):
        header(found, "request")
    assert not device.issued
    status = found.reshape(-1)[: 8 * len(Result)].view("<i8")[Result.STATUS]
    assert status == Status.REQUEST


def test_the_state_is_read_whole() -> None:
    """Codes, counters and generators too, after steps."""
    state = settled(NETWORK, 4)
    plan = plan_step(NETWORK, state, 4, CONFIG)
    device = PlayedDevice(plan, state)
    run_steps(device, 4, [Rates(2, 100), Rates(1, 50)])
    exchange = read_state(plan, state)
    run = next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(device.run(plan.maps.request.address, run, result=0))
    found: State = ended.value.value
    assert not differences(found, device.right)
    assert found.generators == device.right.generators
    assert found.steps == state.steps + 2


def test_gradients_are_cleared() -> None:
    state = settled(NETWORK, 4)
    plan = plan_step(NETWORK, state, 4, CONFIG)
    device = PlayedDevice(plan, state)
    words = request_words(plan, Request.CLEAR)
    found = device.run(plan.maps.request.address, Run([], words, plan.maps.result.shape[0]))
    assert header(found, "CLEAR")[Result.STEPS] == state.steps
    assert device.issued == [plan.commands.clear]
    assert not differences(device.state(), state)


def test_words_of_every_width_hold_a_request() -> None:
    """Eight lanes: a number a word, labels behind the request in its first word."""
    config = replace(CONFIG, name="eight", lanes=8)
    network = replace(NETWORK, array=ArrayShape(2, 8, 8))
    state = settled(network, 4)
    device = PlayedDevice(plan_step(network, state, 4, config), state)
    run_steps(device, 4, [Rates(2, 100)])


def _scheme(
    *layers: tuple[int, bool], head: Head = Head.ALL, statistics: Statistics = Statistics.BATCH
) -> Scheme:
    return Scheme(tuple(LayerScheme(channels, norm) for channels, norm in layers), head, statistics)


@pytest.mark.parametrize(
    "scheme",
    [
        pytest.param(head_only(NETWORK), id="head"),
        pytest.param(last_blocks(NETWORK, 1), id="last"),
        pytest.param(last_blocks(NETWORK, 2), id="last-two"),
        pytest.param(_scheme((1, False), (0, True), (0, False), head=Head.BIAS), id="codes-below-a-norm"),
        pytest.param(_scheme((0, False), (2, True), (0, True), head=Head.FROZEN), id="frozen-head"),
        pytest.param(_scheme((1, True), (1, True), (2, False)), id="some-channels"),
        pytest.param(_scheme((0, True), (2, True), (3, True)), id="a-norm-below-all"),
        pytest.param(norms_only(NETWORK), id="norms"),
        pytest.param(_scheme((0, False), (0, True), (0, False), head=Head.FROZEN), id="one-norm"),
        pytest.param(replace(everything(NETWORK), statistics=Statistics.RUNNING), id="running"),
        pytest.param(replace(norms_only(NETWORK), statistics=Statistics.RUNNING), id="running-norms"),
        pytest.param(
            _scheme((0, False), (0, True), (2, False), statistics=Statistics.RUNNING), id="running-mixed"
        ),
        pytest.param(replace(head_only(NETWORK), statistics=Statistics.RUNNING), id="running-head"),
    ],
)
def test_what_does_not_learn_stays(scheme: Scheme) -> None:
    """No commands for it, no random numbers: codes, counters and all generators are golden's."""
    state = settled(NETWORK, 4)
    plan = plan_step(NETWORK, state, 4, CONFIG, scheme)
    device = PlayedDevice(plan, state)
    run_steps(device, 4, [Rates(2, 200), Rates(1, 90)])
    wanted = scheme.wanted(NETWORK)
    for index, (layer, learns) in enumerate(zip(NETWORK.layers, scheme.layers, strict=True)):
        down = wanted[layer.source]
        assert (plan.commands.norm_error[index] in device.issued) == (learns.learns or down)
        assert (plan.commands.gradient[index] in device.issued) == bool(learns.channels)
        assert bool(plan.commands.error[index]) == down
        assert set(plan.commands.error[index]) <= set(device.issued)
    exchange = read_state(plan, state)
    run = next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(device.run(plan.maps.request.address, run, result=0))
    assert not differences(ended.value.value, device.right)


@pytest.mark.parametrize("images", [1, 2, 8])
def test_running_statistics_of_batches_of_every_size(images: int) -> None:
    """They stay; a batch of one is refused where they are the batch's."""
    state, scheme = settled(NETWORK, 4), replace(everything(NETWORK), statistics=Statistics.RUNNING)
    device = PlayedDevice(plan_step(NETWORK, state, images, CONFIG, scheme), state)
    run_steps(device, images, [Rates(2, 200), Rates(1, 90)])
    for before, it in zip(state.layers, device.state().layers, strict=True):
        assert (before.mean.mantissa == it.mean.mantissa).all()
        assert (before.spread.mantissa == it.spread.mantissa).all()
    with pytest.raises(LearningError, match="batch of 1: statistics of a batch need 2 images"):
        plan_step(NETWORK, state, 1, CONFIG)


def test_a_scheme_of_another_network_is_refused() -> None:
    with pytest.raises(LearningError, match="scheme of 2 layers; the network has 3"):
        plan_step(NETWORK, fresh_state(NETWORK, 1), 4, CONFIG, _scheme((1, True), (1, True)))
