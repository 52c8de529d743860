"""Power of an engine on the layers of a whole run: recorded, replayed in gates, counted."""

from pathlib import Path

import numpy as np
import pytest

from flows.asic.engine import engine_cost
from flows.cost.tables import power_table
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.spec.config import TINY
from tests.golden import networks


@pytest.mark.long
def test_an_engine_runs_real_layers_in_gates(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    program = compile_network(networks.random_network(rng, TINY), TINY)
    shape = program.tensor(program.input).shape
    image = rng.integers(-100, 100, (1, *shape)).astype(np.int8)
    cost = engine_cost(program, image, tmp_path / "power", layers=1, out=tmp_path)
    assert cost.activity.cycles == cost.activity.compared == count_cycles(program).layer_ends[0]
    power = cost.power
    # Each flip-flop's clock rises and falls in every cycle.
    each = power.clock * power.period * 1e3 / cost.area.area.flip_flops
    assert 0.09 < each < 0.13
    assert power.clock < power.sequential.internal < power.total
    assert power.combinational.switching > power.sequential.switching > 0
    assert 0 < power.period - cost.timing.period < 0.1
    assert f"gates equalled RTL in all outputs of {cost.activity.compared:,} cycles" in power_table(cost)
