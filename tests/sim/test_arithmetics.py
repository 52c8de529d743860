"""The baselines: RTL equals golden to the bit and the cycle model to the cycle; rebuilt weights give
what the basis gives."""

from dataclasses import replace

import numpy as np
import pytest

from flows.fuzz.weights import random_weights
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Layer, Network
from golden.graph.operations.weights import Factored, Plain
from golden.graph.reference import run_network
from golden.spec import baselines
from golden.spec.config import TINY, Config
from golden.spec.errors import ErrorCode, UnsupportedError
from sim.checks.compare import first_mismatch
from sim.run import run
from tests.golden.layers import altered
from tests.golden.networks import random_images, random_network

SIZES = replace(TINY, accumulator_bits=32, coefficient_words=2048, feature_words=1024)
INT8 = replace(SIZES, arithmetic=baselines.INT8.name)
ROWS = replace(
    SIZES, arithmetic=baselines.ROWS_INT8.name, engines=3, lanes=8, basis=8, window=8, accumulators=4
)
REBUILD = replace(SIZES, arithmetic=baselines.REBUILD.name)


def fitting(rng: np.random.Generator, network: Network, arithmetic: str) -> Network:
    """The same layers with weights that an arithmetic can take."""

    def weights(layer: Layer) -> Factored | Plain:
        shape = (layer.product.filters, network.features[layer.input].shape[0], *layer.product.kernel)
        if arithmetic == baselines.REBUILD.name:
            old = layer.convolution.weights
            if isinstance(old, Factored) and old.coefficients.shape[-1] <= 3:
                return old
            return random_weights(rng, "scale", shape, 0.3, 4000)
        plain = random_weights(rng, "plain", shape, 1.0, 4000)
        assert isinstance(plain, Plain)
        if arithmetic == baselines.INT8.name:
            return plain
        return replace(plain, weights=plain.weights * (rng.random((1, *shape[1:])) < rng.choice([0.05, 0.5])))

    return replace(network, layers=tuple(altered(layer, weights=weights(layer)) for layer in network.layers))


@pytest.mark.parametrize(
    "config",
    [INT8, *(pytest.param(it, marks=pytest.mark.long) for it in (ROWS, REBUILD))],
    ids=lambda config: str(config.arithmetic),
)
def test_hardware_equals_golden_and_the_cycle_model(config: Config) -> None:
    for seed in range(12):
        print(f"seed {seed}")
        rng = np.random.default_rng(seed)
        network = fitting(rng, random_network(rng, config), config.arithmetic)
        program = compile_network(network, config)
        images = random_images(rng, network, 2)
        expected = run_network(network, images)
        golden = run(program, images)
        assert first_mismatch(expected, golden, program) is None
        # Skipping changes nothing here, nor do pauses of the streams.
        odd = seed % 2
        result = run(program, images, on="compiled", skip=bool(odd), stalls=0.3 * odd, seed=seed)
        assert result.error == ErrorCode.NONE
        assert first_mismatch(expected, result, program) is None
        assert result.cycles == (count_cycles(program).cycles,) * 2


def test_rebuilt_weights_give_the_same_as_the_basis() -> None:
    for seed in range(10):
        print(f"seed {seed}")
        rng = np.random.default_rng(seed)
        network = fitting(rng, random_network(rng, SIZES), baselines.REBUILD.name)
        images = random_images(rng, network, 1)
        last, first = (run(compile_network(network, config), images) for config in (SIZES, REBUILD))
        for name, values in last.tensors.items():
            np.testing.assert_array_equal(values, first.tensors[name])


@pytest.mark.parametrize(
    ("config", "arithmetic", "text"),
    [
        (
            INT8,
            baselines.REBUILD.name,
            "factored weights in arithmetic 'int8'; supported: plain int8 weights",
        ),
        (ROWS, baselines.REBUILD.name, "factored weights in arithmetic 'rows_int8'"),
        (REBUILD, baselines.INT8.name, "plain weights in arithmetic 'rebuild'; supported: factored weights"),
    ],
)
def test_weights_of_another_arithmetic(config: Config, arithmetic: str, text: str) -> None:
    rng = np.random.default_rng(0)
    network = fitting(rng, random_network(rng, config), arithmetic)
    with pytest.raises(UnsupportedError, match=text):
        compile_network(network, config)
