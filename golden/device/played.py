"""A device whose controller is simulated and whose commands golden carries out.

Golden makes a step first. Each command that the controller issues then puts there what the hardware would:
the words of its map, counts, what a norm finds, sums of an update.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from golden.datapath.entries import coefficient_codes
from golden.device.ahead import piece_filters
from golden.device.data import loaded_words, signed_number, state_of
from golden.device.host import Run, device_step
from golden.device.maps import error_owner
from golden.device.plan import StepPlan
from golden.device.statistics import scalar_numbers
from golden.learning.forward import map_exponent
from golden.learning.planes import by_channel
from golden.learning.random import Generators
from golden.learning.scheme import Statistics
from golden.learning.state import State
from golden.learning.step import Report, StepTrace, traced
from golden.learning.update import Rates
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.machine.controller import Controller, Ends, unhindered
from golden.spec.arithmetics import PAIR
from golden.spec.commands import Command, command_record, payload_records, scalar_report_record
from golden.spec.formats import CODE_BITS
from golden.spec.learning import ERROR_RANDOM_BITS, TERM_UNIT, Generator
from golden.spec.memories import COUNTER_BITS
from golden.spec.tensor import Tensor


class PlayedDevice:
    """A device for a plan, loaded with a state.

    What a command is issued with is what golden finds (AssertionError else).

    Parameters
    ----------
    seed: of what stands in memories that nobody has loaded.

    right: golden's state; before: that of the step before.
    executed, cycles: of the last run of the controller.  issued: its commands.
    parameters: words that went to the norm.
    """

    def __init__(self, plan: StepPlan, state: State, seed: int = 0) -> None:
        self.plan, self.right, self.before = plan, state, state
        config, rng = plan.config, np.random.default_rng(seed)
        self.data = [signed_number(word) for word in loaded_words(plan.data, state)]
        rest = config.controller_words - len(self.data)
        self.data += rng.integers(-(1 << 47), 1 << 47, rest).tolist()
        self.features = rng.integers(-127, 128, (config.feature_words, config.lanes)).tolist()
        self.random = state.generators[Generator.SCALARS]
        self.executed = self.cycles = 0
        self.issued: list[int] = []
        self._together: list[int] = []
        self.parameters: dict[int, int] = {}
        self._playing: _Playing | None = None

    def state(self) -> State:
        """What the data memory holds; codes, masks and other generators are golden's."""
        data = self.plan.data
        found = state_of(data, self.data[data.state :][: data.distance], self.right)
        generators = list(self.right.generators)
        generators[Generator.SCALARS] = self.random
        return replace(found, generators=tuple(generators))

    def step(
        self, images: torch.Tensor, labels: torch.Tensor, rates: Rates, ends: Ends = unhindered
    ) -> tuple[Report, Report]:
        """A step on the device, and golden's, which is `right` afterwards; what each reports."""
        plan, before = self.plan, self.right
        self.before = before
        self.right, said, trace = traced(
            plan.network, before, images, labels, rates, plan.scheme, Generators(before.generators)
        )
        self._playing = _Playing(self, before, trace, rates)
        exchange = device_step(plan, images, labels, rates)
        run = next(exchange)
        try:
            exchange.send(self.run(plan.maps.values[0].address, run, ends=ends))
        except StopIteration as end:
            return end.value, said
        raise AssertionError("a step is one run")

    def run(
        self, address: int, run: Run, result: int | None = None, ends: Ends = unhindered
    ) -> npt.NDArray[np.int8]:
        """The frame goes to `address` on; the result of a run, of a step unless it says where."""
        for place, row in enumerate(run.frame.tolist(), address):
            self.features[place] = list(row)
        self.issued = []
        controller = Controller(
            self.plan.config,
            list(self.plan.firmware),
            self.data,
            self.random,
            self.features,
            self._issue,
            ends=ends,
        )
        controller.run()
        self.random, self.parameters = controller.random, controller.parameters
        self.executed, self.cycles = controller.executed, controller.cycles
        first = self.plan.maps.result.address if result is None else result
        return np.array(self.features[first : first + run.result_words], np.int8)

    def put(self, address: int, values: npt.NDArray[np.integer]) -> None:
        """Bytes into the feature memory, whole words."""
        rows = values.reshape(-1, self.plan.config.lanes).astype(np.int64).tolist()
        self.features[address : address + len(rows)] = rows

    def _issue(self, number: int, shift: int, addend_shift: int, beside: bool) -> None:
        commands = self.plan.commands
        self._together = [*self._together, number] if beside else [number]
        if beside:
            # Of tensors that those it runs beside do not write.
            parts = [part_of(self.plan, it) for it in self._together]
            if parts[-1][0] == "forward":
                self._check_ahead(*self._together)
            else:
                assert {part for part, _ in parts} <= {"norm_error", "gradient"}
                assert len({layer for _, layer in parts}) == len(parts), "a layer's gradients need its norm"
        self.issued.append(number)
        if number == commands.read:
            self._read()
        elif number != commands.clear:
            assert self._playing is not None
            limited = max(-128, min(127, shift)), max(-128, min(127, addend_shift))
            self._playing.issue(number, *limited)

    def _check_ahead(self, normed: int, forward: int) -> None:
        """A pass reads words that stand; a norm has channels of which all is known."""
        norm, array = next(
            (it.norm, it.array)
            for it, numbers in zip(self.plan.steps, self.plan.commands.ahead, strict=True)
            if numbers == (normed, forward)
        )
        assert norm
        assert array
        if self.plan.network.layers[array.layer].source == norm.layer + 1:
            assert array.tiles.stop <= norm.words.start
        if norm.layer == array.layer:
            assert norm.channels.stop <= piece_filters(self.plan.network, array).start

    def _read(self) -> None:
        plan, config = self.plan, self.plan.config
        bytes_ = np.zeros((config.engines, PAIR * plan.engines.pairs), np.uint8)
        for layer, it in zip(plan.layers, self.right.layers, strict=True):
            kept = layer.entries.entry >= 0
            codes = coefficient_codes(it.codes.numpy().reshape(-1).astype(np.int64)[kept])
            counters = it.counters.numpy().reshape(-1)[kept] & (1 << COUNTER_BITS) - 1
            where = layer.entries.engine[kept], layer.entries.entry[kept]
            bytes_[where] = codes | counters << CODE_BITS
        self.put(command_fields(plan, plan.commands.read)[1]["address"], bytes_.view(np.int8))


