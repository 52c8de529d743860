"""Steps on a device: programs and frames that go there, results that come back.

The device runs a step in two halves. Between them the host has the head: the last map comes back, the error
of that map goes there. Where a device is, and what it is made of, is not known here: a generator asks for
runs and is sent their results.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from golden.device.commands import (
    backward_commands,
    error_exponent,
    forward_commands,
    read_commands,
    run_word,
    step_parameters,
    still_commands,
)
from golden.device.numbers import StepNumbers, next_layer
from golden.device.plan import StepPlan
from golden.device.readback import codes_of, read_words
from golden.learning.backward import Backward
from golden.learning.forward import HeadTrace, Trace, head
from golden.learning.planes import by_channel, by_image
from golden.learning.random import Generators
from golden.learning.scheme import everything
from golden.learning.softmax import softmax
from golden.learning.state import State
from golden.learning.step import Report, check_images, check_labels, next_head
from golden.learning.update import Rates
from golden.spec.memories import SEED_RECORD, Memory
from golden.spec.program import memory_image

Int8 = npt.NDArray[np.int8]

CYCLE_LIMIT = (1 << 32) - 1


@dataclass(frozen=True)
class Run:
    """What a device is to do.

    Parameters
    ----------
    program: words of a program image.  frame: int8 (words, lanes), sent behind it.
    result_words: words that come back.
    """

    program: list[int]
    frame: Int8
    result_words: int


Exchange = Generator[Run, Int8, State]
"""Asks for runs, is sent the result of each, int8 (words, lanes); ends with the state."""


def load_device(plan: StepPlan, state: State) -> Exchange:
    """Everything that a device needs to learn from `state` on; its gradients are zero afterwards."""
    config = plan.config
    engines = plan.engines
    memories: list[tuple[int, tuple[int, ...]]] = [
        (Memory.TAP, plan.taps),
        (Memory.FRONT, plan.front),
        (Memory.BACK, plan.back),
    ]
    for first, contents in (
        (Memory.COEFFICIENT, engines.coefficients),
        (Memory.COUNTER, engines.counters),
        (Memory.PLACES, engines.places),
    ):
        memories += [(first + engine, tuple(words)) for engine, words in enumerate(contents)]
    report = plan.maps.report
    image = _words(np.zeros((1, config.lanes), np.int8), config.lanes)
    program = memory_image(
        config,
        [
            *_head_of(plan, (0, 1), (report.address, 1), still_commands(plan), state),
            *memories,
        ],
    )
    yield Run(program, image, 1)
    seeds = tuple(SEED_RECORD.pack(before=it.before, last=it.last) for it in state.generators)
    stop = still_commands(plan)[-1:]
    again = [
        *_head_of(plan, (0, 1), (report.address, 1), stop, state),
        (Memory.FRONT, plan.front[:1]),
        (Memory.BACK, plan.back[:1]),
        (Memory.SEED, seeds),
    ]
    yield Run(memory_image(config, again), image, 1)
    return state


def device_step(
    plan: StepPlan,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    generators: Generators,
) -> Generator[Run, Int8, tuple[State, Report]]:
    """One step. The state that comes back has the codes and counters that it came with: the device has the
    new ones.

    Parameters
    ----------
    generators: of which the host uses SCALARS; the device has the others.

    Raises LearningError for images or labels that `golden.learning.step` refuses.
    """
    network, maps = plan.network, plan.maps
    values = check_images(network, images)
    truth = check_labels(network, labels, len(images))
    count = len(network.layers)
    sent = by_channel(values, network.degrees[0]).numpy()
    last, report = maps.values[count], maps.report
    size = last.shape[0] * last.stride
    found = yield _run(
        plan,
        state,
        maps.values[0].address,
        sent,
        (last.address, size + plan.reports.words),
        forward_commands(plan, state),
    )
    shape = (len(images), *network.shape(count))
    map_values = torch.from_numpy(found[:size].reshape(last.shape[0], -1).astype(np.float32))
    trace = _trace(plan, state, by_image(map_values, shape, 1))
    probabilities = softmax(trace.head.logits.numpy().astype(np.int64), truth)
    back = Backward(network, state, trace, generators, everything(network))
    gradients = back.head(probabilities, truth)
    errors = maps.errors[count]
    assert errors is not None
    found = yield _run(
        plan,
        state,
        errors.address,
        back.error(count).values.numpy(),
        (report.address, plan.reports.words),
        backward_commands(plan, state, rates),
    )
    numbers = StepNumbers(plan, found)
    following = next_head(network, state.head, trace, gradients, rates, everything(network), generators)
    layers, moved = [], 0
    for index in reversed(range(count)):
        unit = error_exponent(plan, state, index + 1)
        layer, codes = next_layer(plan, state, index, numbers, rates, generators, unit)
        layers.append(layer)
        moved += codes
    correct = int((trace.head.logits.argmax(1) == labels).sum())
    kept = sum(int(it.mask.sum()) for it in state.layers)
    report_of_step = Report(probabilities.nats(), correct, len(images), moved, kept)
    after = State(tuple(reversed(layers)), following, generators.states, state.steps + 1)
    return after, report_of_step


def read_codes(plan: StepPlan, state: State) -> Exchange:
    """The state with the codes and counters that the device has. Maps of the step before are lost."""
    words = read_words(plan)
    found = yield _run(
        plan, state, 0, np.zeros((1, plan.config.lanes), np.int8), (0, words), read_commands(plan)
    )
    layers = []
    for it, (codes, counters) in zip(state.layers, codes_of(plan, found), strict=True):
        layers.append(
            replace(
                it,
                codes=torch.from_numpy(codes.reshape(it.codes.shape)),
                counters=torch.from_numpy(counters.reshape(it.codes.shape)),
            )
        )
    return replace(state, layers=tuple(layers))


def _trace(plan: StepPlan, state: State, last: torch.Tensor) -> Trace:
    """A trace of the last map and the head alone."""
    found: HeadTrace = head(plan.network, state, last)
    return Trace((last,) * (len(plan.network.layers) + 1), (), found)


def _run(
    plan: StepPlan,
    state: State,
    address: int,
    values: npt.NDArray[np.generic],
    result: tuple[int, int],
    commands: tuple[int, ...],
) -> Run:
    """`values` go to the words from `address` on; `result`: first word and count."""
    frame = _words(values, plan.config.lanes)
    contents = [
        *_head_of(plan, (address, len(frame)), result, commands, state),
        (Memory.FRONT, plan.front[:1]),
        (Memory.BACK, plan.back[:1]),
    ]
    return Run(memory_image(plan.config, contents), frame, result[1])


def _head_of(
    plan: StepPlan, source: tuple[int, int], result: tuple[int, int], commands: tuple[int, ...], state: State
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """What every program brings. source, result: first word and count."""
    yield Memory.RUN, (run_word(plan.config, source, result, CYCLE_LIMIT),)
    yield Memory.COMMAND, commands
    yield Memory.PARAMETER, step_parameters(state)


def _words(values: npt.NDArray[np.generic], lanes: int) -> Int8:
    """(channels, values) as words, int8 (words, lanes)."""
    return np.ascontiguousarray(values.reshape(-1, lanes).astype(np.int8))
