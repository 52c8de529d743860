"""The commands of a step, in the order in which the controller issues them."""

from dataclasses import dataclass

from golden.cycles.norm import norm_cycles
from golden.device.ahead import NormPiece, PassPiece, Step, piece_filters
from golden.device.data import DataPlan
from golden.device.layers import LayerPlan
from golden.device.maps import Maps
from golden.device.streams import EngineMemories
from golden.learning.network import Network
from golden.learning.scheme import Scheme, Statistics
from golden.spec import latency
from golden.spec.arithmetics import PAIR
from golden.spec.block import Scalar, constants
from golden.spec.commands import Command, command_word, pass_record
from golden.spec.config import Config
from golden.spec.errors import CapacityError
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class StepCommands:
    """Numbers of commands in the command memory.

    Parameters
    ----------
    words: the command memory.  cycles: that each takes, about.
    ahead: of each step of the way forward, NORM and FORWARD; None where there is none.
    norm_error, gradient: on the way back; None where there is none.
    error: likewise, of each layer, one a run of parts; none where there is none.
    updates: of each layer, one a round; none where no codes learn.
    clear: an update of all entries.  read: codes and counters.
    """

    words: tuple[int, ...]
    cycles: tuple[int, ...]
    ahead: tuple[tuple[int | None, int | None], ...]
    norm_error: tuple[int | None, ...]
    gradient: tuple[int | None, ...]
    error: tuple[tuple[int, ...], ...]
    updates: tuple[tuple[int, ...], ...]
    clear: int
    read: int


