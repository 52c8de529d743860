"""A run of a device: a request, a step of training or what else is asked for, the result."""

from dataclasses import dataclass
from functools import partial

from golden.device.assembly import ZERO, Assembly, Label, Register, Routine
from golden.device.commands import StepCommands
from golden.device.data import DataPlan
from golden.device.firmware.head import Head, bias_sums, features, losses, map_errors, powers
from golden.device.firmware.routines import Routines, write_routines
from golden.device.firmware.schedule import Schedule, Work
from golden.device.maps import error_owner
from golden.learning import scheme as schemes
from golden.learning.network import Network
from golden.learning.scheme import Scheme
from golden.learning.update import CODE_RATES
from golden.spec.frames import REQUEST_BYTES, STILL_RATE, Request, Result, Status
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    ERROR_EXPONENTS,
    ERROR_RANDOM_BITS,
    GRADIENT_HIGH,
    GRADIENT_LOW,
    IMAGE_EXPONENT,
    SCALE_LARGE_SHARE,
    SCALE_SATURATED_SHARE,
    TERM_UNIT,
)

_CHANNELS = 16
"""Of a piece of work at most: pieces stand beside commands."""
_NOWHERE = -1024
"""In place of the rate where codes stay: the shift of an update saturates at its lowest; nothing moves."""


@dataclass(frozen=True)
class Places:
    """Where a run finds its request and leaves its result.

    Parameters
    ----------
    request: first word.  result: first word of a step's result; that of SAVE begins at word 0.
    """

    request: int
    result: int