class _Playing:
    """The commands of one step."""

    def __init__(self, device: PlayedDevice, state: State, trace: StepTrace, rates: Rates) -> None:
        self._device, self._plan, self._state = device, device.plan, state
        self._trace, self._rates = trace, rates

    def issue(self, number: int, shift: int, addend_shift: int) -> None:
        plan, state, trace, data = self._plan, self._state, self._trace, self._device.data
        part, index = part_of(plan, number)
        layer, it, found = plan.network.layers[index], state.layers[index], trace.layers[index]
        match part:
            case "forward":
                assert shift == map_exponent(state, layer.source) + layer.unit
            case "normed":
                assert shift == ERROR_RANDOM_BITS - it.activation
                if layer.add is not None:
                    assert addend_shift == ERROR_RANDOM_BITS + map_exponent(state, layer.add) - it.activation
                at = plan.data.layers[index].counts + plan.data.distance
                made, channels = trace.forward.layers[index], trace.forward.layers[index].normed.found
                # Of all pieces: the counts of the last one are the layer's.
                data[at : at + 2] = made.counts
                if plan.scheme.statistics == Statistics.BATCH:
                    _report(data, at + 2, channels.mean, channels.spread)
                target = plan.maps.values[index + 1]
                self._put(target, by_channel(trace.forward.maps[index + 1], target.degree[0]))
            case "norm_error":
                assert found is not None
                assert shift == ERROR_RANDOM_BITS + self._error_exponent(index + 1) - it.error
                if index == len(state.layers) - 1:
                    self._check_last_error()
                at = plan.data.backward[index]
                _report(data, at + 2, scalars.from_floats(found.beta), scalars.from_floats(found.gamma))
                output = plan.maps.outputs[index]
                assert (output is None) == (found.output is None)
                data[at : at + 2] = found.output.counts if found.output else (0, 0)
                if output and found.output:
                    self._put(output, found.output.values)
            case "gradient":
                pass
            case "error":
                assert found is not None
                assert found.below is not None
                self._check_error(index, shift, addend_shift)
                at = plan.data.errors[index]
                data[at : at + 2] = found.below
            case "update":
                moved = trace.moved[index]
                assert moved is not None
                unit = it.error + TERM_UNIT + map_exponent(state, layer.source)
                right = plan.network.counter_bits - 1 + (self._rates.code or 0) + unit - it.gradient
                assert shift == (-128 if self._rates.code is None else max(-128, min(127, right)))
                if number == plan.commands.updates[index][-1]:
                    at = plan.data.updates[index]
                    data[at : at + 2] = moved.total, moved.moved

    def _error_exponent(self, index: int) -> int:
        owner = error_owner(self._plan.network, index)
        if owner == len(self._state.layers):
            return self._state.head.map_error - self._plan.network.pool_shift
        return self._state.layers[owner - 1].map_error

    def _check_error(self, index: int, shift: int, addend_shift: int) -> None:
        state, network = self._state, self._plan.network
        layer, source = network.layers[index], network.layers[index].source
        exponent = state.layers[source - 1].map_error
        assert shift == ERROR_RANDOM_BITS + state.layers[index].error + layer.unit - exponent
        adder = network.adder(source)
        if index != network.readers(source)[-1]:
            assert addend_shift == ERROR_RANDOM_BITS
        elif adder is not None:
            assert addend_shift == ERROR_RANDOM_BITS + self._error_exponent(adder + 1) - exponent

    def _check_last_error(self) -> None:
        there = self._plan.maps.errors[-1]
        assert there is not None
        words = there.shape[0] * there.stride
        found = np.array(self._device.features[there.address : there.address + words], np.int8)
        right = self._trace.errors[len(self._state.layers)].values
        assert (found.reshape(-1) == right.numpy().reshape(-1)).all()

    def _put(self, tensor: Tensor, values: torch.Tensor) -> None:
        self._device.put(tensor.address, values.numpy())


