"""STAT: exact sums, ranges and places, channel after channel without a pause, with stalls."""

import pytest

from golden.lightnorm import unit
from golden.spec import block
from hw.lightnorm.stat import Stat
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, run_streams
from tests.hw.lightnorm.samples import CHANNELS, sample

FORMATS = {
    "light": block.light(),
    "light32": block.light(32),
    "wide": block.wide(8),
    "mxint8": block.mxint8(),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("lanes", "stall"), [(4, 0.3), (8, 0.0), (8, 0.3), (16, 0.0)])
@pytest.mark.parametrize(("values", "wanted"), [(2, 1), (61, 1), (24, 8), (100, 8), (144, 3)])
def test_statistics(name: str, lanes: int, stall: float, values: int, wanted: int) -> None:
    rng = seeded(lanes + values)
    fmt = FORMATS[name]
    case = sample(values, values, wanted, fmt)
    split = case.constants.chunks
    inputs = [beat for channel in range(CHANNELS) for beat in beats(case.x, channel, lanes)]
    dut = Stat(fmt.forward, lanes, 10)
    ports = {"chunk_beats": split.length // lanes, "chunks": split.count}
    counts = {"o": CHANNELS, "places": CHANNELS * split.count}
    results, cycles = run_streams(dut, {"i": inputs}, counts, rng, stall, ports)
    exact = case.x.integers()
    slices = unit.chunk_slices(split)
    for channel, result in enumerate(results["o"]):
        row = exact[channel]
        assert result.total == sum(row)
        assert result.ranges == sum(max(row[part]) - min(row[part]) for part in slices)
        assert result.width == max(row) - min(row)
    right = zip(case.found.highest.reshape(-1), case.found.lowest.reshape(-1), strict=True)
    assert [(place.highest, place.lowest) for place in results["places"]] == [
        (int(a), int(b)) for a, b in right
    ]
    if not stall:
        assert cycles == len(inputs) + 6
