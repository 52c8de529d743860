"""Figures of a run against sums made another way."""

import numpy as np
import pytest

from flows.base.measure import bits_each, cycle_metrics, label_accuracy, layer_use
from golden.compiler import compile_network
from golden.machine.result import Result
from golden.spec.config import TINY
from golden.spec.program import Program
from sim.run import run
from tests.golden.networks import random_images, random_network

SEED = 11


@pytest.fixture(scope="module")
def runs() -> tuple[Program, Result, Result]:
    print("seed", SEED)
    rng = np.random.default_rng(SEED)
    network = random_network(rng, TINY)
    program = compile_network(network, TINY)
    images = random_images(rng, network, 3)
    return program, run(program, images, on="compiled"), run(program, images, on="compiled", skip=True)


def test_layers_share_the_cycles_of_a_run(runs: tuple[Program, Result, Result]) -> None:
    program, plain, _ = runs
    uses = layer_use(program, plain)
    assert [use.path for use in uses] == [layer.path for layer in program.layers]
    assert sum(use.cycles for use in uses) == plain.cycles[0]
    adds = sum(use.utilisation * use.cycles * TINY.adders for use in uses)
    assert adds == pytest.approx(sum(layer.steps * layer.output_pixels for layer in program.layers))


def test_cycle_metrics_agree_with_each_other(runs: tuple[Program, Result, Result]) -> None:
    program, plain, skipping = runs
    values = {metric.name: metric.value for metric in cycle_metrics(program, plain, skipping, 1000)}
    assert values["cycles.per_image"] == plain.cycles[0] == plain.cycles[2]
    assert values["cycles.per_image_skipping"] == pytest.approx(sum(skipping.cycles) / 3)
    assert values["cycles.per_image_skipping"] <= values["cycles.per_image"]
    assert values["cycles.per_image"] >= values["cycles.bound"] > 0
    assert values["cycles.speedup"] * values["cycles.per_image"] == pytest.approx(values["cycles.dense"])
    assert values["cycles.latency"] == values["cycles.per_image"] + plain.load_cycles


def test_bits_count_every_memory_but_instructions_and_taps(runs: tuple[Program, Result, Result]) -> None:
    """The words of coefficients, terms and filters, as the program image would carry them."""
    program, _, _ = runs
    weights = sum(layer.weights for layer in program.layers)
    entry = 2 * (4 + 3 + 2)  # a pair: code, slot of 8, advance
    bits = sum(len(words) * entry for words in program.coefficients)
    bits += len(program.terms) * 8 + len(program.filters) * (32 + 5)
    assert bits_each(program) == pytest.approx(bits / weights)


def test_the_first_of_equal_logits_counts() -> None:
    logits = np.array([[1, 3, 3], [-5, -7, -6], [0, 0, 0], [0, 0, 9]], np.int8).reshape(4, 3, 1, 1)
    assert label_accuracy(logits, np.array([1, 0, 2, 1])) == pytest.approx(2 / 4)