def part_of(plan: StepPlan, number: int) -> tuple[str, int]:
    """What a command of a step is, a name of `StepCommands`, "update" for updates; and of which layer."""
    commands = plan.commands
    for part in ("norm_error", "gradient"):
        if number in getattr(commands, part):
            return part, getattr(commands, part).index(number)
    for it, pair in zip(plan.steps, commands.ahead, strict=True):
        for part, piece, own in zip(("normed", "forward"), (it.norm, it.array), pair, strict=True):
            if piece and number == own:
                return part, piece.layer
    for part, lists in (("error", commands.error), ("update", commands.updates)):
        for index, numbers in enumerate(lists):
            if number in numbers:
                return part, index
    raise AssertionError(f"command {number} is none of a step")


def command_fields(plan: StepPlan, number: int) -> tuple[Command, dict[str, int]]:
    """Kind and fields of a command."""
    record = command_record(plan.config).unpack(plan.commands.words[number])
    kind = Command(record["kind"])
    return kind, payload_records(plan.config)[kind].unpack(record["payload"])


def _report(data: list[int], address: int, first: Scalars, second: Scalars) -> None:
    record = scalar_report_record()
    for part, values in enumerate((first, second)):
        for channel, fields in enumerate(scalar_numbers(values)):
            data[address + 2 * channel + part] = record.pack(**fields)
