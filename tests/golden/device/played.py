"""A device whose controller is simulated and whose commands golden plays.

Golden makes a step first and what it finds on the way is recorded; each command that the controller issues
puts there what the hardware would: the last map, counts, what a norm finds, sums of an update.
"""

from collections.abc import Generator as Generators_
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np
import torch

from golden.datapath.entries import coefficient_codes
from golden.device import Run, StepPlan
from golden.device.data import loaded_words, signed_number, state_of
from golden.device.maps import error_owner
from golden.learning import State, rounding, step, update
from golden.learning import norm as norms
from golden.learning.forward import Trace, map_exponent
from golden.learning.norm import NormGradients
from golden.learning.planes import by_channel
from golden.learning.scheme import Scheme
from golden.learning.step import Report
from golden.learning.update import Moved, Rates
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.machine.controller import Controller
from golden.spec import learning
from golden.spec.commands import Command, command_record, payload_records, scalar_report_record
from golden.spec.formats import CODE_BITS
from golden.spec.learning import Generator
from golden.spec.memories import COUNTER_BITS

step_module = import_module("golden.learning.step")
"""The package has a function of that name."""


@dataclass
class Record:
    """Of a step of golden.

    Parameters
    ----------
    scales: (saturated, large) of each tensor, in the order in which they are made.
    errors: dy of each norm, and what it found; last layer first.  totals: Σ|G|.  moved: codes.
    """

    traces: list[Trace] = field(default_factory=list)
    scales: list[tuple[int, int]] = field(default_factory=list)
    norms: list[tuple[torch.Tensor, NormGradients]] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)


@contextmanager
def recorded() -> Iterator[Record]:
    """What golden finds inside."""
    it = Record()
    scale, gradient = learning.moved_scale, learning.moved_gradient
    forward, backward, codes = step_module.forward, norms.backward, step_module.update_codes

    def moved_scale(exponent: int, values: int, saturated: int, large: int, limits: Any) -> int:
        it.scales.append((saturated, large))
        return scale(exponent, values, saturated, large, limits)

    def moved_gradient(exponent: int, total: int, unit: int, kept: int) -> int:
        it.totals.append(total)
        return gradient(exponent, total, unit, kept)

    def traced(*arguments: Any) -> Trace:
        found: Trace = forward(*arguments)
        it.traces.append(found)
        return found

    def normed(errors: torch.Tensor, *arguments: Any) -> NormGradients:
        found = backward(errors, *arguments)
        it.norms.append((errors.clone(), found))
        return found

    def updated(*arguments: Any) -> Moved:
        found: Moved = codes(*arguments)
        it.moved.append(found.moved)
        return found

    with (
        mock.patch.object(rounding, "moved_scale", moved_scale),
        mock.patch.object(update, "moved_gradient", moved_gradient),
        mock.patch.object(step_module, "forward", traced),
        mock.patch.object(norms, "backward", normed),
        mock.patch.object(step_module, "update_codes", updated),
    ):
        yield it


