"""The two streams of a layer that learns hold its codes, wherever they stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.datapath.encode import block_entries, pack_pairs
from golden.device.back_parts import back_parts, part_runs
from golden.device.rows import error_taps
from golden.device.streams import EngineMemories, Entries, Learning, entry_numbers, stream
from golden.spec import formats, latency
from golden.spec.learning import ArrayShape
from golden.spec.tensor import Tensor
from tests.sim.learning.devices import CONFIG


@given(
    seed=st.integers(0, 1 << 16),
    filters=st.integers(1, 40),
    rows=st.integers(1, 30),
    density=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    engines=st.sampled_from([1, 2, 3]),
)
def test_every_kept_place_has_its_entry(
    seed: int, filters: int, rows: int, density: float, engines: int
) -> None:
    """Kept zeros too; all engines' blocks of a round are equally long."""
    rng = np.random.default_rng(seed)
    mask = rng.random((filters, rows)) < density
    codes = np.where(mask, rng.choice([0, 1, -2, 64], mask.shape), 0)
    array = ArrayShape(engines, 4, 4)
    found = stream(codes, mask, array)
    starts = np.cumsum([0, *found.pairs[:-1]]).tolist()
    entries = entry_numbers(found, starts, mask.size)
    assert ((entries.entry >= 0) == mask.reshape(-1)).all()
    size = array.engine_filters(filters)
    for place in np.flatnonzero(mask):
        row, filter_ = place % rows, place // rows
        round_, within = divmod(filter_, size * engines)
        assert entries.engine[place] == within // size
        block = found.blocks[round_][within // size]
        entry = int(entries.entry[place]) - 2 * starts[round_]
        assert block.advance[: entry + 1].sum() == row
        assert block.slot[entry] == within % size
        code = int(block.code[entry])
        assert formats.decode_coefficient(code) == codes[filter_, row]
    for blocks in found.blocks:
        assert len({len(block.code) for block in blocks}) == 1
        for block in blocks:
            end = int(np.flatnonzero(block.code == formats.CODE_END)[0])
            assert block.advance[: end + 1].sum() == rows


def test_counters_and_places_stand_beside_their_codes() -> None:
    rng = np.random.default_rng(5)
    mask = rng.random((5, 9)) < 0.5
    codes = np.where(mask, 4, 0)
    counters = np.where(mask, rng.integers(-7, 8, mask.shape), 0).reshape(-1)
    learns = rng.random(mask.size) < 0.5
    array = ArrayShape(CONFIG.engines, CONFIG.lanes, CONFIG.accumulators)
    memories = EngineMemories(CONFIG)
    found = stream(codes, mask, array)
    starts = memories.starts(found)
    twins = Entries(np.zeros(mask.size, np.int64), np.arange(mask.size))
    memories.add(found, Learning(counters, learns), twins)
    entries = entry_numbers(found, starts, mask.size)
    kept = 0
    for engine in range(CONFIG.engines):
        for entry in range(2 * memories.pairs):
            half = 5 * (entry % 2)
            word = memories.counters[engine][entry // 2] >> half & 31
            here = np.flatnonzero((entries.engine == engine) & (entries.entry == entry))
            assert word & 1 == learns[here].sum()
            if len(here):
                kept += 1
                assert ((word >> 1) ^ 8) - 8 == counters[here[0]]
    assert kept == mask.sum()
    # An END of each engine takes two cycles of an update, and what has its other place in engine 0 in there.
    ends, entries_of_all = CONFIG.engines * len(found.blocks), 2 * CONFIG.engines * memories.pairs
    at_home = int((learns & (entries.engine == 0)).sum())
    assert memories.update_cycles(0, memories.pairs) == latency.update(entries_of_all, ends + at_home)
    first = found.pairs[0]
    parts = memories.update_cycles(0, first) + memories.update_cycles(first, memories.pairs - first)
    assert parts == memories.update_cycles(0, memories.pairs) + latency.update(0, 0)


@pytest.mark.parametrize("least", [0, 10, 12])
def test_a_longer_block_is_the_same_block(least: int) -> None:
    """Fillers before END lead nowhere: the decoder of inference reads the same rows."""
    rows, slots = np.array([0, 3, 9]), np.array([1, 0, 2])
    block = block_entries(rows, slots, np.array([0, 1, 8]), 14, least)
    assert len(block.code) == max(least, 6)
    row = np.cumsum(block.advance)
    assert row[block.places].tolist() == rows.tolist()
    assert row[block.code == formats.CODE_END].tolist() == [14]
    assert len(pack_pairs(block, CONFIG)) * 2 == len(block.code)


@pytest.mark.parametrize(
    ("kernel", "stride", "degree", "channels", "parts"),
    [
        (3, 1, 1, 3, 1),
        (3, 2, 2, 8, 4),
        (5, 2, 2, 8, 4),
        (5, 4, 4, 3, 16),
        # Planes that are reached alike; positions that reach no plane; rounds of channels.
        (3, 2, 4, 3, 16),
        (1, 2, 2, 3, 1),
        (3, 2, 2, 9, 1),
    ],
)
def test_parts_of_an_error_pass_leave_out_rows_of_zeros_alone(
    kernel: int, stride: int, degree: int, channels: int, parts: int
) -> None:
    """Every tile is of one part, whose positions are those that reach it."""
    images, size, lanes = 2, 8, 4
    below = Tensor("below", (channels, images * size, size), (degree, degree), size // degree, 0, 32, 1.0)
    above, fewer = size // stride, degree // stride
    errors = Tensor(
        "errors", (5, images * above, above), (fewer, fewer), above // fewer, 0, 32 // stride**2, 1.0
    )
    table = error_taps(errors, below, images, kernel, stride, lanes)
    found = back_parts(below, kernel, stride, ArrayShape(2, lanes, 4))
    assert len(found) == parts
    tiles = [tile for part in found for tile in range(part.first, part.first + part.tiles)]
    assert tiles == list(range(below.stride))
    for part in found:
        own = range(part.first * kernel**2, (part.first + part.tiles) * kernel**2)
        reached = {place % kernel**2 for place in own if table[place][0]}
        if parts > 1:
            assert reached == set(part.positions)
        else:
            assert part.positions == tuple(range(kernel**2))
    # Each position is in one stream, and a run goes through streams that follow each other.
    streams = {part.stream: part.positions for part in found}
    assert sorted(streams) == list(range(len(streams)))
    assert all(streams[part.stream] == part.positions for part in found)
    assert sorted(it for positions in streams.values() for it in positions) == list(range(kernel**2))
    runs = part_runs(found)
    assert [part for run in runs for part in run] == list(found)
    for run in runs:
        assert [part.stream - run[0].stream for part in run] == list(range(len(run)))
    assert len(runs) == (6 if degree > stride and parts > 1 else 1)
    assert len(back_parts(below, kernel, stride, ArrayShape(2, lanes, 4), 5)) == (
        parts if len(runs) == 1 else 1
    )
