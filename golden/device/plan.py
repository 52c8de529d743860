"""One step of training as memories and commands."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.compiler.contents import Memories
from golden.compiler.instructions import end_words
from golden.device.assembly import Assembly
from golden.device.commands import CommandList, StepCommands
from golden.device.data import DataPlan, plan_data
from golden.device.firmware.context import StepContext
from golden.device.firmware.head import Head
from golden.device.firmware.request import Places
from golden.device.firmware.routines import write_routines
from golden.device.firmware.schedule import Schedule
from golden.device.firmware.step import step_program
from golden.device.layers import LayerPlan
from golden.device.maps import Maps, plan_maps
from golden.device.rows import error_taps, forward_taps
from golden.device.streams import EngineMemories, Entries, entry_numbers, stream
from golden.learning.network import Network
from golden.learning.scheme import Scheme, Statistics, everything
from golden.learning.state import State
from golden.spec.arithmetics import PAIR
from golden.spec.config import Config
from golden.spec.errors import CapacityError
from golden.spec.findings import Findings
from golden.spec.formats import EXPONENTS
from golden.spec.frames import NUMBER_BYTES
from golden.spec.learning import INT8_LARGEST, ArrayShape, LearningError
from golden.spec.memories import COUNTER_BITS, MAX_TILES, Fold, Operation, back_record, front_record
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class StepPlan:
    """All of a step: what the memories of a device hold before the first one, and where what is.

    Parameters
    ----------
    maps: tensors of a batch, request, result.  data: words of the controller.
    front, back: instruction words.  taps: of all passes.  engines: coefficients, counters, places.
    commands: the command memory.  firmware: the controller's program.
    """

    network: Network
    scheme: Scheme
    images: int
    config: Config
    maps: Maps
    data: DataPlan
    layers: tuple[LayerPlan, ...]
    front: tuple[int, ...]
    back: tuple[int, ...]
    taps: tuple[int, ...]
    engines: EngineMemories
    commands: StepCommands
    firmware: tuple[int, ...]


def plan_step(
    network: Network, state: State, images: int, config: Config, scheme: Scheme | None = None
) -> StepPlan:
    """scheme: what learns; None: everything.

    Raises CapacityError where a memory or a partial sum is too small, LearningError for a batch that
    cannot be, a network that is made for another array, or a scheme that no device can follow.
    """
    network.check_batch(images)
    _check_array(network, config)
    scheme = scheme or everything(network)
    _check_scheme(network, scheme)
    data = plan_data(network, images, config)
    maps = plan_maps(network, scheme, images, config)
    memories, engines = Memories(config), EngineMemories(config)
    passes: list[tuple[int, int, Tensor, Tensor]] = []
    plans = []

    def instruction(taps: int, taps_at: int, source: Tensor, target: Tensor) -> int:
        """One layer and an END; its number."""
        passes.append((taps, taps_at, source, target))
        return 2 * len(passes) - 2

    for index, (layer, it) in enumerate(zip(network.layers, state.layers, strict=True)):
        source, errors = maps.values[layer.source], maps.outputs[index]
        taps = forward_taps(source, maps.sums[index], images, layer.kernel, layer.stride, config.lanes)
        taps_at = memories.add_taps(taps)
        kernel = layer.kernel**2
        forward_at = instruction(kernel, taps_at, source, maps.sums[index])
        gradient_at = instruction(kernel, taps_at, source, errors) if errors is not None else 0
        codes, mask = it.codes.numpy().astype(np.int64), it.mask.numpy()
        filters, channels = codes.shape[:2]
        forward = stream(codes.reshape(filters, -1), mask.reshape(filters, -1), network.array)
        starts = engines.starts(forward)
        entries = entry_numbers(forward, starts, mask.size)
        transposed, back_starts, error_at, twins = None, [], 0, None
        below = maps.errors[layer.source]
        if below is not None:
            assert errors is not None
            back_taps = error_taps(errors, below, images, layer.kernel, layer.stride, config.lanes)
            error_at = instruction(kernel, memories.add_taps(back_taps), errors, below)
            turned = (1, 0, 2, 3)
            transposed = stream(
                codes.transpose(turned).reshape(channels, -1),
                mask.transpose(turned).reshape(channels, -1),
                network.array,
            )
            back_starts = [start + sum(forward.pairs) for start in engines.starts(transposed)]
            back_entries = entry_numbers(transposed, back_starts, mask.size)
            # Place (f, c, k) of the forward matrix is place (c, f, k) of the transposed one.
            places = np.arange(mask.size).reshape(mask.transpose(turned).shape).transpose(turned).reshape(-1)
            twins = Entries(back_entries.engine[places], back_entries.entry[places])
        _demand_pairs(
            engines.pairs + sum(forward.pairs) + sum(transposed.pairs if transposed else []), config
        )
        _demand_sums(layer.name, mask, transposed is not None, config)
        engines.add(forward, it.counters.numpy().astype(np.int64).reshape(-1), twins)
        if transposed is not None:
            engines.add(transposed)
        plans.append(
            LayerPlan(forward, transposed, starts, back_starts, entries, forward_at, gradient_at, error_at)
        )
    _demand_words(network, maps, config)
    findings = Findings()
    memories.check(2 * len(passes), findings)
    findings.demand()
    front, back = _instructions(network.array, passes, config)
    layers = tuple(plans)
    codes_at = saved_words(data, config)
    _demand_save(codes_at + read_words(engines.pairs, config), config)
    commands = CommandList(network, config, maps, data, layers, engines.pairs).made(scheme, codes_at)
    assembly = Assembly(config)
    program = StepContext(
        it=assembly,
        network=network,
        scheme=scheme,
        head=Head(network, images, config, data, maps.values[-1], maps.errors[-1]),
        data=data,
        commands=commands,
        kept=tuple(
            int(layer.mask.sum()) if learns.channels else 0
            for layer, learns in zip(state.layers, scheme.layers, strict=True)
        ),
        values=tuple(sums.shape[0] * sums.stride * config.lanes for sums in maps.sums),
        routines=write_routines(assembly, network, data, images),
        schedule=Schedule(assembly),
    )
    return StepPlan(
        network=network,
        scheme=scheme,
        images=images,
        config=config,
        maps=maps,
        data=data,
        layers=layers,
        front=front,
        back=back,
        taps=memories.tap_words(),
        engines=engines,
        commands=commands,
        firmware=step_program(program, Places(maps.request.address, maps.result.address)),
    )


def saved_words(data: DataPlan, config: Config) -> int:
    """Feature words of header and state in the result of SAVE; codes and counters follow."""
    return -(-(data.state + data.distance) * NUMBER_BYTES // config.lanes)


def read_words(pairs: int, config: Config) -> int:
    """Words that READ writes for the entries of so many pairs of all engines."""
    return -(-PAIR * pairs * config.engines // config.lanes)


def _demand_save(words: int, config: Config) -> None:
    if words > config.feature_words:
        raise CapacityError(
            f"feature memory: state and codes of {words} words do not fit; feature_words of "
            f"configuration {config.name!r} is {config.feature_words}"
        )


def _check_scheme(network: Network, scheme: Scheme) -> None:
    """Raises LearningError naming the layer for what the commands of a device cannot say."""
    scheme.demand(network)
    if scheme.statistics != Statistics.BATCH:
        raise LearningError("scheme: running statistics on a device; legal: those of the batch")
    wanted = scheme.wanted(network)
    for layer, it in zip(network.layers, scheme.layers, strict=True):
        channels = network.shape(layer.source)[0]
        if it.channels not in (0, channels):
            raise LearningError(
                f"scheme: layer {layer.name}: {it.channels} channels learn; legal on a device: "
                f"0 or all {channels}"
            )
        if it.norm and not it.channels and not wanted[layer.source]:
            raise LearningError(
                f"scheme: layer {layer.name}: its norm alone learns, and nothing below; legal on a device: "
                "its codes too, or not its norm"
            )


def _check_array(network: Network, config: Config) -> None:
    """Raises LearningError where the order of random bits, or a counter, is not that of this device."""
    wanted = ArrayShape(config.engines, config.lanes, config.accumulators)
    for name, found, legal in (
        ("learning", config.learning, True),
        ("array", network.array, wanted),
        ("counter_bits", network.counter_bits, COUNTER_BITS),
    ):
        if found != legal:
            raise LearningError(f"configuration {config.name!r}: {name} = {found}; legal here: {legal}")


def _demand_pairs(pairs: int, config: Config) -> None:
    if pairs > config.coefficient_words:
        raise CapacityError(
            f"coefficient memory: the streams need {pairs} words or more, coefficient_words of "
            f"configuration {config.name!r} is {config.coefficient_words}"
        )


def _demand_sums(name: str, mask: npt.NDArray[np.bool_], below: bool, config: Config) -> None:
    """Codes may grow to the largest: no sum of a filter's, or a channel's on the way below, may wrap then."""
    ways = [(1, 2, 3), (0, 2, 3)] if below else [(1, 2, 3)]
    kept = max(int(mask.sum(axis=way).max()) for way in ways)
    reach = kept * (1 << EXPONENTS - 1) * INT8_LARGEST
    if reach >= 1 << config.accumulator_bits - 1:
        raise CapacityError(
            f"layer {name}: {kept} kept codes may add up to {reach}; accumulator_bits = "
            f"{config.accumulator_bits} holds up to {(1 << config.accumulator_bits - 1) - 1}"
        )


def _demand_words(network: Network, maps: Maps, config: Config) -> None:
    """What is as deep as other memories, and what a field must hold."""
    tiles = max(it.words(config.lanes) for it in (*maps.sums, *maps.values))
    channels = sum(layer.filters for layer in network.layers)
    for what, needed, field, there in (
        ("parameter memory", channels, "filter_words", config.filter_words),
        ("words of a channel", tiles, "largest count of tiles", MAX_TILES - 1),
    ):
        if needed > there:
            raise CapacityError(f"{what}: the step needs {needed}; {field} is {there}")


def _instructions(
    array: ArrayShape, passes: list[tuple[int, int, Tensor, Tensor]], config: Config
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Front and back words: each pass is a layer and an END."""
    front: list[int] = []
    back: list[int] = []
    end_front, end_back = end_words(config)
    for taps, taps_at, source, target in passes:
        tiles, filters = target.words(config.lanes), target.shape[0]
        rounds = -(-filters // array.round_filters(filters))
        front += [_front(config, rounds, tiles, taps, taps_at, source), end_front]
        back += [_back(config, rounds, tiles, filters, array, target), end_back]
    return tuple(front), tuple(back)


def _front(config: Config, rounds: int, tiles: int, taps: int, taps_at: int, source: Tensor) -> int:
    return front_record(config).pack(
        operation=Operation.LAYER,
        rounds=rounds,
        tiles=tiles,
        channels=source.shape[0],
        moves=0,
        low=0,
        taps=taps,
        tap_address=taps_at,
        input_address=source.address,
        input_stride=source.stride,
        ready_first=0,
        ready_step=0,
        ready_channels=source.shape[0],
    )


def _back(config: Config, rounds: int, tiles: int, filters: int, array: ArrayShape, target: Tensor) -> int:
    values = {field.name: 0 for field in back_record(config).fields} | {
        "operation": Operation.LAYER,
        "rounds": rounds,
        "tiles": tiles,
        "fold": Fold.GROUP,
        "group": 1,
        "filters": filters,
        "engine_filters": array.engine_filters(filters),
        "row_width": config.lanes,
        "output_address": target.address,
        "output_stride": target.stride,
        "plane_tiles": tiles,
        "last_lanes": config.lanes,
    }
    return back_record(config).pack(**values)