class PlayedDevice:
    """A device for a plan, loaded with a state.

    Parameters
    ----------
    right: golden's state; before: that of the step before.
    executed: instructions of the last run.  issued: its commands.  parameters: words that went to the norm.
    """

    def __init__(self, plan: StepPlan, state: State, seed: int = 0) -> None:
        self.plan, self.right, self.before = plan, state, state
        config, rng = plan.config, np.random.default_rng(seed)
        self.data = [signed_number(word) for word in loaded_words(plan.data, state)]
        rest = config.controller_words - len(self.data)
        self.data += rng.integers(-(1 << 47), 1 << 47, rest).tolist()
        self.features = rng.integers(-127, 128, (config.feature_words, config.lanes)).tolist()
        self.random = state.generators[Generator.SCALARS]
        self.executed = 0
        self.issued: list[int] = []
        self.parameters: dict[int, int] = {}

    def state(self) -> State:
        """What the data memory holds; codes, masks and other generators are golden's."""
        data = self.plan.data
        found = state_of(data, self.data[data.state :][: data.distance], self.right)
        generators = list(self.right.generators)
        generators[Generator.SCALARS] = self.random
        return replace(found, generators=tuple(generators))

    def step(
        self,
        exchange: Generators_[Run, Any, Report],
        images: torch.Tensor,
        labels: torch.Tensor,
        rates: Rates,
        scheme: Scheme | None = None,
    ) -> tuple[Report, Report]:
        """A step on the device, and golden's, which is `right` afterwards."""
        self.before = before = self.right
        with recorded() as record:
            self.right, said = step(self.plan.network, before, images, labels, rates, scheme)
        self._playing = _Playing(self, before, record, rates)
        run = next(exchange)
        try:
            exchange.send(self.run(self.plan.maps.values[0].address, run))
        except StopIteration as end:
            return end.value, said
        raise AssertionError("a step is one run")

    def run(self, address: int, run: Run, result: int | None = None) -> np.ndarray:
        """The frame goes to `address` on; the result of a run, of a step unless it says where."""
        config = self.plan.config
        for place, row in enumerate(run.frame.tolist(), address):
            self.features[place] = list(row)
        self.issued = []
        controller = Controller(
            config, list(self.plan.firmware), self.data, self.random, self.features, self._issue
        )
        controller.run()
        self.random, self.executed, self.parameters = (
            controller.random,
            controller.executed,
            controller.parameters,
        )
        first = self.plan.maps.result.address if result is None else result
        return np.array(self.features[first : first + run.result_words], np.int8)

    def _issue(self, number: int, shift: int, addend_shift: int, beside: bool) -> None:
        commands = self.plan.commands
        if beside:
            # Of different units, and of tensors that the other does not write.
            above = number in commands.norm_error and self.issued[-1] in commands.gradient
            place = commands.forward.index(number) if number in commands.forward else 0
            assert above or (place and self.issued[-1] == commands.normed[place - 1])
            assert above or self.plan.network.layers[place].source != place
        self.issued.append(number)
        word = commands.words[number]
        kind = Command(command_record(self.plan.config).unpack(word)["kind"])
        limited = max(-128, min(127, shift)), max(-128, min(127, addend_shift))
        if number == commands.read:
            self._read()
        elif number != commands.clear:
            self._playing.issue(kind, number, *limited)
        else:
            assert limited[0] == -128

    def _read(self) -> None:
        plan, config = self.plan, self.plan.config
        bytes_ = np.zeros((config.engines, 2 * plan.engines.pairs), np.uint8)
        for layer, it in zip(plan.layers, self.right.layers, strict=True):
            kept = layer.entries.entry >= 0
            codes = coefficient_codes(it.codes.numpy().reshape(-1).astype(np.int64)[kept])
            counters = it.counters.numpy().reshape(-1)[kept] & (1 << COUNTER_BITS) - 1
            where = layer.entries.engine[kept], layer.entries.entry[kept]
            bytes_[where] = codes | counters << CODE_BITS
        rows = bytes_.reshape(-1, config.lanes).view(np.int8)
        payload = command_record(config).unpack(plan.commands.words[plan.commands.read])["payload"]
        first = payload_records(config)[Command.READ].unpack(payload)["address"]
        for place, row in enumerate(rows.tolist(), first):
            self.features[place] = row


