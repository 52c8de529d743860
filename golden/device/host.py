"""A training on a device from its host: programs and frames that go there, results that come back.

The device does whole steps by itself. Where it is, and what it is made of, is not known here: a generator
asks for runs and is sent their results.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt
import torch

from golden.device.data import loaded_words, state_of
from golden.device.drawn import advanced
from golden.device.plan import StepPlan, read_words, saved_words
from golden.device.readback import codes_of
from golden.device.statistics import standing_words
from golden.learning.planes import by_channel
from golden.learning.scheme import Statistics
from golden.learning.state import State
from golden.learning.step import Report, check_images, check_labels
from golden.learning.update import Rates
from golden.spec.errors import LightDealError
from golden.spec.frames import NUMBER_BYTES, REQUEST_BYTES, STILL_RATE, Request, Result, Status
from golden.spec.learning import EXP_FRACTION
from golden.spec.memories import SEED_RECORD, Memory, run_record
from golden.spec.program import memory_image

Int8 = npt.NDArray[np.int8]

CYCLE_LIMIT = (1 << 32) - 1


class RequestError(LightDealError):
    """A device has refused a request: names it and what was wrong. Nothing that is kept has changed."""


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


Runs = Generator[Run, Int8, None]
"""Asks for runs, is sent the result of each, int8 (words, lanes)."""
Exchange = Generator[Run, Int8, State]
"""Likewise; ends with the state."""


def load_device(plan: StepPlan, state: State) -> Runs:
    """Everything that a device needs to learn from `state` on."""
    engines = plan.engines
    memories: list[tuple[int, tuple[int, ...]]] = [
        (Memory.TAP, plan.taps),
        (Memory.FRONT, plan.front),
        (Memory.BACK, plan.back),
        (Memory.COMMAND, plan.commands.words),
        (Memory.CONTROLLER, plan.firmware),
        (Memory.STATE, loaded_words(plan.data, state)),
    ]
    if plan.scheme.statistics == Statistics.RUNNING:
        memories.append((Memory.STATISTICS, standing_words(state)))
    counters = _of_engines(Memory.COUNTER, engines.counters)
    memories += _of_engines(Memory.COEFFICIENT, engines.coefficients)
    memories += [*counters, *_of_engines(Memory.PLACES, engines.places)]
    # To clear the gradients takes random numbers, so the generators are loaded behind it.
    found = yield _run(plan, request_words(plan, Request.CLEAR), memories)
    header(found, "CLEAR")
    seeds = tuple(SEED_RECORD.pack(before=it.before, last=it.last) for it in state.generators)
    # Counters are loaded again: clearing takes nothing from them whatever the gradients are, but a simulator
    # of unknown bits cannot know that.
    found = yield _run(
        plan, request_words(plan, Request.SAVE), [*_first(plan), (Memory.SEED, seeds), *counters]
    )


def _of_engines(first: int, contents: list[list[int]]) -> list[tuple[int, tuple[int, ...]]]:
    """Memories that every engine has, from its number on."""
    return [(first + engine, tuple(words)) for engine, words in enumerate(contents)]


def device_step(
    plan: StepPlan, images: torch.Tensor, labels: torch.Tensor, rates: Rates
) -> Generator[Run, Int8, Report]:
    """One step; the device keeps the state.

    Raises LearningError for images or labels that `golden.learning.step` refuses.
    """
    values = check_images(plan.network, images)
    truth = check_labels(plan.network, labels, plan.images)
    sent = by_channel(values, plan.network.degrees[0]).numpy()
    words = [_words(sent, plan.config.lanes), request_words(plan, Request.STEP, rates, truth)]
    found = yield _run(plan, np.concatenate(words), _first(plan), plan.maps.values[0].address)
    return report_of(header(found, "STEP"))


def report_of(numbers: list[int]) -> Report:
    """What the header of a step's result says."""
    images = numbers[Result.IMAGES]
    loss = numbers[Result.LOSS] * log(2) / (1 << EXP_FRACTION) / images
    return Report(loss, numbers[Result.CORRECT], images, numbers[Result.MOVED], numbers[Result.KEPT])


