"""Which layers of a network are unrolled, and into how many phases: by the estimated cycles of all layers.

Phases are made of whole planes, so maps may be split into more of them than strides demand
(`golden.compiler.degrees`). That costs lanes where smaller planes fill their words less well.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product

from golden.compiler.degrees import map_name, phase_degrees
from golden.compiler.pitches import row_pitches
from golden.compiler.plan import LayerPlan, Layouts, plan_layer
from golden.datapath.entries import block_steps
from golden.graph.network import Network
from golden.graph.operations.convolution import Convolution
from golden.spec.arithmetics import PAIR, SHIFT_ADD
from golden.spec.config import Config
from golden.spec.errors import UnsupportedError
from golden.spec.memories import MAX_CHANNELS

SPLITS = [(down, across) for down in range(1, 6) for across in range(1, 6) if down * across <= 6]
"""Parts, down and across, that each plane may be split into; the first one leaves it whole."""

ROOM = 1.5
"""What a map is split into may be so many times the words of the map."""

WORTH = 0.02
"""Share of the network's cycles that unrolling must save, since it costs memory."""

MORE = 0.05
"""Share of a layer's cycles that more phases must save over fewer, likewise."""


def choose_layouts(
    network: Network, degrees: dict[str, tuple[int, int]], config: Config
) -> Iterator[Layouts]:
    """How the maps of a checked network may lie, from the fewest estimated cycles on: with planes split as
    serves best, with the planes that strides demand, and without an unrolled layer.

    Parameters
    ----------
    degrees: those that strides demand.
    """
    plain = plain_layouts(network, degrees, config)
    with suppress(UnsupportedError):
        plans = _plans(network, plain, config)
        starved = [index for index in range(len(plans)) if _starved(network, plans[index], config)]
        found = []
        for split in SPLITS if starved else ():
            with suppress(UnsupportedError):
                found.append(_unrolled(network, plans, starved, split, config))
        bar = (1 - WORTH) * sum(plan.jobs.cycles for plan in plans)
        worth = sorted((it for it in found if it.cycles < bar), key=lambda it: it.cycles)
        if worth:
            near = [it for it in worth if it.cycles <= (1 + WORTH) * worth[0].cycles]
            best = min(near, key=lambda it: it.filters)
            yield best.layouts
            yield from (it.layouts for it in worth if it is not best and it.layouts.degrees == degrees)
    yield plain


@dataclass(frozen=True)
class _Choice:
    """Layouts, the estimated cycles of all layers, and the filters that the machine has in them."""

    layouts: Layouts
    cycles: int
    filters: int


def plain_layouts(network: Network, degrees: dict[str, tuple[int, int]], config: Config) -> Layouts:
    """Maps of these degrees, without an unrolled layer."""
    return Layouts(degrees, row_pitches(network, degrees, config.lanes))


def _plans(network: Network, layouts: Layouts, config: Config) -> list[LayerPlan]:
    return [plan_layer(network, index, layouts, config) for index in range(len(network.layers))]


def _starved(network: Network, plan: LayerPlan, config: Config) -> bool:
    """Whether a layer waits for its rows and can be unrolled: a convolution without a basis, of which a map
    is wanted that lies where it likes: neither added to another map nor joined with one."""
    layer, jobs, entries = plan.layer, plan.jobs, plan.entries
    if not isinstance(layer.product, Convolution) or config.arithmetic != SHIFT_ADD.name:
        return False
    tied = {name for it in network.layers for name in it.reads}
    tied |= {name for parts in network.joined.values() for name in parts}
    alone = layer.per_pixel and not layer.reads and layer.output not in tied
    steps = block_steps(entries, jobs.unit_count, jobs.rounds * config.engines)
    adding = steps.reshape(jobs.rounds, config.engines).max(axis=1).sum()
    return alone and entries.unit_slots == 1 and plan.taps > 1 and jobs.rounds * plan.rows > adding


def _unrolled(
    network: Network,
    plans: Sequence[LayerPlan],
    starved: Sequence[int],
    split: tuple[int, int],
    config: Config,
) -> _Choice:
    """The best phases of the layers `starved`; `plans`: without any.

    Raises UnsupportedError where a layer does not run with as many planes, or a map becomes too large.
    """
    degrees = phase_degrees(network, split, {map_name(network, index) for index in starved})
    whole = plain_layouts(network, degrees, config)
    if split != SPLITS[0]:
        for index in starved:
            plan = plans[index]
            now = whole.tensor(map_name(network, index), plan.map.shape, 1.0)
            if now.words(config.lanes) > ROOM * plan.map.words(config.lanes):
                raise UnsupportedError(f"layer {plan.layer.path}: {split} parts of a plane fill few lanes")
        plans = _plans(network, whole, config)
    best = list(plans)
    options: dict[str, tuple[tuple[int, int], int]] = {}
    for index in starved:
        name = plans[index].layer.output
        for phases, spare in _phases(plans[index], config):
            layouts = replace(whole, phases={name: phases}, spare={name: spare})
            plan = plan_layer(network, index, layouts, config)
            if plan.jobs.cycles < (1 - MORE) * best[index].jobs.cycles:
                best[index], options[name] = plan, (phases, spare)
    for index in sorted(starved, key=lambda it: _saved(plans[it], best[it])):
        if not _fits(best, config):
            best[index] = plans[index]
            options.pop(plans[index].layer.output, None)
    cycles, filters = sum(it.jobs.cycles for it in best), sum(it.entries.filters for it in best)
    phases_of = {name: phases for name, (phases, _) in options.items()}
    spare_of = {name: spare for name, (_, spare) in options.items()}
    return _Choice(replace(whole, phases=phases_of, spare=spare_of), cycles, filters)


def _saved(plain: LayerPlan, best: LayerPlan) -> float:
    """Cycles that are saved for each filter more that the machine has."""
    return (plain.jobs.cycles - best.jobs.cycles) / max(1, best.entries.filters - plain.entries.filters)


def _fits(plans: Sequence[LayerPlan], config: Config) -> bool:
    """Whether memories hold the filters, their terms, and entries as far as they can be told."""
    entries = sum(len(it.entries.unit) for it in plans) // (PAIR * config.engines)
    filters = sum(it.entries.filters for it in plans)
    terms = sum(it.entries.terms.size for it in plans)
    return (
        filters <= config.filter_words and terms <= config.term_words and entries <= config.coefficient_words
    )


def _phases(plan: LayerPlan, config: Config) -> Iterator[tuple[tuple[int, int], int]]:
    """Phases that the planes of a map allow and one round holds, the fewest first, without spare filters and
    with as many as the engines demand."""
    most = min(config.engines * config.accumulators, MAX_CHANNELS // plan.entries.filters)
    rows, columns = ([it for it in range(1, most + 1) if degree % it == 0] for degree in plan.map.degree)
    for phases in sorted(product(rows, columns), key=lambda it: (it[0] * it[1], max(it))):
        count = phases[0] * phases[1]
        for spare in {0: None, -count % config.engines: None}:
            if count > 1 and count + spare <= most:
                yield phases, spare
