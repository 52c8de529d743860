"""How many filters an engine takes at once: rounds of filters, chosen by a rough count of cycles."""

from dataclasses import dataclass

import numpy as np

from golden.datapath.entries import Entries, block_steps
from golden.graph.network import Layer, refuse
from golden.spec.config import Config
from golden.spec.memories import MAX_ROUNDS, MAX_TILES

_JOB_CYCLES = 8
"""Rough cost of changing from one job to the next."""


@dataclass(frozen=True)
class Jobs:
    """The division of a layer into rounds × tiles jobs.

    Parameters
    ----------
    rounds, tiles: counts.
    unit_count: units (see `Entries`) of one engine in a round.
    engine_filters: filters of one engine in a round.
    cycles: rough number of cycles of the layer.
    """

    rounds: int
    tiles: int
    unit_count: int
    engine_filters: int
    cycles: int


def choose_jobs(layer: Layer, entries: Entries, rows: int, tiles: int, config: Config) -> Jobs:
    """The division with the fewest estimated cycles; among equals, the fewest rounds.

    Parameters
    ----------
    rows: input rows of a job, channels × taps.
    tiles: tiles of the output map.

    Raises UnsupportedError if a single unit, the tiles or the rounds are too many.
    """
    if tiles >= MAX_TILES:
        raise refuse(layer, f"{tiles} tiles of {config.lanes} pixels", f"at most {MAX_TILES - 1}")
    most = config.accumulators // entries.unit_slots
    least = entries.together
    if most < least:
        found = f"{least * entries.unit_slots} partial sums"
        raise refuse(layer, found, f"{config.accumulators} accumulators")
    best = min(
        (_estimate(layer, entries, rows, tiles, config, units) for units in range(least, most + 1, least)),
        key=lambda jobs: (jobs.cycles, jobs.rounds),
    )
    if best.rounds >= MAX_ROUNDS:
        raise refuse(layer, f"{best.rounds} rounds of filters", f"at most {MAX_ROUNDS - 1}")
    return best


def _estimate(layer: Layer, entries: Entries, rows: int, tiles: int, config: Config, units: int) -> Jobs:
    blocks = -(-entries.units // units)
    rounds = -(-blocks // config.engines)
    steps = block_steps(entries, units, rounds * config.engines)
    adding = steps.reshape(rounds, config.engines).max(axis=1)
    filling = np.maximum(adding, rows) + _JOB_CYCLES
    round_filters = units * config.engines * entries.group
    filters = np.minimum(layer.product.filters - np.arange(rounds) * round_filters, round_filters)
    draining = filters * entries.filter_terms * (config.lanes // config.basis)
    cycles = tiles * int(np.maximum(filling, draining).sum())
    if rounds == 1:
        # Nothing of the next layer can start before the last drain of the first engine.
        cycles += int(draining[-1]) // config.engines
    return Jobs(rounds, tiles, units, units * entries.group, cycles)


def check_column(layer: Layer, width: int, degree: int, config: Config) -> None:
    """Raises UnsupportedError where COLUMN folding cannot run; `width` and `degree` of the map."""
    if layer.product.stride != 1 or layer.product.padding != 1:
        raise refuse(
            layer,
            f"COLUMN folding at stride {layer.product.stride}, padding {layer.product.padding}",
            "stride 1 and padding 1, or GROUP folding",
        )
    if degree != 1:
        raise refuse(
            layer,
            f"COLUMN folding of a map in {degree}×{degree} phases (strided layers read it)",
            "GROUP folding before strided layers",
        )
    if config.lanes % width:
        raise refuse(
            layer,
            f"COLUMN folding of a map {width} pixels wide on {config.lanes} lanes",
            "widths that divide the lanes, or GROUP folding",
        )
