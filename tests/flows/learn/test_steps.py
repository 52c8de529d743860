"""What a step takes: counts by hand for one layer, ratios from their sides, figures kept and shown."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flows.base.energy import TABLE
from flows.base.metrics import Metric, rows_of, write_metrics
from flows.learn.area import INFERENCE, LEARNING, NORM, ROUTED, area_metrics, clock_metrics, missing
from flows.learn.energy import (
    PARTS,
    LayerWork,
    Split,
    Weights,
    device_weights,
    float_weight_energy,
    int8_weights,
    layer_works,
    step_energy,
    weight_energy,
)
from flows.learn.steps import Workload, step_metrics, step_tables
from golden.device import plan_step
from golden.learning import fresh_state
from golden.spec.config import SMALL_LEARNING
from tests.sim.learning.devices import CONFIG, NETWORK

LAYER = LayerWork(
    weights=100,
    kept=20,
    entries=24,
    back_entries=28,
    back_reads=28 * 4,
    pixels=64,
    below=256,
    rows=36,
    back_rows=144,
    filters=2,
    channels=3,
    adds=True,
)
CONFIG_16 = replace(SMALL_LEARNING, engines=2, accumulator_bits=24)


def test_works_are_those_of_the_plan() -> None:
    state = fresh_state(NETWORK, 1, 0.5)
    first, _, last = layer_works(plan_step(NETWORK, state, 4, CONFIG), state)
    # 2 of 1 channel, 3×3, stride 2, on 4×4 pixels of 4 images; nothing goes below.
    assert (first.weights, first.pixels, first.below, first.back_entries) == (18, 16, 64, 0)
    assert first.kept == int(state.layers[0].mask.sum())
    assert first.entries >= first.kept
    # One round of 2 engines; 4 tiles of 4 lanes; 9 rows of a channel.
    assert first.rows == 4 * 9
    assert (last.adds, last.channels, last.back_rows) == (True, 3, 4 * 2 * 9)


def test_a_forward_pass_by_hand() -> None:
    found = step_energy([LAYER], CONFIG_16, device_weights(CONFIG_16), False, 0)["forward"]
    steps, outputs, tiles = 20 * 64, 2 * 64, 4
    # A shift to 15 bits, a sum of 24; each result three sums more.
    assert found.arithmetic == pytest.approx(0.03 * (steps * (15 + 24) / 8 + outputs * 3 * 3))
    codes = 24 * 9 / 8 * tiles
    registers = 36 * 16 * 2 + steps + 2 * steps * 3
    assert found.on_chip == pytest.approx(1.25 * codes + 2.5 * (36 * 16 + outputs) + 0.115 * registers)
    assert found.dram == 0


def test_a_gradient_pass_by_hand() -> None:
    found = step_energy([LAYER], CONFIG_16, int8_weights(), True, 0)["gradient"]
    steps, words, errors = 100 * 64, 100 * 4, 2 * 64
    assert found.arithmetic == pytest.approx(steps * (0.2 + 0.03 * 20 / 8) + 0.03 * (words * 4 + errors))
    registers = 36 * 16 * 2 + steps * 2
    memories = 1.25 * (100 * 4 + 2 * words * 4) + 2.5 * (36 * 16 + errors)
    assert found.on_chip == pytest.approx(memories + 0.115 * registers)


def test_what_crosses_to_external_memory_by_hand() -> None:
    """Streams come, their codes go; counters twice, places once; int8 twice; FP32: three tensors twice."""
    weights = device_weights(SMALL_LEARNING)
    place = weights.kept_bits[1]
    bits = (9 + 4) * (24 + 28) + 2 * 5 * 24 + place * 24
    mine = step_energy([LAYER], CONFIG_16, weights, False, 0)["update"]
    assert mine.dram == pytest.approx(bits / 8 * TABLE.dram)
    assert weight_energy([LAYER], CONFIG_16, weights).dram == mine.dram
    dense = step_energy([LAYER], CONFIG_16, int8_weights(), True, 0)["update"]
    assert dense.dram == pytest.approx(2 * 100 * TABLE.dram)
    assert float_weight_energy([LAYER], CONFIG_16).dram == pytest.approx(6 * 400 * TABLE.dram)


def test_parts_by_what_they_depend_on() -> None:
    """Nothing goes below: no error pass. The norm and the controller know nothing of weights."""
    device, dense = device_weights(CONFIG_16), Weights(8, TABLE.multiply, 8, (0, 0), 8)
    one, other = (
        step_energy([LAYER], CONFIG_16, weights, whole, 7)
        for weights, whole in ((device, False), (dense, True))
    )
    assert set(one) == set(PARTS)
    assert one["norm"] == other["norm"]
    assert one["controller"] == other["controller"] == Split(0.03 * 6 * 7, 7 * (4 * 2.5 + 18 * 0.115))
    alone = step_energy([replace(LAYER, back_entries=0)], CONFIG_16, device, False, 7)
    assert alone["error"] == Split()
    assert alone["forward"] == one["forward"]


def test_ratios_are_of_the_sides() -> None:
    assert Split(1, 2, 3).over(Split(2, 1, 0)) == {"": 2, ".arithmetic": 0.5, ".on_chip": 2}


def test_figures_are_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Workload("small", "three layers", partial(lambda: NETWORK), 0.5, 4, CONFIG, 1000)
    found = step_metrics(tmp_path, (small,))
    monkeypatch.setattr("flows.learn.steps.step_timing", None)
    assert step_metrics(tmp_path, (small,)) == found
    values = {it.name: it.value for it in found}
    parts = [value for name, value in values.items() if name.startswith("small.step_cycles.")]
    assert sum(parts) == pytest.approx(values["small.step_cycles"])
    cycles, energies, ratios = rows_of(step_tables(found, (small,)))
    assert cycles[0]["cycles"] == f"{values['small.step_cycles']:,.0f}"
    assert cycles[0]["bar"] == "1,000"
    assert [it["part"] for it in energies] == list(PARTS)
    assert ratios[0]["all"] == f"{values['small.ratio.energy.dense']:.2f}"
    assert ratios[1]["all on the chip"] == ""


def _synthesised(folder: Path, name: str, sites: int, rams: int) -> None:
    prefix = name.replace("-", ".")
    found = [
        Metric(f"{prefix}.sites", sites, "1", "less", "a test"),
        Metric(f"{prefix}.lut_rams", rams, "1", "less", "a test"),
    ]
    write_metrics(found, folder / f"{name}.json")


def test_area_is_that_of_logic(tmp_path: Path) -> None:
    """Of 6 sites a LUT RAM; nothing is said, but the commands, where a synthesis is missing."""
    assert missing(tmp_path).count("./run synth") == 3
    _synthesised(tmp_path, INFERENCE, 1060, 10)
    _synthesised(tmp_path, LEARNING, 2120, 20)
    assert list(area_metrics(tmp_path)) == []
    assert missing(tmp_path) == (
        "Area not measured: `./run synth --config small-learning --unit norm-passes`."
    )
    _synthesised(tmp_path, NORM, 700, 0)
    assert missing(tmp_path) == ""
    values = {it.name: it.value for it in area_metrics(tmp_path)}
    assert values == {
        "area.learning_over_inference": pytest.approx(0.3),
        "area.with_norm_over_inference": pytest.approx(2.0),
    }


def test_the_clock_is_that_of_the_device_that_was_routed(tmp_path: Path) -> None:
    _synthesised(tmp_path, ROUTED, 100, 0)
    assert list(clock_metrics(tmp_path)) == []
    name = f"{ROUTED.replace('-', '.')}.fmax_mhz"
    write_metrics([Metric(name, 41.5, "MHz", "more", "a router")], tmp_path / f"{ROUTED}.json")
    (found,) = clock_metrics(tmp_path)
    assert (found.name, found.value, found.source) == ("ecp5.learning.fmax_mhz", 41.5, "a router; bar 75")