class _Playing:
    """The commands of one step."""

    def __init__(self, device: PlayedDevice, state: State, record: Record, rates: Rates) -> None:
        self._device, self._plan, self._state = device, device.plan, state
        self._record, self._rates = record, rates
        plan, count = device.plan, len(state.layers)
        wanted = plan.scheme.wanted(plan.network)
        scales = iter(record.scales)
        self._scales: dict[tuple[str, int], tuple[int, int]] = {}
        for index in range(count):
            self._scales["normed", index] = next(scales)
        next(scales), next(scales)
        if wanted[-1]:
            next(scales)
        active = []
        for index in reversed(range(count)):
            learns, down = plan.scheme.layers[index], wanted[plan.network.layers[index].source]
            if learns.learns or down:
                active.append(index)
                self._scales["norm_error", index] = next(scales)
            if down:
                self._scales["error", index] = next(scales)
        assert not list(scales)
        self._norms = dict(zip(active, record.norms, strict=True))
        updated = [index for index in active if plan.scheme.layers[index].channels]
        self._updates = dict(zip(updated, zip(record.totals, record.moved, strict=True), strict=True))

    def issue(self, kind: Command, number: int, shift: int, addend_shift: int) -> None:
        part, index = self._part(number)
        state, plan = self._state, self._plan
        layer, it = plan.network.layers[index], state.layers[index]
        data = self._device.data
        match part:
            case "forward":
                assert kind == Command.FORWARD
                assert shift == map_exponent(state, layer.source) + layer.unit
            case "normed":
                assert kind == Command.NORM
                assert shift == 8 - it.activation
                if layer.add is not None:
                    assert addend_shift == 8 + map_exponent(state, layer.add) - it.activation
                at = plan.data.layers[index].counts + plan.data.distance
                data[at : at + 2] = self._scales[part, index]
                found = self._record.traces[0].layers[index].normed.found
                _report(data, at + 2, found.mean, found.spread)
                if index == len(state.layers) - 1:
                    last, values = plan.maps.values[-1], self._record.traces[0].maps[-1]
                    self._put(last.address, by_channel(values, 1).numpy())
            case "norm_error":
                assert shift == 8 + self._error_exponent(index + 1) - it.error
                errors, back = self._norms[index]
                if index == len(state.layers) - 1:
                    self._check_last_error(errors)
                at = plan.data.backward[index]
                data[at : at + 2] = self._scales[part, index]
                _report(data, at + 2, scalars.from_floats(back.beta), scalars.from_floats(back.gamma))
            case "gradient":
                assert kind == Command.GRADIENT
            case "error":
                self._error(index, shift, addend_shift)
            case "update":
                unit = it.error + 1 + map_exponent(state, layer.source)
                right = plan.network.counter_bits - 1 + (self._rates.code or 0) + unit - it.gradient
                right = -128 if self._rates.code is None else max(-128, min(127, right))
                assert shift == right
                if number == plan.commands.updates[index][-1]:
                    at = plan.data.updates[index]
                    data[at : at + 2] = self._updates[index]

    def _part(self, number: int) -> tuple[str, int]:
        commands = self._plan.commands
        for part in ("forward", "normed", "norm_error", "gradient", "error"):
            if number in getattr(commands, part):
                return part, getattr(commands, part).index(number)
        return "update", next(k for k, numbers in enumerate(commands.updates) if number in numbers)

    def _error_exponent(self, index: int) -> int:
        owner = error_owner(self._plan.network, index)
        if owner == len(self._state.layers):
            return self._state.head.map_error - self._plan.network.pool_shift
        return self._state.layers[owner - 1].map_error

    def _error(self, index: int, shift: int, addend_shift: int) -> None:
        plan, state, network = self._plan, self._state, self._plan.network
        layer, source = network.layers[index], network.layers[index].source
        exponent = state.layers[source - 1].map_error
        assert shift == 8 + state.layers[index].error + layer.unit - exponent
        adder, last = network.adder(source), index == network.readers(source)[-1]
        if not last:
            assert addend_shift == 8
        elif adder is not None:
            assert addend_shift == 8 + self._error_exponent(adder + 1) - exponent
        at = plan.data.errors[index]
        self._device.data[at : at + 2] = self._scales["error", index]

    def _check_last_error(self, errors: torch.Tensor) -> None:
        there = self._plan.maps.errors[-1]
        assert there is not None
        words = there.shape[0] * there.stride
        found = np.array(self._device.features[there.address : there.address + words], np.int8)
        assert (found.reshape(-1) == errors.numpy().reshape(-1)).all()

    def _put(self, address: int, values: np.ndarray) -> None:
        lanes = self._plan.config.lanes
        for place, row in enumerate(values.reshape(-1, lanes).astype(np.int64).tolist(), address):
            self._device.features[place] = row


def _report(data: list[int], address: int, first: Scalars, second: Scalars) -> None:
    record = scalar_report_record()
    for part, values in enumerate((first, second)):
        pairs = zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True)
        for channel, (mantissa, exponent) in enumerate(pairs):
            word = record.pack(mantissa=abs(mantissa), sign=int(mantissa < 0), exponent=exponent)
            data[address + 2 * channel + part] = word
