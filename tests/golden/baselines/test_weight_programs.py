"""Programs of the baselines' arithmetics: the golden machine gives what the reference network gives."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from golden.baselines.decode import WeightStream
from golden.compiler import compile_network
from golden.graph.network import Layer, Network
from golden.graph.operations.weights import Plain
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.config import TINY
from golden.spec.memories import back_record, front_record
from golden.spec.program import Program
from tests.golden.layers import altered
from tests.golden.networks import random_images
from tests.golden.small import chain, factored

SIZES = replace(TINY, engines=3, accumulator_bits=32, window=8, coefficient_words=4096, feature_words=1024)
ARITHMETICS = [INT8.name, ROWS_INT8.name, REBUILD.name]


def _network(arithmetic: str, filters: int, seed: int) -> Network:
    """Two layers; most rows of the first are zero, so that gaps are longer than the window."""
    rng = np.random.default_rng(seed)
    kind = "group" if arithmetic == REBUILD.name else "plain"
    network = chain(
        (6, 4, 5), ("a", filters, (3, 3), {"padding": 1, "kind": kind}), ("b", 5, (1, 1), {"kind": kind})
    )
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer.convolution.weights, Plain):
            values = rng.integers(-128, 128, layer.convolution.weights.weights.shape)
            if layer.path == "a":
                values *= rng.random(values.shape[1:]) < 0.08
            weights: object = Plain(values, layer.convolution.weights.scale)
        else:
            old = factored(layer)
            kept = old.mask & (rng.random(old.mask.shape[1:-1]) < 0.08)[None, ..., None]
            weights = replace(old, mask=kept, coefficients=old.coefficients * kept)
        layers.append(altered(layer, weights=weights, shift=np.full(layer.product.filters, 10)))
    return replace(network, layers=tuple(layers))


def _blocks(program: Program) -> Iterator[tuple[int, int, list[int]]]:
    """(layer, rows, advances) of every block."""
    fronts = [front_record(program.config).unpack(word) for word in program.front[:-1]]
    for engine in range(program.config.engines):
        stream = WeightStream(program, engine)
        for number, front in enumerate(fronts):
            rows = front["channels"] * front["taps"]
            for _ in range(front["rounds"]):
                yield number, rows, list(stream.block(rows).advance)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("filters", [1, 4, 7, 12, 20])
def test_the_machine_gives_what_the_reference_network_gives(filters: int, arithmetic: str) -> None:
    network = _network(arithmetic, filters, filters)
    program = compile_network(network, replace(SIZES, arithmetic=arithmetic))
    images = random_images(np.random.default_rng(filters), network, 2)
    result, right = run_program(program, images), run_network(network, images)
    assert not result.error
    for name, values in right.items():
        np.testing.assert_array_equal(result.tensors[name], values, name)


@pytest.mark.parametrize("arithmetic", [ROWS_INT8.name, REBUILD.name])
def test_both_ends_of_a_gap_fit_the_window(arithmetic: str) -> None:
    """The row behind a gap is there while the one before it may still be read."""
    longest = 0
    for seed in range(4):
        config = replace(SIZES, arithmetic=arithmetic)
        for _, rows, advances in _blocks(compile_network(_network(arithmetic, 7, seed), config)):
            assert sum(advances) == rows
            longest = max(longest, *advances)
    assert longest == SIZES.window - 1


def test_steps_of_kept_rows_count_the_filters_that_there_are() -> None:
    """A row that some filter of a job needs costs a step for each filter of the job, the last job's too."""
    config = replace(SIZES, arithmetic=ROWS_INT8.name)
    ragged = 0
    for filters in (1, 4, 7, 20):
        network = _network(ROWS_INT8.name, filters, filters)
        program = compile_network(network, config)
        weights = network.layers[0].convolution.weights
        assert isinstance(weights, Plain)
        flat = weights.weights.reshape(filters, -1)
        # Engines take the filters in order; how many each, the instruction says.
        each = back_record(config).unpack(program.back[0])["engine_filters"]
        jobs = np.split(flat, range(each, filters, each))
        assert program.layers[0].steps == sum(int(job.any(axis=0).sum()) * len(job) for job in jobs)
        ragged += filters % each != 0
    assert ragged