class CommandList:
    """Makes the commands of a step.

    Parameters
    ----------
    steps: of the way forward.  engines: the memories, full.
    """

    def __init__(
        self,
        network: Network,
        scheme: Scheme,
        config: Config,
        maps: Maps,
        data: DataPlan,
        layers: tuple[LayerPlan, ...],
        steps: tuple[Step, ...],
        engines: EngineMemories,
    ) -> None:
        self._network, self._scheme, self._config = network, scheme, config
        self._maps, self._data, self._layers, self._engines = maps, data, layers, engines
        self._steps = steps
        self._words: list[int] = []
        self._cycles: list[int] = []

    def made(self, read_address: int) -> StepCommands:
        """read_address: where READ writes.  Raises CapacityError where the command memory is too small."""
        count, scheme = len(self._layers), self._scheme
        wanted = scheme.wanted(self._network)
        ahead = tuple(
            (
                self._norm_forward(it.norm) if it.norm else None,
                self._forward(it.array) if it.array else None,
            )
            for it in self._steps
        )
        norm_error: list[int | None] = [None] * count
        gradient = list(norm_error)
        error: list[tuple[int, ...]] = [()] * count
        updates = list(error)
        for index in reversed(range(count)):
            learns, down = scheme.layers[index], wanted[self._network.layers[index].source]
            if learns.learns or down:
                norm_error[index] = self._norm_back(index)
            if learns.channels:
                gradient[index] = self._gradient(index)
            if down:
                error[index] = self._error(index)
        for index in reversed(range(count)):
            if scheme.layers[index].channels:
                updates[index] = self._updates(index)
        clear = self._update(0, self._engines.pairs, True, self._data.spare)
        read = self._add(Command.READ, 0, pair=0, pairs=self._engines.pairs, address=read_address)
        if len(self._words) > self._config.instructions:
            raise CapacityError(
                f"command memory: the step needs {len(self._words)}; "
                f"instructions is {self._config.instructions}"
            )
        return StepCommands(
            words=tuple(self._words),
            cycles=tuple(self._cycles),
            ahead=ahead,
            norm_error=tuple(norm_error),
            gradient=tuple(gradient),
            error=tuple(error),
            updates=tuple(updates),
            clear=clear,
            read=read,
        )

    def _add(self, kind: Command, cycles: int, **values: int) -> int:
        self._words.append(command_word(self._config, kind, **values))
        self._cycles.append(cycles)
        return len(self._words) - 1

    def _walk(self, index: int) -> int:
        """Cycles of a walk through the streams of a layer."""
        return PAIR * sum(self._layers[index].forward.pairs) * self._maps.sums[index].stride

    def _drained(self, filters: int, words: int, spacing: int) -> int:
        """Cycles in which so many words of each filter leave the array, terms `spacing` cycles apart."""
        config = self._config
        return filters * words * (config.lanes // config.basis) * spacing

    def _forward(self, it: PassPiece) -> int:
        planned, tiles = self._layers[it.layer], len(it.tiles)
        pairs = sum(planned.forward.pairs[it.rounds.start : it.rounds.stop])
        filters = piece_filters(self._network, it)
        cycles = max(PAIR * pairs * tiles, self._drained(len(filters), tiles, 1))
        channels = self._channels(it.layer)
        channels["parameter_address"] += filters.start
        if self._given:
            channels |= {"chunk_beats": 0, "chunks": 0}
        return self._pass(
            Command.FORWARD,
            cycles,
            planned.forward_at[it],
            it.layer,
            block=planned.starts[it.rounds.start],
            resumes=int(it.tiles.start > 0),
            pauses=int(it.tiles.stop < self._maps.sums[it.layer].stride),
            **channels,
        )

    def _norm_forward(self, it: NormPiece) -> int:
        layer, maps, first = self._network.layers[it.layer], self._maps, it.channels.start
        sums, counts = maps.sums[it.layer], self._data.layers[it.layer].counts + self._data.distance
        planes = sums.degree[0] ** 2
        plane, run = sums.stride // planes, len(it.words)
        distance = first * sums.stride + it.words.start
        channels = self._channels(it.layer)
        channels["parameter_address"] += first
        return self._norm(
            it.layer,
            backward=0,
            channels=len(it.channels),
            # Runs that follow each other are one.
            **({"words": run, "runs": planes} if run < plane else {}),
            run_step=plane - run + 1,
            x_address=sums.address + distance,
            other_address=maps.values[layer.add or 0].address + distance,
            out_address=maps.values[it.layer + 1].address + distance,
            add=int(layer.add is not None),
            relu=int(layer.relu),
            lone=0,
            counts_on=int(first + it.words.start > 0),
            report_address=counts,
            found_address=counts + 2 + 2 * first,
            **channels,
        )

    def _norm_back(self, index: int) -> int:
        errors, output = self._maps.errors[index + 1], self._maps.outputs[index]
        assert errors is not None
        return self._norm(
            index,
            backward=1,
            other_address=errors.address,
            out_address=0 if output is None else output.address,
            add=0,
            relu=0,
            lone=int(output is None),
            counts_on=0,
            report_address=self._data.backward[index],
            found_address=self._data.backward[index] + 2,
        )

    def _gradient(self, index: int) -> int:
        return self._pass(Command.GRADIENT, self._walk(index), self._layers[index].gradient_at, index)

    def _error(self, index: int) -> tuple[int, ...]:
        network, maps, planned = self._network, self._maps, self._layers[index]
        source = network.layers[index].source
        readers, adder = network.readers(source), network.adder(source)
        addend = maps.errors[source]
        if index == readers[-1]:
            addend = None if adder is None else maps.errors[adder + 1]
        below, target = maps.values[source], maps.errors[source]
        assert target is not None
        spacing = latency.slow_terms(self._config.lanes // self._config.basis, addend is not None)
        numbers: list[int] = []
        for run, entry in zip(planned.runs, planned.error_at, strict=True):
            walk = PAIR * sum(sum(planned.transposed[it.stream].pairs) * it.tiles for it in run)
            drained = self._drained(below.shape[0], sum(it.tiles for it in run), spacing)
            number = self._pass(
                Command.ERROR,
                max(walk, drained),
                entry,
                index,
                block=planned.back_starts[run[0].stream],
                addend=int(addend is not None),
                addend_distance=self._distance(target, addend) if addend is not None else 0,
                masked=int(index == readers[0]),
                mask_relu=int(network.layers[source - 1].relu),
                mask_distance=self._distance(target, below),
                counts_on=int(bool(numbers)),
                report_address=self._data.errors[index],
            )
            numbers.append(number)
        return tuple(numbers)

    def _distance(self, target: Tensor, other: Tensor) -> int:
        """From a word of a map to the same one of another of its shape."""
        return (other.address - target.address) % self._config.feature_words

    def _updates(self, index: int) -> tuple[int, ...]:
        rounds = zip(self._layers[index].starts, self._layers[index].forward.pairs, strict=True)
        return tuple(
            self._update(start, pairs, number == 0, self._data.updates[index])
            for number, (start, pairs) in enumerate(rounds)
        )

    def _update(self, pair: int, pairs: int, clear: bool, report: int) -> int:
        return self._add(
            Command.UPDATE,
            self._engines.update_cycles(pair, pairs),
            pair=pair,
            pairs=pairs,
            clear=int(clear),
            report_address=report,
        )

    def _pass(self, kind: Command, cycles: int, entry: int, index: int, **values: int) -> int:
        fields = {field.name: 0 for field in pass_record(self._config).fields}
        fields["block"] = self._layers[index].starts[0]
        return self._add(kind, cycles, **{**fields, **values, "entry": entry})

    @property
    def _given(self) -> bool:
        """Statistics are."""
        return self._scheme.statistics == Statistics.RUNNING

    def _channels(self, index: int) -> dict[str, int]:
        """Of a layer: where its parameters are, its chunks."""
        sums = self._maps.sums[index]
        split = constants(sums.stride * self._config.lanes).chunks
        return {
            "parameter_address": sum(it.shape[0] for it in self._maps.sums[:index]),
            "chunk_beats": split.length // self._config.basis,
            "chunks": split.count,
        }

    def _norm(self, index: int, **values: int) -> int:
        sums, config = self._maps.sums[index], self._config
        host = constants(sums.stride * config.lanes)
        given = self._given
        fields = {
            "channels": sums.shape[0],
            "words": sums.stride,
            "runs": 1,
            "run_step": 1,
            "x_address": sums.address,
            **self._channels(index),
        }
        for name, value in (("inverse", host.inverse), ("spread", host.spread)):
            # A norm whose statistics are given needs neither.
            number = Scalar(0, 0) if given else value
            fields[f"{name}_mantissa"], fields[f"{name}_exponent"] = number.mantissa, number.exponent
        backward, add, lone = (bool(values[name]) for name in ("backward", "add", "lone"))
        fields |= values
        size = fields["channels"], fields["words"] * fields["runs"]
        cycles = norm_cycles(config, *size, backward, add, given, lone)
        return self._add(Command.NORM, cycles, **fields)
