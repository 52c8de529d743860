"""One step of training as memories and commands."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.compiler.contents import Memories
from golden.device.ahead import PIECES, Step, forward_steps, piece_filters
from golden.device.assembly import Assembly
from golden.device.back_parts import BackPart, back_entries, back_parts, back_streams, part_runs
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
from golden.device.passes import Pass, part_taps, pass_words
from golden.device.rows import error_taps, forward_taps
from golden.device.streams import EngineMemories, Entries, Learning, Stream, entry_numbers, stream
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
from golden.spec.memories import COUNTER_BITS, MAX_TILES
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class StepPlan:
    """All of a step: what the memories of a device hold before the first one, and where what is.

    Parameters
    ----------
    maps: tensors of a batch, request, result.  data: words of the controller.
    steps: of the way forward.
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
    steps: tuple[Step, ...]
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
    cannot be, a network that is made for another array, or a scheme that is not one of the network.
    """
    scheme = scheme or everything(network)
    scheme.demand(network)
    network.check_batch(images, scheme.least)
    _check_array(network, config)
    try:
        return _planned(network, state, images, config, scheme, PIECES, None)
    except CapacityError:
        # What runs beside each other, and error passes in several runs, take commands of their own.
        return _planned(network, state, images, config, scheme, 1, 1)


def _planned(
    network: Network,
    state: State,
    images: int,
    config: Config,
    scheme: Scheme,
    pieces: int,
    runs: int | None,
) -> StepPlan:
    """pieces: into which a norm is cut at most.  runs: as in `back_parts`."""
    data = plan_data(network, images, config)
    streams = [
        stream(it.codes.numpy().astype(np.int64).reshape(rows), it.mask.numpy().reshape(rows), network.array)
        for it, rows in ((it, (len(it.codes), -1)) for it in state.layers)
    ]
    given = scheme.statistics == Statistics.RUNNING
    steps = forward_steps(network, [it.pairs for it in streams], images, config, given, pieces)
    maps = plan_maps(network, scheme, images, config, steps)
    memories, engines = Memories(config), EngineMemories(config)
    passes: list[Pass] = []
    plans = []

    def add_pass(
        source: Tensor,
        target: Tensor,
        parts: tuple[BackPart, ...],
        taps_at: list[int],
        filters: range | None = None,
    ) -> int:
        """Its first instruction."""
        first = sum(len(it.parts) + 1 for it in passes)
        passes.append(Pass(source, target, parts, taps_at, filters or range(target.shape[0])))
        return first

    layers_with = zip(network.layers, state.layers, scheme.layers, strict=True)
    for index, (layer, it, learning) in enumerate(layers_with):
        source, errors = maps.values[layer.source], maps.outputs[index]
        taps = forward_taps(source, maps.sums[index], images, layer.kernel, layer.stride, config.lanes)
        taps_at = [memories.add_taps(taps)]
        positions = tuple(range(layer.kernel**2))
        whole = (BackPart(0, maps.sums[index].stride, positions),)
        forward_at = {}
        for piece in (its.array for its in steps if its.array and its.array.layer == index):
            first, tiles = piece.tiles.start, len(piece.tiles)
            forward_at[piece] = add_pass(
                source,
                maps.sums[index],
                (BackPart(first, tiles, positions),),
                [taps_at[0] + first * len(positions)],
                piece_filters(network, piece),
            )
        gradient_at = add_pass(source, errors, whole, taps_at) if errors is not None else 0
        codes, mask = it.codes.numpy().astype(np.int64), it.mask.numpy()
        filters, channels = codes.shape[:2]
        forward = streams[index]
        starts = engines.starts(forward)
        entries = entry_numbers(forward, starts, mask.size)
        transposed: list[Stream] = []
        parts: tuple[BackPart, ...] = ()
        back_starts: list[int] = []
        error_at: list[int] = []
        twins = None
        below = maps.errors[layer.source]
        if below is not None:
            assert errors is not None
            parts = back_parts(below, layer.kernel, layer.stride, network.array, runs)
            back_taps = error_taps(errors, below, images, layer.kernel, layer.stride, config.lanes)
            for run in part_runs(parts):
                tables = [part_taps(back_taps, part, layer.kernel**2) for part in run]
                error_at.append(add_pass(errors, below, run, [memories.add_taps(it) for it in tables]))
            # Place (f, c, k) of the forward matrix is place (c, f, k) of the transposed one.
            turned = (1, 0, 2)
            back_mask = mask.reshape(filters, channels, -1).transpose(turned)
            back_codes = codes.reshape(filters, channels, -1).transpose(turned)
            transposed = back_streams(back_codes, back_mask, parts, network.array)
            starts_of, at = [], engines.pairs + sum(forward.pairs)
            for it_back in transposed:
                back_starts.append(at)
                starts_of.append([at + before for before in np.cumsum([0, *it_back.pairs[:-1]]).tolist()])
                at += sum(it_back.pairs)
            found = back_entries(transposed, starts_of, parts, back_mask)
            places = np.arange(mask.size).reshape(back_mask.shape).transpose(turned).reshape(-1)
            twins = Entries(found.engine[places], found.entry[places])
        _demand_pairs(
            engines.pairs + sum(forward.pairs) + sum(sum(it_back.pairs) for it_back in transposed), config
        )
        _demand_sums(layer.name, mask, bool(transposed), config)
        learns = np.zeros(mask.shape, np.bool_)
        learns[:, : learning.channels] = True
        counters = it.counters.numpy().astype(np.int64)
        engines.add(forward, Learning(counters.reshape(-1), learns.reshape(-1)), twins)
        for it_back in transposed:
            engines.add(it_back)
        plans.append(
            LayerPlan(
                forward=forward,
                starts=starts,
                transposed=transposed,
                runs=part_runs(parts),
                back_starts=back_starts,
                entries=entries,
                forward_at=forward_at,
                gradient_at=gradient_at,
                error_at=tuple(error_at),
            )
        )
    _demand_words(network, maps, config)
    findings = Findings()
    memories.check(sum(len(it.parts) + 1 for it in passes), findings)
    findings.demand()
    front, back = pass_words(network.array, passes, config)
    layers = tuple(plans)
    codes_at = saved_words(data, config)
    _demand_save(codes_at + read_words(engines.pairs, config), config)
    commands = CommandList(network, scheme, config, maps, data, layers, steps, engines).made(codes_at)
    assembly = Assembly(config)
    program = StepContext(
        it=assembly,
        network=network,
        scheme=scheme,
        head=Head(network, images, config, data, maps.values[-1], maps.errors[-1]),
        data=data,
        steps=steps,
        commands=commands,
        kept=tuple(
            int(layer.mask[:, : learns.channels].sum())
            for layer, learns in zip(state.layers, scheme.layers, strict=True)
        ),
        values=tuple(sums.shape[0] * sums.stride * config.lanes for sums in maps.sums),
        routines=write_routines(assembly, network, data, images),
        schedule=Schedule(assembly, sum(commands.cycles) - commands.cycles[commands.clear]),
    )
    return StepPlan(
        network=network,
        scheme=scheme,
        images=images,
        config=config,
        maps=maps,
        data=data,
        layers=layers,
        steps=steps,
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
