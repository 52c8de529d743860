"""Energy by counting, against sums done by hand on a program that is small enough to count."""

from dataclasses import fields, replace

import numpy as np
import pytest

from flows.base.energy import TABLE, Energy, EnergyTable, access_energy, layer_energy, network_energy
from golden.compiler import compile_network
from golden.spec.arithmetics import SHIFT_ADD
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.config import TINY
from golden.spec.program import LayerCounts, Program
from tests.golden import networks
from tests.golden.small import chain


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(networks.random_network(np.random.default_rng(7), TINY), TINY)


def only(action: str) -> EnergyTable:
    """A table in which one action costs 1 pJ and the others nothing."""
    zero = {f.name: 0.0 for f in fields(EnergyTable) if f.name != "source"}
    return EnergyTable(**(zero | {action: 1.0}), source="test")


def test_weights_cross_the_memory_interface_once_and_are_read_again_for_each_tile(program: Program) -> None:
    bits = sum(layer.weight_bits for layer in program.layers)
    assert network_energy(program, only("dram")).total == pytest.approx(bits / 8)
    read = sum(
        layer.weight_bits / 8 * len(range(0, layer.output_pixels, TINY.lanes)) for layer in program.layers
    )
    assert network_energy(program, only("weight_memory")).total == pytest.approx(read)


def test_a_tile_that_is_not_full_reads_all_weights_too() -> None:
    """Five pixels on four lanes are two tiles."""
    program = compile_network(chain((2, 1, 5), ("a", 3, (1, 1))), TINY)
    (layer,) = program.layers
    assert layer_energy(program, layer, only("weight_memory")).total == layer.weight_bits / 8 * 2


def test_each_action_lands_in_one_component(program: Program) -> None:
    home = {
        "dram": {"dram"},
        "weight_memory": {"weight_memory"},
        "feature_memory": {"feature_memory"},
        "registers": {"window", "partial_sums"},
        "multiply": {"basis"},
        "add": {"lanes", "basis"},
    }
    for action, components in home.items():
        energy = network_energy(program, only(action))
        assert {f.name for f in fields(Energy) if getattr(energy, f.name)} == components, action


def test_a_step_costs_what_its_lane_does(program: Program) -> None:
    layer: LayerCounts = max(program.layers, key=lambda it: it.steps)
    steps = layer.steps * layer.output_pixels
    sum_bytes = TINY.accumulator_bits / 8
    for arithmetic, products in (
        (SHIFT_ADD.name, 0.0),
        (INT8.name, 1.0),
        (ROWS_INT8.name, 1.0),
        (REBUILD.name, 17 / 8),
    ):
        other = replace(program, config=replace(TINY, arithmetic=arithmetic))
        assert layer_energy(other, layer, only("multiply")).lanes == pytest.approx(steps * products)
        assert layer_energy(other, layer, only("add")).lanes >= steps * sum_bytes
        assert layer_energy(other, layer, only("registers")).partial_sums == pytest.approx(
            2 * steps * sum_bytes
        )


def test_the_table_s_smaller_memory_stands_for_all_up_to_its_size() -> None:
    """8 KiB and 32 KiB; beyond those there is no figure."""
    for words, bits, expected in (
        (1024, 64, 8 * TABLE.weight_memory),
        (1025, 64, 8 * TABLE.feature_memory),
        (2048, 128, 16 * TABLE.feature_memory),
        (2049, 128, None),
    ):
        assert access_energy(words, bits) == expected


def test_the_total_is_the_sum_of_layers_and_of_components(program: Program) -> None:
    total = network_energy(program, TABLE)
    by_layer = [layer_energy(program, layer, TABLE) for layer in program.layers]
    assert total.total == pytest.approx(sum(energy.total for energy in by_layer))
    assert total.total == pytest.approx(sum(getattr(total, f.name) for f in fields(Energy)))
