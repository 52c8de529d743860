"""The bounds against the definition, on layers small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.cycles.bounds import cycle_bound, dense_cycles, layer_bound
from golden.graph.operations.add import Add
from golden.graph.operations.weights import Plain
from golden.spec.config import SMALL, TINY
from golden.spec.program import LayerCounts
from tests.golden.layers import altered
from tests.golden.networks import random_network
from tests.golden.small import chain


def test_a_layer_by_hand() -> None:
    network = chain((2, 4, 4), ("a", 3, (3, 3), {"padding": 1}))
    # Every weight 3 = 4 − 1: two signed digits.
    weights = Plain(np.full((3, 2, 3, 3), 3), np.ones(3, int))
    network = replace(network, layers=(altered(network.layers[0], weights=weights),))
    program = compile_network(network, TINY)
    ((path, bound),) = cycle_bound(program).layers
    assert path == "a"
    assert bound == 2 * 54 * 16 / 8 == cycle_bound(program).total
    assert dense_cycles(program) == 54 * 16 / 8


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"steps": 1000}, 1000 * 16 / 64), ({"products": 9000}, 9000 / 4), ({"bytes_moved": 8000}, 8000 / 16)],
)
def test_the_largest_decides(changes: dict[str, int], expected: float) -> None:
    counts = LayerCounts("a", "group", "a", 1, 1, 1, 1, 16, 1, 1, 1, 1)
    config = replace(SMALL, basis=4)  # so that no two widths are the same
    assert layer_bound(replace(counts, **changes), config) == expected  # type: ignore[arg-type]


def test_bytes_are_counted_once() -> None:
    program = compile_network(chain((2, 4, 4), ("a", 3, (3, 3), {"padding": 1})), TINY)
    counts = program.layers[0]
    assert counts.bytes_moved == 2 * 16 + 3 * 16 + -(-counts.weight_bits // 8)


def test_bytes_of_a_residual_are_moved_too() -> None:
    program = compile_network(
        chain((3, 4, 4), ("a", 3, (3, 3), {"padding": 1, "residual": Add("image", 0, 0, 1)})), TINY
    )
    counts = program.layers[0]
    assert counts.bytes_moved == 3 * 16 + 3 * 16 + 3 * 16 + -(-counts.weight_bits // 8)


def test_pixels_that_a_stride_passes_over_are_not_moved() -> None:
    program = compile_network(chain((2, 6, 6), ("a", 3, (1, 1), {"stride": 2})), SMALL)
    counts = program.layers[0]
    assert counts.bytes_moved == 2 * 9 + 3 * 9 + -(-counts.weight_bits // 8)


@pytest.mark.parametrize("seed", range(5))
def test_totals_are_sums(seed: int) -> None:
    program = compile_network(random_network(np.random.default_rng(seed), SMALL), SMALL)
    bound = cycle_bound(program)
    assert [path for path, _ in bound.layers] == [counts.path for counts in program.layers]
    assert bound.total == pytest.approx(sum(value for _, value in bound.layers))
    assert dense_cycles(program) * SMALL.adders == sum(counts.macs for counts in program.layers)
