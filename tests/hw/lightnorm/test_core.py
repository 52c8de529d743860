"""NormCore: the exact numbers of APPLY and GRAD, in the format of a device that learns, with stalls."""

import numpy as np
import pytest

from golden.lightnorm import unit
from golden.spec.block import Spikes
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.core import NormCore
from sim.lightnorm.samples import CHANNELS, sample
from sim.lightnorm.streams import streams
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams
from tests.selection import first_or_long


@pytest.mark.parametrize(("lanes", "values"), first_or_long([(4, 61), (16, 48)]))
def test_exact_numbers(lanes: int, values: int) -> None:
    rng = seeded(values)
    case = sample(values, values, 8, NORM_FORMAT, Spikes.APART)
    flow = streams(case, NORM_FORMAT, lanes, Spikes.APART)
    counts = {name: len(payloads) for name, payloads in flow.results.items()}
    core = NormCore(NORM_FORMAT, lanes, Spikes.APART, 12)
    results, _ = run_streams(core, flow.inputs, counts, rng, 0.2, flow.still)
    beats = -(-values // lanes)
    y = unit.apply_exact(case.x, case.found, case.apply)
    dx = unit.grad_exact(case.dy, case.grad)
    assert np.count_nonzero(dx.any(axis=1)) >= 4
    for backward, (exact, grid) in enumerate(((y, case.apply.grid), (dx, case.grad.grid))):
        for channel in range(CHANNELS):
            first = (backward * CHANNELS + channel) * beats
            seen = results["o"][first : first + beats]
            assert all(int(beat.grid) == grid[channel] for beat in seen)
            assert [int(beat.backward) for beat in seen] == [backward] * beats
            assert [int(beat.last) for beat in seen] == [0] * (beats - 1) + [1]
            numbers = [int(word) for beat in seen for word in beat.words]
            assert numbers[:values] == exact[channel].tolist()