@dataclass
class StepFirmware:
    """Writes the program.

    Parameters
    ----------
    kept: of each layer, codes that learn.  values: of each layer, of its map of the batch.
    """

    it: Assembly
    network: Network
    scheme: Scheme
    head: Head
    data: DataPlan
    commands: StepCommands
    places: Places
    kept: tuple[int, ...]
    values: tuple[int, ...]

    def words(self) -> tuple[int, ...]:
        """The program. Raises CapacityError where it is too long."""
        it = self.it
        self.routines: Routines = write_routines(it, self.network, self.data, self.head.images)
        answer, save, clear = Label(), Label(), Label()
        self._request(answer, save, clear)
        self._labels(answer)
        self._step()
        it.put(answer)
        with it.registers(1) as (steps,):
            it.load(steps, self.data.head.steps)
            it.store(steps, self.data.header(Result.STEPS))
        it.call(self.routines.send, 0, len(Result), self.places.result)
        it.stop()
        it.put(save)
        with it.registers(1) as (steps,):
            it.load(steps, self.data.head.steps)
            it.store(steps, self.data.header(Result.STEPS))
        it.call(self.routines.send, 0, self.data.state + self.data.distance, 0)
        it.issue(self.commands.read)
        it.wait()
        it.stop()
        it.put(clear)
        with it.registers(1) as (still,):
            it.constant(still, STILL_RATE)
            it.issue(self.commands.clear, still)
        it.wait()
        it.go(answer)
        return it.words()

    def _request(self, answer: Label, save: Label, clear: Label) -> None:
        it, data = self.it, self.data
        for number, value in (
            (Result.STATUS, Status.DONE),
            (Result.LOSS, 0),
            (Result.CORRECT, 0),
            (Result.MOVED, 0),
            (Result.KEPT, sum(self.kept)),
            (Result.IMAGES, self.head.images),
            (Result.WHERE, 0),
        ):
            with it.registers(1) as (word,):
                it.constant(word, value)
                it.store(word, data.header(number))
        with it.registers(4) as (kind, rate, plain, other):
            refused, still, known = Label(), Label(), Label()
            it.constant(other, self.places.request)
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

    def _labels(self, answer: Label) -> None:
        """Labels to the data memory; one that is none ends the run before anything has begun."""
        it, data, lanes = self.it, self.data, self.it.config.lanes
        with it.registers(7) as (word, lane, place, end, classes, label, all_lanes):
            it.constant(word, self.places.request)
            it.add(lane, ZERO, REQUEST_BYTES)
            it.add(all_lanes, ZERO, lanes)
            it.add(classes, ZERO, self.network.classes)
            it.constant(place, data.labels)
            it.constant(end, data.labels + self.head.images)
            again, there, fine = it.here(), Label(), Label()
            it.unequal(lane, all_lanes, there)
            it.add(word, word, 1)
            it.fetch(word)
            it.add(lane, ZERO, 0)
            it.put(there)
            it.byte(label, lane)
            it.bits(label, label, 0xFF)
            it.less(label, classes, fine)
            it.add(label, place, -data.labels)
            it.store(label, data.header(Result.WHERE))
            it.add(label, ZERO, Status.LABEL)
            it.store(label, data.header(Result.STATUS))
            it.go(answer)
            it.put(fine)
            it.store(label, place)
            it.add(lane, lane, 1)
            it.add(place, place, 1)
            it.unequal(place, end, again)

    def _step(self) -> None:
        self.schedule = Schedule(self.it)
        self._forward()
        self._head()
        for index in reversed(range(len(self.network.layers))):
            self._back(index)
        self._commit()
        self.schedule.finish()

    # Forward

    def _forward(self) -> None:
        it, commands, schedule = self.it, self.commands, self.schedule
        channel = 0
        for index, layer in enumerate(self.network.layers):
            words = self.data.layers[index]
            with it.registers(1) as (shift,):
                self._map_exponent(shift, layer.source)
                it.add(shift, shift, layer.unit)
                number = commands.forward[index]
                schedule.issue(number, commands.cycles[number], shift)
            it.call(self.routines.parameters, words.parameters, words.parameters + layer.filters, channel)
            channel += layer.filters
            schedule.work()
            with it.registers(2) as (shift, addend):
                it.load(shift, words.activation)
                it.subtract(shift, ZERO, shift)
                it.add(shift, shift, ERROR_RANDOM_BITS)
                it.add(addend, ZERO, 0)
                if layer.add is not None:
                    self._map_exponent(addend, layer.add)
                    it.add(addend, addend, shift)
                number = commands.normed[index]
                schedule.issue(number, commands.cycles[number], shift, addend, self._normed(index))
            schedule.work()
        schedule.wait()

    def _normed(self, index: int) -> tuple[Work, ...]:
        """Once a norm has reported: statistics, the scale of its map."""
        words, filters = self.data.layers[index], self.network.layers[index].filters
        counts = words.counts + self.data.distance
        scalars = words.scalars + self.data.distance
        works = [self._scale(counts, words.activation, self.values[index], ACTIVATION_EXPONENTS)]
        for first in range(0, filters, _CHANNELS):
            end = min(first + _CHANNELS, filters)
            call = partial(self.it.call, self.routines.statistics, scalars + 2 * first, scalars + 2 * end)
            works.append(Work(call, 240 * (end - first)))
        return tuple(works)

    def _scale(self, counts: int, exponent: int, values: int, limits: tuple[int, int]) -> Work:
        shares = values // SCALE_SATURATED_SHARE, values // SCALE_LARGE_SHARE
        call = partial(self.it.call, self.routines.scale, counts, exponent, *shares, *limits)
        return Work(call, 50)

    def _map_exponent(self, register: Register, index: int) -> None:
        """Of map `index`."""
        if index:
            self.it.load(register, self.data.layers[index - 1].activation)
        else:
            self.it.add(register, ZERO, IMAGE_EXPONENT)

    # The head

    def _head(self) -> None:
        """From the last map to its error; what the head learns from stands ready beside what follows."""
        it, data, network, scheme = self.it, self.data, self.network, self.scheme
        images, classes = self.head.images, network.classes
        words, schedule = data.head, self.schedule
        features(it, self.head)
        losses(it, self.head)
        below, whole = scheme.wanted(network)[-1], scheme.head == schemes.Head.ALL
        schedule.add(
            self._scale(
                data.feature_counts, words.activation, images * network.features, ACTIVATION_EXPONENTS
            ),
            self._scale(data.error_counts, words.error, images * classes, ERROR_EXPONENTS),
        )
        if scheme.head != schemes.Head.FROZEN:
            bias_sums(it, self.head)
        if below or whole:
            powers(it, self.head)
        if below:
            map_errors(it, self.head)
            values = images * network.features
            schedule.add(self._scale(data.map_error_counts, words.map_error, values, ERROR_EXPONENTS))
        if whole:
            for number in range(classes):
                first = words.weights + number * network.features
                call = partial(it.call, self.routines.weights, first, data.terms + number)
                schedule.add(Work(call, (70 + images) * network.features))
        if scheme.head != schemes.Head.FROZEN:
            call = partial(it.call, self.routines.bias, words.bias, words.bias + classes)
            schedule.add(Work(call, 60 * classes))

    # Back

    def _arrived(self, register: Register, index: int) -> None:
        """Exponent of the error of map `index`."""
        owner = error_owner(self.network, index)
        if owner == len(self.network.layers):
            self.it.load(register, self.data.head.map_error)
            self.it.add(register, register, -self.network.pool_shift)
        else:
            self.it.load(register, self.data.layers[owner - 1].map_error)

    def _back(self, index: int) -> None:
        it, commands, schedule, layer = self.it, self.commands, self.schedule, self.network.layers[index]
        words = self.data.layers[index]
        number = commands.norm_error[index]
        if number is None:
            return
        with it.registers(2) as (shift, error):
            self._arrived(shift, index + 1)
            it.load(error, words.error)
            it.subtract(shift, shift, error)
            it.add(shift, shift, ERROR_RANDOM_BITS)
            schedule.issue(number, commands.cycles[number], shift, then=self._norm_back(index))
        schedule.work()
        number = commands.gradient[index]
        if number is not None:
            with it.registers(2) as (unit, error):
                # Of the gradient; the update will ask for it when exponents have moved.
                self._map_exponent(unit, layer.source)
                it.load(error, words.error)
                it.add(unit, unit, error)
                it.add(unit, unit, TERM_UNIT)
                it.store(unit, self.data.units[index])
            schedule.issue(number, commands.cycles[number])
            schedule.work()
        number = commands.error[index]
        if number is not None:
            self._error(index, number)
            schedule.work()

    def _norm_back(self, index: int) -> tuple[Work, ...]:
        """Once the norm has reported on the way back: the scale of its errors, gamma and beta."""
        words, report = self.data.layers[index], self.data.backward[index]
        works = [self._scale(report, words.error, self.values[index], ERROR_EXPONENTS)]
        if self.scheme.layers[index].norm:
            # dβ, dγ of each channel behind the counts; gamma is drawn first.
            works += self._parameters(index, self.routines.gamma, report + 3)
            works += self._parameters(index, self.routines.beta, report + 2)
        return tuple(works)

    def _parameters(self, index: int, routine: Routine, report: int) -> list[Work]:
        filters, words = self.network.layers[index].filters, self.data.layers[index].parameters
        works = []
        for first in range(0, filters, _CHANNELS):
            end = min(first + _CHANNELS, filters)
            places = report + 2 * first, words + first, words + end
            unit = partial(self._arrived, index=index + 1)
            works.append(Work(partial(self.it.call, routine, *places, unit), 75 * (end - first)))
        return works

    def _error(self, index: int, number: int) -> None:
        it, network, layer = self.it, self.network, self.network.layers[index]
        source = layer.source
        readers, adder = network.readers(source), network.adder(source)
        below = self.data.layers[source - 1].map_error
        with it.registers(3) as (shift, addend, exponent):
            it.load(exponent, below)
            it.load(shift, self.data.layers[index].error)
            it.subtract(shift, shift, exponent)
            it.add(shift, shift, ERROR_RANDOM_BITS + layer.unit)
            it.add(addend, ZERO, ERROR_RANDOM_BITS)
            if index == readers[-1] and adder is not None:
                self._arrived(addend, adder + 1)
                it.subtract(addend, addend, exponent)
                it.add(addend, addend, ERROR_RANDOM_BITS)
            then: tuple[Work, ...] = ()
            if index == readers[0]:
                values = self.values[source - 1]
                then = (self._scale(self.data.errors[index], below, values, ERROR_EXPONENTS),)
            self.schedule.issue(number, self.commands.cycles[number], shift, addend, then)

    # The update

    def _commit(self) -> None:
        """Codes move; beside that the next state becomes the state."""
        it, commands, schedule, data = self.it, self.commands, self.schedule, self.data
        with it.registers(1) as (steps,):
            it.load(steps, data.head.steps)
            it.add(steps, steps, 1)
            it.store(steps, data.head.steps + data.distance)
        first = True
        for index in reversed(range(len(self.network.layers))):
            rounds = commands.updates[index]
            for number in rounds:
                with it.registers(2) as (shift, g):
                    it.load(shift, data.units[index])
                    it.load(g, data.layers[index].gradient)
                    it.subtract(shift, shift, g)
                    it.load(g, data.code_rate)
                    it.add(shift, shift, g)
                    it.add(shift, shift, self.network.counter_bits - 1)
                    then = self._updated(index) if number == rounds[-1] else ()
                    schedule.issue(number, commands.cycles[number], shift, then=then)
                if first:
                    schedule.add(*self._copies())
                first = False
                schedule.work()
        if first:
            schedule.add(*self._copies())

    def _copies(self) -> list[Work]:
        data = self.data
        parts = [(words.scalars, words.end) for words in data.layers] + [(data.head.weights, data.head.end)]
        return [
            Work(partial(self.it.call, self.routines.copy, first, end), 10 * (end - first))
            for first, end in parts
        ]

    def _updated(self, index: int) -> tuple[Work, ...]:
        """Once codes have moved: how many, and g."""
        words, kept = self.data.layers[index], self.kept[index]
        report = self.data.updates[index]
        level = partial(
            self.it.call,
            self.routines.level,
            report,
            self.data.units[index],
            words.gradient,
            kept * GRADIENT_HIGH,
            kept * GRADIENT_LOW,
        )
        return Work(partial(self._moved, report + 1), 10), Work(level, 80)

    def _moved(self, count: int) -> None:
        it, total = self.it, self.data.header(Result.MOVED)
        with it.registers(2) as (moved, more):
            it.load(moved, total)
            it.load(more, count)
            it.add(moved, moved, more)
            it.store(moved, total)
