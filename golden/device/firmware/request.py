"""The request of a run: what is asked for, rates and labels."""

from dataclasses import dataclass

from golden.device.assembly import ZERO, Label
from golden.device.firmware.context import StepContext
from golden.learning.update import CODE_RATES
from golden.spec.frames import REQUEST_BYTES, STILL_RATE, Request, Result, Status

_NOWHERE = -1024
"""In place of the rate where codes stay: the shift of an update saturates at its lowest; nothing moves."""
_TOGETHER = REQUEST_BYTES
"""Labels that are read in a row: words are as long, or several times."""


@dataclass(frozen=True)
class Places:
    """Where a run finds its request and leaves its result.

    Parameters
    ----------
    request: first word.  result: first word of a step's result; that of SAVE begins at word 0.
    """

    request: int
    result: int


def read_request(step: StepContext, places: Places, answer: Label, save: Label, clear: Label) -> None:
    """Goes on behind it for STEP, to a label for what else is asked; what is none is refused."""
    it, data = step.it, step.data
    for number, value in (
        (Result.STATUS, Status.DONE),
        (Result.LOSS, 0),
        (Result.CORRECT, 0),
        (Result.MOVED, 0),
        (Result.KEPT, sum(step.kept)),
        (Result.IMAGES, step.head.images),
        (Result.WHERE, 0),
    ):
        with it.registers(1) as (word,):
            it.constant(word, value)
            it.store(word, data.header(number))
    with it.registers(4) as (kind, rate, plain, other):
        refused, still, known = Label(), Label(), Label()
        it.constant(other, places.request)
        it.fetch(other)
        it.byte(kind, 0)
        it.add(other, ZERO, Request.SAVE)
        it.equal(kind, other, save)
        it.add(other, ZERO, Request.CLEAR)
        it.equal(kind, other, clear)
        it.unequal(kind, ZERO, refused)
        it.byte(rate, 1)
        it.add(other, ZERO, STILL_RATE)
        it.equal(rate, other, still)
        it.add(other, ZERO, CODE_RATES[0])
        it.less(rate, other, refused)
        it.add(other, ZERO, CODE_RATES[1])
        it.less(other, rate, refused)
        it.go(known)
        it.put(refused)
        it.add(other, ZERO, Status.REQUEST)
        it.store(other, data.header(Result.STATUS))
        it.go(answer)
        it.put(still)
        it.add(rate, ZERO, _NOWHERE)
        it.put(known)
        it.store(rate, data.code_rate)
        it.byte(plain, 2)
        it.bits(plain, plain, 0xFF)
        it.subtract(plain, ZERO, plain)
        it.store(plain, data.plain_rate)


def read_labels(step: StepContext, places: Places, answer: Label) -> None:
    """Labels to the data memory; one that is none ends the run before anything has begun."""
    it, data, lanes, images = step.it, step.data, step.it.config.lanes, step.head.images
    with it.registers(7) as (word, lane, place, end, last, label, all_lanes):
        it.constant(word, places.request)
        it.add(lane, ZERO, REQUEST_BYTES)
        it.add(all_lanes, ZERO, lanes)
        it.add(last, ZERO, step.network.classes - 1)
        it.constant(place, data.labels)
        it.constant(end, data.labels + images // _TOGETHER * _TOGETHER)
        known, refused = Label(), Label()

        def some(count: int) -> None:
            """Labels that are in one word."""
            there = Label()
            it.unequal(lane, all_lanes, there)
            it.add(word, word, 1)
            it.fetch(word)
            it.add(lane, ZERO, 0)
            it.put(there)
            for number in range(count):
                it.byte(label, lane + number)
                it.bits(label, label, 0xFF)
                it.store(label, place + number)
                it.less(last, label, wrong[number])

        wrong = [Label() for _ in range(_TOGETHER)]
        if images >= _TOGETHER:
            again = it.here()
            some(_TOGETHER)
            it.add(lane, lane, _TOGETHER)
            it.add(place, place, _TOGETHER)
            it.unequal(place, end, again)
        if images % _TOGETHER:
            some(images % _TOGETHER)
        it.go(known)
        for number, there in enumerate(wrong):
            it.put(there)
            it.add(label, ZERO, place + (number - data.labels))
            it.go(refused)
        it.put(refused)
        it.store(label, data.header(Result.WHERE))
        it.add(label, ZERO, Status.LABEL)
        it.store(label, data.header(Result.STATUS))
        it.go(answer)
        it.put(known)
