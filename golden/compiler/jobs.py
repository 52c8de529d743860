"""How many filters an engine takes at once: rounds of filters, chosen by a rough count of cycles."""

from dataclasses import dataclass

import numpy as np

from golden.compiler.folding import JOB_CYCLES, own_columns
from golden.datapath.entries import Entries, block_steps
from golden.graph.network import Layer, refuse
from golden.spec.config import Config
from golden.spec.memories import MAX_ROUNDS, MAX_TILES
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class Jobs:
    """The division of a layer into rounds × tiles jobs.

    Parameters
    ----------
    rounds, tiles: counts.
    unit_count: units (see `Entries`) of one engine in a round.
    engine_filters: filters of one engine in a round.
    channels: input channels of a job.
    moves: each round takes the channels behind those of the round before.
    cycles: rough number of cycles of the layer.
    """

    rounds: int
    tiles: int
    unit_count: int
    engine_filters: int
    channels: int
    moves: bool
    cycles: int


def choose_jobs(layer: Layer, entries: Entries, channels: int, taps: int, tiles: int, config: Config) -> Jobs:
    """The division with the fewest estimated cycles; among equals, the fewest rounds.

    Parameters
    ----------
    channels, taps: of the input, and rows of each.
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
        (
            _estimate(layer, entries, channels, taps, tiles, config, units)
            for units in range(least, most + 1, least)
        ),
        key=lambda jobs: (jobs.cycles, jobs.rounds),
    )
    if best.rounds >= MAX_ROUNDS:
        raise refuse(layer, f"{best.rounds} rounds of filters", f"at most {MAX_ROUNDS - 1}")
    return best


def _estimate(
    layer: Layer, entries: Entries, channels: int, taps: int, tiles: int, config: Config, units: int
) -> Jobs:
    blocks = -(-entries.units // units)
    rounds = -(-blocks // config.engines)
    round_filters = units * config.engines * entries.group
    together = entries.filters // layer.product.groups
    # A round of whole groups of filters needs their channels alone.
    moves = config.moves and layer.product.groups > 1 and rounds > 1 and round_filters % together == 0
    if moves:
        channels = round_filters // together * layer.product.group_channels
    if entries.filters > layer.product.filters:
        filling = _filling_in_step(entries, units, rounds, channels * taps, moves, config)
    else:
        steps = block_steps(entries, units, rounds * config.engines)
        filling = np.maximum(steps.reshape(rounds, config.engines).max(axis=1), channels * taps)
    filling += JOB_CYCLES
    filters = np.minimum(entries.filters - np.arange(rounds) * round_filters, round_filters)
    draining = filters * entries.filter_terms * (config.lanes // config.basis)
    cycles = tiles * int(np.maximum(filling, draining).sum())
    if rounds == 1:
        # Nothing of the next layer can start before the last drain of the first engine.
        cycles += int(draining[-1]) // config.engines
    return Jobs(rounds, tiles, units, units * entries.group, channels, moves, cycles)


def _filling_in_step(
    entries: Entries, units: int, rounds: int, rows: int, moves: bool, config: Config
) -> np.ndarray:
    """Cycles of each round in which rows are fetched and added, int64.

    No engine is more than a window ahead of another, so those that have use for other rows than the others do
    not work beside them: the slowest one counts anew in every window of rows.
    """
    windows = -(-rows // config.window)
    block = entries.unit // units
    row = entries.row - block // config.engines * rows if moves else entries.row
    place = block * windows + row // config.window
    steps = np.bincount(place, minlength=rounds * config.engines * windows)
    slowest = steps.reshape(rounds, config.engines, windows).max(axis=1)
    fetched = np.minimum(rows - np.arange(windows) * config.window, config.window)
    cycles: np.ndarray = np.maximum(slowest, fetched).sum(axis=1)
    return cycles


def check_column(layer: Layer, output: Tensor, config: Config) -> None:
    """Raises UnsupportedError where COLUMN folding cannot run; `output`: its map."""
    window = layer.product.window
    if not own_columns(window):
        raise refuse(
            layer,
            f"COLUMN folding of columns at stride {window.stride[1]}, padding {window.padding[2:]}, dilation "
            f"{window.dilation[1]}",
            "stride 1, padding 1 and dilation 1, or GROUP folding",
        )
    if output.degree != (1, 1):
        down, across = output.degree
        raise refuse(
            layer,
            f"COLUMN folding of a map in {down}×{across} phases (strided layers read it)",
            "GROUP folding before strided layers",
        )
    if config.lanes % output.pitch:
        raise refuse(
            layer,
            f"COLUMN folding of a map with rows {output.pitch} pixels apart on {config.lanes} lanes",
            "distances that divide the lanes, or GROUP folding",
        )
