"""What the compiler refuses, in which words."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.graph.network import Feature, Network
from golden.graph.operations.add import Add
from golden.graph.operations.weights import Plain
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import TINY
from golden.spec.errors import CapacityError, LightDealError, UnsupportedError
from tests.golden.layers import altered
from tests.golden.small import chain, factored

_SAME = {"padding": 1}


def _with(network: Network, **changes: Any) -> Network:
    """The network with its last layer changed."""
    return replace(network, layers=(*network.layers[:-1], altered(network.layers[-1], **changes)))


def _plain(**changes: Any) -> Network:
    network = chain((2, 4, 4), ("conv", 3, (3, 3), _SAME))
    return _with(network, **changes)


def _weights(kind: str, **changes: Any) -> Network:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), _SAME | {"kind": kind}))
    return _with(network, weights=replace(factored(network.layers[0]), **changes))


def _three() -> np.ndarray:
    network = chain((2, 4, 4), ("conv", 4, (3, 3), _SAME | {"kind": "group"}))
    coefficients = factored(network.layers[0]).coefficients.copy()
    coefficients[0, 0, 0, 0, 0] = 3
    return coefficients


_GROUP = {"kind": "group", "padding": 1}
_COLUMN = {"kind": "column", "padding": 1}


def _added(add: Add) -> Callable[[], Network]:
    return lambda: chain((3, 4, 4), ("p", 3, (1, 1), {"residual": add}))


_REFUSED: dict[str, tuple[Callable[[], Network], str]] = {
    "input": (lambda: replace(_plain(), input="x"), "network input 'x' is not one of its features"),
    "output": (lambda: replace(_plain(), outputs=("x",)), "network output 'x' is written by no layer"),
    "empty": (lambda: replace(_plain(), layers=()), "the network has no layers; supported: at least one"),
    "unwritten": (
        lambda: _plain(input="later"),
        "layer conv: reads 'later' before it is written; supported: one of ['image']",
    ),
    "twice": (
        lambda: _plain(output="image"),
        "layer conv: writes 'image'; supported: a declared feature that nothing else writes",
    ),
    "channels": (
        lambda: chain((2, 1, 1), ("fc", 2048, (1, 1))),
        "layer fc: 2048 filters; supported: 1…2047",
    ),
    "stride": (
        lambda: _plain(stride=0),
        "layer conv: stride (0, 0), padding (1, 1, 1, 1), dilation (1, 1); supported: stride ≥ 1, "
        "padding ≥ 0, dilation ≥ 1",
    ),
    "kernel": (
        lambda: chain((1, 33, 32), ("fc", 1, (33, 32))),
        "layer fc: kernel (33, 32); supported: 1…1024 kernel positions",
    ),
    "empty map": (
        lambda: chain((1, 2, 2), ("conv", 1, (3, 3))),
        "layer conv: an empty output map (0, 0); supported: a kernel that fits the padded input",
    ),
    "residual shape": (
        lambda: _plain(residual=Add("image", 0, 0, 0)),
        "layer conv: residual 'image' of shape (2, 4, 4); supported: the map's (3, 4, 4)",
    ),
    "output shape": (
        lambda: _plain(pool=0),
        "layer conv: output 'conv' of shape (3, 4, 4); supported: (3, 1, 1)",
    ),
    "weights shape": (
        lambda: _plain(filters=4, weights=_plain().layers[0].convolution.weights),
        "layer conv: output 'conv' of shape (3, 4, 4); supported: (4, 4, 4)",
    ),
    "plain weights": (
        lambda: _plain(weights=Plain(np.full((3, 2, 3, 3), 128), np.ones(3, int))),
        "layer conv: weights in 128…128; supported: -128…127",
    ),
    "plain scale": (
        lambda: _plain(weights=Plain(np.ones((3, 2, 3, 3), int), np.zeros(3, int))),
        "layer conv: scale in 0…0; supported: 1…127",
    ),
    "plain shape": (
        lambda: _plain(weights=Plain(np.ones((3, 2, 3, 2), int), np.ones(3, int))),
        "layer conv: weights of shape (3, 2, 3, 2); supported: (3, 2, 3, 3)",
    ),
    "coefficient": (
        lambda: _weights("group", coefficients=_three(), mask=np.ones((2, 2, 3, 3, 3), bool)),
        "layer conv: coefficient 3; supported: 0 or ±2**p, p in 0…6",
    ),
    "kept": (
        lambda: _weights("group", mask=np.zeros((2, 2, 3, 3, 3), bool)),
        "layer conv: a coefficient outside the kept ones; supported: zero there",
    ),
    "beyond": (
        lambda: _weights("group", mask=np.ones((2, 2, 3, 3, 3), bool)),
        "layer conv: kept coefficients of filters beyond the last; supported: none there",
    ),
    "group": (
        lambda: _weights("group", coefficients=np.zeros((1, 2, 3, 3, 5), int)),
        "layer conv: groups of 5 filters; supported: (1, 2, 3, 4)",
    ),
    "basis": (
        lambda: _weights("column", basis=np.full((4, 3, 3), 200)),
        "layer conv: basis in 200…200; supported: -128…127",
    ),
    "column kernel": (
        lambda: _with(chain((2, 4, 4), ("c", 4, (3, 3), _COLUMN)), kernel=(3, 1), padding=0),
        "layer c: output 'c' of shape (4, 4, 4); supported: (4, 2, 4)",
    ),
    "bias": (
        lambda: _plain(bias=np.full(3, 2**31)),
        "layer conv: bias in 2147483648…2147483648; supported: -2147483648…2147483647",
    ),
    "shift": (lambda: _plain(shift=np.full(3, 32)), "layer conv: shift in 32…32; supported: 0…31"),
    "pool shift": (
        lambda: chain((1, 4, 4), ("p", 1, (1, 1), {"pool": 16})),
        "layer p: pool_shift = 16; supported: 0…15",
    ),
    **{
        f"{name} {value}": (
            _added(add),
            f"layer p: {name} = {value}; supported: 0…{most}",
        )
        for name, value, most, add in (
            ("align_result", 8, 7, Add("image", 8, 0, 0)),
            ("align_residual", -1, 7, Add("image", 0, -1, 0)),
            ("residual_shift", 16, 15, Add("image", 0, 0, 16)),
        )
    },
    "column stride": (
        lambda: chain((1, 4, 4), ("c", 4, (3, 3), _COLUMN | {"stride": 2})),
        "layer c: COLUMN folding of columns at stride 2, padding (1, 1), dilation 1; supported: stride 1, "
        "padding 1 and dilation 1, or GROUP folding",
    ),
    "column degree": (
        lambda: chain((1, 4, 4), ("c", 4, (3, 3), _COLUMN), ("d", 2, (3, 3), _SAME | {"stride": 2})),
        "layer c: COLUMN folding of a map in 2×2 phases (strided layers read it); "
        "supported: GROUP folding before strided layers",
    ),
    "column width": (
        lambda: chain((1, 4, 6), ("c", 4, (3, 3), _COLUMN)),
        "layer c: COLUMN folding of a map with rows 6 pixels apart on 4 lanes; "
        "supported: distances that divide the lanes, or GROUP folding",
    ),
    "wide stride": (
        lambda: chain((1, 9, 9), ("c", 4, (3, 3), {"stride": (1, 5)})),
        "layer c: stride (1, 5); supported: 1…4 in both directions",
    ),
    "pooled phases": (
        lambda: chain(
            (1, 5, 5),
            ("a", 2, (3, 3), _SAME),
            ("b", 2, (3, 3), _SAME | {"stride": 2}),
            ("p", 2, (1, 1), {"pool": 0, "source": "a", "residual": Add("a", 0, 0, 0)}),
        ),
        "layer p: pooling after a sum with another tensor of a 5×5 map that lies in 2×2 phases, rows 3 "
        "pixels apart; supported: a map without gaps between its pixels",
    ),
    "tiles": (
        lambda: chain((1, 64, 64), ("c", 1, (1, 1))),
        "layer c: 1024 tiles of 4 pixels; supported: at most 1023",
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_unsupported(name: str) -> None:
    make, message = _REFUSED[name]
    network = make()
    with pytest.raises(UnsupportedError) as error:
        compile_network(network, TINY)
    assert any(line.strip().startswith(message) for line in str(error.value).splitlines())


def test_phases_that_cannot_agree_name_both_layers() -> None:
    """One way from x to y is strided, the other is not."""
    features = {name: Feature(name, (1, 3, 3), 1.0) for name in ("x", "a", "y")}
    base = chain((1, 3, 3), ("a", 1, (3, 3), _SAME)).layers[0]
    # A 3×3 map of stride 2 with padding 2 is again 3×3.
    wide = altered(base, path="wide", input="x", output="a", stride=2, padding=2)
    join = altered(base, path="join", input="a", output="y", residual=Add("x", 0, 0, 0))
    network = Network(features, (wide, join), "x", ("y",))
    with pytest.raises(UnsupportedError) as error:
        compile_network(network, TINY)
    assert str(error.value) == (
        "layers join, wide: their strides demand two phase splits of 'y'; "
        "supported: the same product of strides on all ways between two tensors"
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            chain((1, 1, 1), *((f"l{i}", 1, (1, 1)) for i in range(16))),
            "instruction memory: the network needs 17 words, instructions of configuration 'tiny' is 16",
        ),
        (
            chain((1, 16, 16), ("a", 1, (3, 3), _SAME), ("b", 1, (1, 1))),
            "tap memory: the network needs 640 words, tap_words of configuration 'tiny' is 512",
        ),
        (
            chain((1, 1, 1), ("a", 400, (1, 1), {"kind": "group"})),
            "term memory: the network needs 1200 words, term_words of configuration 'tiny' is 1024",
        ),
        (
            chain((1, 1, 1), ("a", 300, (1, 1), {"kind": "scale"})),
            "filter memory: the network needs 300 words, filter_words of configuration 'tiny' is 256",
        ),
        (
            chain((40, 2, 2), ("a", 40, (3, 3), _SAME)),
            "coefficient (engine 1) memory: the network needs 4150 words, coefficient_words of ",
        ),
        (
            chain((8, 16, 16), ("a", 1, (1, 1))),
            "feature memory: tensor 'a' of 64 words does not fit beside the tensors of layers 0…1: it would "
            "end at word 576, feature_words is 512",
        ),
    ],
)
def test_capacities_name_the_memory_and_both_sizes(network: Network, message: str) -> None:
    with pytest.raises(CapacityError) as error:
        compile_network(network, TINY)
    assert any(line.strip().startswith(message) for line in str(error.value).splitlines())


def _sum_layer(total: int, relu_before: bool) -> Network:
    """One partial sum whose coefficients, all positive, add up to `total`."""
    weights = Plain(np.full((1, -(-total // 64), 1, 1), 64), np.ones(1, int))
    weights.weights[0, -1] -= weights.weights.sum() - total
    channels = weights.weights.shape[1]
    before = chain(
        (channels, 1, 1), ("a", channels, (1, 1), {"relu": relu_before}), ("b", 1, (1, 1), {"relu": False})
    )
    eye = np.eye(channels, dtype=int)[:, :, None, None]
    first = altered(
        before.layers[0],
        weights=Plain(eye, np.ones(channels, int)),
        bias=np.zeros(channels, int),
        shift=np.zeros(channels, int),
    )
    last = altered(before.layers[1], weights=weights, bias=np.zeros(1, int), shift=np.full(1, 12))
    return replace(before, layers=(first, last))


@pytest.mark.parametrize(("relu", "largest"), [(False, 2**19 // 128), (True, (2**19 - 1) // 127)])
def test_the_overflow_proof_is_exact(relu: bool, largest: int) -> None:
    """The largest sum that passes is right in the machine at the worst input; one more is refused."""
    config = replace(TINY, term_words=4096)
    network = _sum_layer(largest, relu)
    for value in (-128, 127):
        images = np.full((1, *network.features["image"].shape), value, np.int8)
        result = run_program(compile_network(network, config), images)
        np.testing.assert_array_equal(result.tensors["b"], run_network(network, images)["b"])
    with pytest.raises(CapacityError) as error:
        compile_network(_sum_layer(largest + 1, relu), config)
    low = 0 if relu else -128 * (largest + 1)
    assert str(error.value) == (
        f"layer b: a partial sum of filter 0 may reach {low}…{127 * (largest + 1)}; "
        "accumulator_bits = 20 holds -524288…524287"
    )


def _large_outputs(term: int) -> Network:
    """Four partial sums of 8,192 coefficients of 64, each times `term`."""
    network = chain((512, 4, 4), ("a", 4, (4, 4), {"kind": "group4"}))
    kept = np.ones((1, 512, 4, 4, 4), bool)
    weights = replace(
        factored(network.layers[0]),
        mask=kept,
        coefficients=np.where(kept, 64, 0),
        basis=np.full((1, 4, 4), term),
    )
    return _with(network, weights=weights, bias=np.zeros(4, int), shift=np.full(4, 29))


def test_the_proof_of_output_sums_is_exact() -> None:
    config = replace(TINY, accumulator_bits=32, feature_words=4096, coefficient_words=32768)
    network = _large_outputs(127)
    images = np.full((1, 512, 4, 4), -128, np.int8)
    result = run_program(compile_network(network, config), images)
    np.testing.assert_array_equal(result.tensors["a"], run_network(network, images)["a"])
    with pytest.raises(CapacityError) as error:
        compile_network(_large_outputs(-128), config)
    assert str(error.value) == (
        f"layer a: the output sum of filter 0 may reach {-4 * 128 * 127 * 64 * 8192}…{2**35}; "
        f"36 bits hold {-(2**35)}…{2**35 - 1}"
    )


def test_every_refusal_is_a_value_error() -> None:
    assert issubclass(LightDealError, ValueError)
