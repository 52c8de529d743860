"""The two words of each instruction, and the run word."""

from dataclasses import dataclass

from golden.compiler.plan import LayerPlan
from golden.graph.joined import Joined
from golden.graph.network import Layer, Network, refuse
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.registry import OPERATIONS
from golden.machine.tensors import extent, result_range
from golden.spec.config import Config
from golden.spec.fields import Record
from golden.spec.memories import (
    CYCLE_BITS,
    Fold,
    Operation,
    back_record,
    front_record,
    run_record,
)
from golden.spec.tensor import Tensor


def end_words(config: Config) -> tuple[int, int]:
    """(front, back) words of the END instruction."""
    records = (front_record(config), back_record(config))
    front, back = (
        record.pack(**{field.name: 0 for field in record.fields} | {"operation": Operation.END})
        for record in records
    )
    return front, back


def run_word(network: Network, tensors: dict[str, Tensor], cycles: int, config: Config) -> int:
    """The run word; `cycles` is the estimate that the cycle limit is a generous multiple of."""
    source = tensors[network.input]
    address, words = result_range([tensors[name] for name in network.outputs], config.lanes)
    return run_record(config).pack(
        input_address=source.address,
        input_words=extent(source, config.lanes),
        result_address=address,
        result_words=words,
        cycle_limit=min(4 * cycles + 10000, (1 << CYCLE_BITS) - 1),
    )


def front_word(
    plan: LayerPlan,
    plans: list[LayerPlan],
    tensors: dict[str, Tensor],
    joined: Joined,
    tap_address: int,
    config: Config,
) -> int:
    """The half of a layer's instruction that the fetch unit reads."""
    source = tensors[plan.layer.input]
    first, step, channels = _ready(plan, plans, joined.get(plan.layer.input), config.engines)
    return _pack(
        plan.layer,
        front_record(config),
        operation=Operation.LAYER,
        rounds=plan.jobs.rounds,
        tiles=plan.jobs.tiles,
        channels=plan.jobs.channels,
        **({"moves": plan.jobs.moves} if config.moves else {}),
        **({"low": isinstance(plan.layer.product, MaxPool)} if config.largest else {}),
        taps=plan.taps,
        tap_address=tap_address,
        input_address=source.address,
        input_stride=source.stride,
        ready_first=first,
        ready_step=step,
        ready_channels=channels,
    )


def _ready(
    plan: LayerPlan, plans: list[LayerPlan], parts: tuple[str, ...] | None, engines: int
) -> tuple[int, int, int]:
    """(ready_first, ready_step, ready_channels): the input image is ready from the start.

    A channel is complete with its engine's turn in the last tile of its round. A pooled channel is
    written with that turn, so pooling changes nothing. Where rounds take channels of their own and do not
    begin with those of a turn, or a turn has only some phases of a channel, all of them wait for the last
    one; so do those of a concatenation, of `parts`.
    """
    channels, never = plan.jobs.channels, plan.jobs.channels + 1
    before = done = 0
    for producer in plans:
        jobs = producer.jobs
        if parts is not None and producer.layer.output in parts:
            done = before + jobs.rounds * jobs.tiles * engines
        if producer.layer.output == plan.layer.input:
            tiles_before = (jobs.tiles - 1) * engines
            made, apart = divmod(jobs.engine_filters, producer.copies)
            # Rounds of whole turns, and none of channels that are not there.
            whole = made > 0 and channels % made == 0
            whole &= channels * plan.jobs.rounds <= jobs.rounds * engines * made
            if apart or (plan.jobs.moves and not whole):
                return before + jobs.rounds * jobs.tiles * engines, 0, never
            return before + tiles_before + 1, tiles_before, min(made, channels)
        before += jobs.rounds * jobs.tiles * engines
    return done, 0, never if plan.jobs.moves or parts is not None else channels


@dataclass(frozen=True)
class Places:
    """Where the words of a layer are that the drain reads and writes.

    Parameters
    ----------
    terms, filters: addresses.  table: number of its table, or 0.
    gate: address of the terms that it writes; None if it is no gate.
    """

    terms: int
    filters: int
    table: int
    gate: int | None


def back_word(plan: LayerPlan, tensors: dict[str, Tensor], places: Places, config: Config) -> int:
    """The half of a layer's instruction that the drain unit reads.

    Raises UnsupportedError where a gate's words do not lie one behind the other, or a field is too narrow.
    """
    layer, jobs, entries = plan.layer, plan.jobs, plan.entries
    target = tensors[layer.output]
    there = {field.name for field in back_record(config).fields}
    epilogue = dict.fromkeys((name for it in OPERATIONS for name in it.sets if name in there), 0)
    for operation in layer.epilogue:
        epilogue |= operation.fields(lambda name: tensors[name].address)
    if config.tables:
        epilogue["table"] = places.table
    if config.gates:
        epilogue |= _gate_fields(plan.layer, target, places.gate, config)
    return _pack(
        layer,
        back_record(config),
        operation=Operation.LAYER,
        rounds=jobs.rounds,
        tiles=jobs.tiles,
        fold=entries.fold,
        group=entries.unit_slots if entries.fold == Fold.LARGEST else entries.group,
        filters=entries.filters,
        engine_filters=jobs.engine_filters,
        # Only COLUMN folding reads the width of a map row.
        row_width=plan.map.pitch if entries.fold == Fold.COLUMN else 1,
        term_address=places.terms,
        filter_address=places.filters,
        output_address=target.address,
        output_stride=target.stride // plan.copies,
        plane_tiles=plan.tiling.plane_tiles,
        last_lanes=plan.tiling.last_lanes,
        **epilogue,
    )


def _gate_fields(layer: Layer, target: Tensor, gate: int | None, config: Config) -> dict[str, int]:
    """The fields of a layer whose words become terms from address `gate` on."""
    if gate is None:
        return {"gate": 0, "gate_offset": 0}
    if target.stride != 1:
        found = f"factors that lie {target.stride} words apart, as tensors do that others are added to"
        raise refuse(layer, found, "factors that nothing is added to, and that are joined with none")
    return {"gate": 1, "gate_offset": (gate - target.address) % config.term_words}


def _pack(layer: Layer, record: Record, **values: int) -> int:
    for field in record.fields:
        value = values[field.name]
        if not field.low <= value <= field.high:
            raise refuse(layer, f"{field.name} = {value}", f"{field.low}…{field.high}")
    return record.pack(**values)
