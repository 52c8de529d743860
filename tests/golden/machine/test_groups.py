"""Groups, depthwise convolutions and pooling: each round reads the channels of its filters alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.window import Window
from golden.machine.decode import decode
from golden.spec.config import SMALL, TINY
from golden.spec.errors import UnsupportedError
from golden.spec.memories import front_record
from golden.spec.program import Program
from tests.golden.small import chain
from tests.golden.windows import CONFIGS, check

DEEP = replace(CONFIGS[0], coefficient_words=4096, filter_words=1024, term_words=2048)


def fronts(program: Program) -> list[dict[str, int]]:
    record = front_record(program.config)
    return [record.unpack(word) for word in program.front[:-1]]


@pytest.mark.parametrize("channels", [1, 5, 16, 23, 32, 48])
@pytest.mark.parametrize("kind", ["scale", "plain", "column"])
def test_depthwise(channels: int, kind: str) -> None:
    options = {"padding": 1, "groups": channels, "kind": kind}
    network = chain((2, 3, 4), ("a", channels, (1, 1)), ("d", channels, (3, 3), options), ("b", 3, (1, 1)))
    check(network, DEEP, channels)


@pytest.mark.parametrize(("groups", "each"), [(2, 4), (3, 5), (8, 2), (16, 3)])
@pytest.mark.parametrize("kind", ["scale", "plain", "group2"])
def test_groups(groups: int, each: int, kind: str) -> None:
    if kind == "group2" and each % 2:
        kind = "group" if each % 3 == 0 else "scale"
    options = {"padding": 1, "groups": groups, "kind": kind}
    network = chain((2, 3, 5), ("a", 2 * groups, (1, 1)), ("g", each * groups, (3, 2), options))
    check(network, DEEP, groups)


@pytest.mark.parametrize("window", [(2, 2), (3, 1), (1, 3), (1, 4), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_max_pooling(window: tuple[int, int], stride: int) -> None:
    options = {"stride": stride, "kind": "largest", "padding": (1, 0, 0, 1)}
    check(chain((13, 5, 6), ("p", 13, window, options), ("b", 4, (2, 2))), DEEP, stride)


def test_rows_are_fetched_once() -> None:
    """Depthwise 3×3 and 2×2 max pooling of 64 channels on SMALL, whose rounds take 32 and 8 of them."""
    same = {"padding": 1, "groups": 64, "kind": "scale"}
    halved = {"stride": 2, "kind": "largest"}
    # No room for unrolled layers.
    config = replace(SMALL, feature_words=4096, filter_words=256)
    program = check(
        chain((1, 8, 8), ("a", 64, (1, 1)), ("d", 64, (3, 3), same), ("p", 64, (2, 2), halved)), config, 1
    )
    _, depthwise, pool = fronts(program)
    assert (depthwise["rounds"], depthwise["channels"], depthwise["moves"]) == (2, 32, 1)
    assert (pool["rounds"], pool["channels"], pool["moves"], pool["low"]) == (8, 8, 1, 1)
    assert [it.rows_fetched for it in program.layers[1:]] == [64 * 9 * 4, 64 * 4]
    # One row a cycle, a marker for each job, and the way through the pipelines.
    ends = count_cycles(program).layer_ends
    assert ends[1] - ends[0] < 64 * 9 * 4 + 8 + 150
    assert ends[2] - ends[1] < 64 * 4 + 8 + 150


def test_without_rounds_of_their_own_all_channels_are_fetched() -> None:
    same = {"padding": 1, "groups": 64, "kind": "scale"}
    config = replace(SMALL, name="bare", feature_words=4096, moves=False)
    program = check(chain((1, 8, 8), ("a", 64, (1, 1)), ("d", 64, (3, 3), same)), config, 1)
    assert "moves" not in fronts(program)[1]
    assert program.layers[1].rows_fetched == 2 * 64 * 9 * 4


def test_max_pooling_that_was_left_out_is_told() -> None:
    network = chain((2, 4, 4), ("a", 6, (1, 1)), ("p", 6, (2, 2), {"kind": "largest"}))
    with pytest.raises(UnsupportedError) as caught:
        compile_network(network, replace(SMALL, name="bare", largest=False))
    words = "max pooling, which configuration 'bare' leaves out; supported: configurations with `largest`"
    assert str(caught.value) == f"layer p: {words}"


@pytest.mark.parametrize("kind", ["group", "column"])
def test_a_basis_that_was_left_out_is_told(kind: str) -> None:
    network = chain((2, 4, 4), ("a", 6, (3, 3), {"padding": 1, "kind": kind}))
    with pytest.raises(UnsupportedError) as caught:
        compile_network(network, replace(SMALL, name="bare", bases=False))
    words = (
        "a basis, which configuration 'bare' leaves out; supported: a scale for each filter (`no_basis_plan`)"
    )
    assert str(caught.value) == f"layer a: {words}, or configurations with `bases`"


def test_channels_of_a_round_that_do_not_fit_turns_of_the_layer_before() -> None:
    """Five filters a turn before rounds of other sizes: they wait for all of it."""
    options = {"groups": 44, "kind": "scale"}
    network = chain((2, 2, 2), ("a", 44, (1, 1), {"kind": "group4"}), ("d", 44, (2, 2), options))
    program = check(network, replace(DEEP, engines=3), 3)
    front = fronts(program)[1]
    assert front["moves"]
    assert front["ready_channels"] > front["channels"]
    assert front["ready_first"] == sum(it["rounds"] * it["tiles"] * 3 for it in fronts(program)[:1])


@pytest.mark.parametrize("seed", range(12))
def test_max_pooling_equals_that_of_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = tuple(int(v) for v in rng.integers(1, 5, 2))
    padding, stride, dilation = (
        [int(rng.integers(0, k // 2 + 1)) for k in kernel],
        tuple(int(v) for v in rng.integers(1, 5, 2)),
        tuple(int(v) for v in rng.integers(1, 3, 2)),
    )
    images = rng.integers(-128, 128, (2, 3, 9, 11)).astype(np.int8)
    around = (padding[0], padding[0], padding[1], padding[1])
    expected = nn.functional.max_pool2d(
        torch.from_numpy(images.astype(np.float32)), kernel, stride, padding, dilation
    )
    found = MaxPool(3, Window(kernel, stride, around, dilation)).run(images)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, expected.numpy())


def test_a_round_knows_its_channels() -> None:
    program = check(chain((40, 2, 2), ("d", 40, (1, 1), {"groups": 40, "kind": "scale"})), TINY, 1)
    (layer,) = decode(program)
    rounds = np.concatenate([layer.channels(number) for number in range(layer.front["rounds"])])
    assert rounds[:40].tolist() == list(range(40))