def read_state(plan: StepPlan, loaded: State) -> Exchange:
    """The state that the device has. `loaded`: what it began with. Maps of the step before are lost."""
    there = saved_words(plan.data, plan.config)
    count = there + read_words(plan.engines.pairs, plan.config)
    found = yield _run(plan, request_words(plan, Request.SAVE), _first(plan), result=(0, count))
    header(found, "SAVE")
    state = state_of(plan.data, _numbers(found[:there])[len(Result) :], loaded)
    layers = []
    for it, (codes, counters) in zip(state.layers, codes_of(plan, found[there:]), strict=True):
        shape = it.codes.shape
        layers.append(
            replace(
                it,
                codes=torch.from_numpy(codes.reshape(shape)),
                counters=torch.from_numpy(counters.reshape(shape)),
            )
        )
    generators = advanced(plan.network, loaded, plan.scheme, plan.images, state.steps - loaded.steps)
    return replace(state, layers=tuple(layers), generators=generators)


def request_words(
    plan: StepPlan,
    request: int,
    rates: Rates | None = None,
    labels: npt.NDArray[np.integer] | None = None,
) -> Int8:
    """The words of a request, int8 (words, lanes)."""
    code = STILL_RATE if rates is None or rates.code is None else rates.code
    bytes_ = np.zeros(plan.maps.request.shape[0] * plan.config.lanes, np.uint8)
    bytes_[:REQUEST_BYTES] = [request, code & 0xFF, rates.plain if rates else 0, 0]
    if labels is not None:
        bytes_[REQUEST_BYTES : REQUEST_BYTES + len(labels)] = labels
    return _words(bytes_.view(np.int8), plan.config.lanes)


def header(result: Int8, request: str) -> list[int]:
    """The numbers of a result's header, by `Result`. Raises RequestError where the request was refused."""
    numbers = _numbers(result[: len(Result) * NUMBER_BYTES // result.shape[1]])
    status = numbers[Result.STATUS]
    if status != Status.DONE:
        where = f" of image {numbers[Result.WHERE]}" if status == Status.LABEL else ""
        raise RequestError(f"request {request}: the device refuses its {Status(status).name.lower()}{where}")
    return numbers


def _numbers(words: Int8) -> list[int]:
    values = np.ascontiguousarray(words).reshape(-1)
    whole = len(values) // NUMBER_BYTES * NUMBER_BYTES
    return [int(value) for value in values[:whole].view("<i8")]


def _first(plan: StepPlan) -> list[tuple[int, tuple[int, ...]]]:
    """What every program must bring."""
    return [(Memory.FRONT, plan.front[:1]), (Memory.BACK, plan.back[:1])]


def _run(
    plan: StepPlan,
    frame: Int8,
    memories: list[tuple[int, tuple[int, ...]]],
    address: int | None = None,
    result: tuple[int, int] | None = None,
) -> Run:
    """`frame` goes to the words from `address` on, a request if it is None.

    result: first word and count; None: the header of a step.
    """
    first, count = result or (plan.maps.result.address, plan.maps.result.shape[0])
    run = run_record(plan.config).pack(
        input_address=plan.maps.request.address if address is None else address,
        input_words=len(frame),
        result_address=first,
        result_words=count,
        cycle_limit=CYCLE_LIMIT,
    )
    contents: Iterator[tuple[int, tuple[int, ...]]] = iter([(int(Memory.RUN), (run,)), *memories])
    return Run(memory_image(plan.config, contents), frame, count)


def _words(values: npt.NDArray[np.generic], lanes: int) -> Int8:
    """Values as words, int8 (words, lanes)."""
    return np.ascontiguousarray(values.reshape(-1, lanes).astype(np.int8))
