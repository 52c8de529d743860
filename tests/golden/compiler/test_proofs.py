"""The proofs that no sum wraps, against the worst inputs themselves, up to both ends of the range."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler.proofs import prove_no_overflow
from golden.datapath.entries import Entries, layer_entries
from golden.graph.network import Layer
from golden.spec.errors import CapacityError
from golden.spec.formats import OUTPUT_BITS
from tests.golden.layers import altered
from tests.golden.small import chain, factored

RANGES = [(-128, 127), (0, 127)]
"""Of an input, and behind a ReLU."""


def _layer(coefficients: list[int], basis: int = 1, bias: int = 0) -> Layer:
    """One filter whose partial sum has these coefficients."""
    kernel = (1, len(coefficients))
    layer = chain((1, *kernel), ("a", 1, kernel, {"kind": "scale"})).layers[0]
    values = np.array(coefficients).reshape(1, 1, *kernel, 1)
    weights = replace(factored(layer), coefficients=values, mask=values != 0, basis=np.full((1, 1, 1), basis))
    return altered(layer, weights=weights, bias=np.array([bias]), shift=np.array([0]))


def _worst(coefficients: list[int], low: int, high: int) -> tuple[int, int]:
    """(smallest, largest) sum: each input at the end of the range that does most."""
    ends = [(value * low, value * high) for value in coefficients]
    return sum(min(it) for it in ends), sum(max(it) for it in ends)


def _passes(layer: Layer, entries: Entries, given: tuple[int, int], bits: int) -> bool:
    try:
        prove_no_overflow(layer, entries, given, bits)
    except CapacityError:
        return False
    return True


@pytest.mark.parametrize("given", RANGES)
def test_partial_sums_pass_if_and_only_if_the_worst_input_fits(given: tuple[int, int]) -> None:
    """256 as the sum of few coefficients of one sign ends at the edge of 2**15; others on either side."""
    rng = np.random.default_rng(3)
    edges = {"below": 0, "above": 0, "beyond": 0, "inside": 0}
    for _ in range(600):
        coefficients: list[int] = []
        signs = [[1], [-1], [1, -1]][rng.integers(3)]
        while sum(map(abs, coefficients)) < rng.choice([248, 256, 256, 264]):
            coefficients.append(int(rng.choice(signs) << rng.integers(3, 7)))
        low, high = _worst(coefficients, *given)
        fits = low >= -(2**15) and high < 2**15
        layer = _layer(coefficients)
        assert _passes(layer, layer_entries(layer), given, 16) == fits, (coefficients, low, high)
        edges["below"] += low == -(2**15)
        edges["above"] += high == 2**15
        edges["inside" if fits else "beyond"] += 1
    # What the test relies on; behind a ReLU no such sum is a multiple of 128, so none ends at the edge.
    counts = [count for name, count in edges.items() if given[0] or name in ("inside", "beyond")]
    assert min(counts) > 10, edges


def test_negative_coefficients_reach_one_further_up_than_positive_ones() -> None:
    """Four coefficients of 64: −2**15 fits, 2**15 does not."""
    for signs, fits in (([1, 1, 1, 1], True), ([-1, -1, -1, -1], False), ([1, -1, -1, -1], True)):
        layer = _layer([64 * sign for sign in signs])
        assert _passes(layer, layer_entries(layer), (-128, 127), 16) == fits
    layer = _layer([-64] * 4)
    with pytest.raises(CapacityError) as error:
        prove_no_overflow(layer, layer_entries(layer), (-128, 127), 16)
    assert str(error.value) == (
        "layer a: a partial sum of filter 0 may reach -32512…32768; accumulator_bits = 16 holds -32768…32767"
    )


@pytest.mark.parametrize("given", RANGES)
@pytest.mark.parametrize("basis", [127, -127])
def test_an_output_bound_is_passed_by_the_bias_alone(basis: int, given: tuple[int, int]) -> None:
    """The sums fit with room to spare; the bias takes it, to the last one."""
    layer = _layer([64] * 16384, basis)
    entries = layer_entries(layer)
    low, high = _worst([64 * basis] * 16384, *given)
    half = 1 << (OUTPUT_BITS - 1)
    # As many partial sums of this kind as fit; what is left is within a bias of 32 bits or a few of them.
    times = half // max(-low, high)
    repeated = replace(
        entries,
        unit_slots=times,
        filter_terms=times,
        terms=np.tile(entries.terms, (1, times)),
        unit=np.tile(entries.unit, times),
        slot=np.repeat(np.arange(times), len(entries.slot)),
        row=np.tile(entries.row, times),
        value=np.tile(entries.value, times),
    )
    room_below, room_above = half + times * low, half - 1 - times * high
    for bias, fits in (
        (0, True),
        (room_above, True),
        (room_above + 1, False),
        (-room_below, True),
        (-room_below - 1, False),
    ):
        found = _passes(altered(layer, bias=np.array([bias])), repeated, given, 32)
        assert found == fits, (bias, low, high)
    with pytest.raises(CapacityError) as error:
        prove_no_overflow(altered(layer, bias=np.array([room_above + 1])), repeated, given, 32)
    assert str(error.value) == (
        f"layer a: the output sum of filter 0 may reach {times * low}…{half}; "
        f"{OUTPUT_BITS} bits hold {-half}…{half - 1}"
    )
