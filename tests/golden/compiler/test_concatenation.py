"""Concatenation by placement: addresses, phases, order; and what cannot lie side by side."""

from dataclasses import replace
from itertools import pairwise

import pytest

from golden.compiler import compile_network
from golden.graph.network import Network
from golden.graph.operations.add import Add
from golden.spec.config import Config
from golden.spec.errors import UnsupportedError
from golden.spec.program import Program
from tests.golden.small import chain
from tests.golden.windows import CONFIGS as SMALL_ONES
from tests.golden.windows import check

SAME = {"padding": 1}

CONFIGS = [replace(config, coefficient_words=2048) for config in SMALL_ONES]


def dense(size: tuple[int, int] = (5, 6)) -> Network:
    """Three layers each of which reads all before it, and one that reads them with stride 2."""
    return chain(
        (2, *size),
        ("a", 3, (3, 3), SAME),
        ("b", 5, (3, 3), SAME),
        ("ab", ("a", "b")),
        ("c", 2, (3, 3), SAME),
        ("abc", ("a", "b", "c")),
        ("d", 7, (3, 3), SAME | {"stride": 2}),
    )


def side_by_side(program: Program, *names: str) -> None:
    """Each begins where the one before it ends."""
    tensors = [program.tensor(name) for name in names]
    for one, other in pairwise(tensors):
        assert other.address == one.address + one.shape[0] * one.stride
        assert (one.stride, one.degree, one.pitch) == (other.stride, other.degree, other.pitch)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("size", [(5, 6), (1, 7), (6, 1), (1, 1), (8, 4)])
def test_dense_block(config: Config, size: tuple[int, int]) -> None:
    program = check(dense(size), config, 1)
    side_by_side(program, "a", "b", "c")
    # No tensor but those of the layers, no layer but those.
    assert [it.name for it in program.tensors] == ["image", "a", "b", "c", "d"]


def test_operands_of_two_strides() -> None:
    """Two branches of stride 2 each, joined, and read at stride 2 again: four phases each way."""
    network = chain(
        (2, 9, 8),
        ("a", 3, (3, 3), SAME | {"stride": 2}),
        ("b", 4, (2, 2), {"stride": 2, "padding": (0, 1, 0, 0), "source": "image"}),
        ("ab", ("a", "b")),
        ("c", 3, (3, 3), SAME | {"stride": 2}),
    )
    program = check(network, CONFIGS[0], 2)
    side_by_side(program, "a", "b")
    assert program.tensor("a").degree == (2, 2)


def test_groups_and_pooling_read_a_concatenation() -> None:
    """Their rounds take channels of their own, which lie in several tensors."""
    network = chain(
        (2, 4, 5),
        ("a", 7, (1, 1)),
        ("b", 9, (1, 1), {"source": "image"}),
        ("ab", ("b", "a")),
        ("c", 16, (3, 3), SAME | {"groups": 16, "kind": "scale"}),
        ("d", 16, (2, 2), {"kind": "largest", "source": "ab"}),
    )
    for config in CONFIGS:
        check(network, config, 3)


def test_a_concatenation_is_added() -> None:
    network = chain(
        (2, 4, 5),
        ("a", 2, (1, 1)),
        ("b", 3, (1, 1), {"source": "image"}),
        ("ab", ("a", "b")),
        ("c", 5, (3, 3), SAME | {"source": "image", "residual": Add("ab", 1, 0, 1)}),
    )
    side_by_side(check(network, CONFIGS[0], 4), "a", "b")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("enlarge", [(2, 2), (1, 3), (4, 1)])
def test_enlarged_maps_beside_others(config: Config, enlarge: tuple[int, int]) -> None:
    """As in a U-Net: down, up, and joined with what was there before."""
    network = chain(
        (2, 8, 6),
        ("a", 3, (3, 3), SAME),
        ("down", 4, (3, 3), SAME | {"stride": enlarge}),
        ("b", 2, (3, 3), SAME),
        ("up", 2, (1, 1), {"enlarge": enlarge, "groups": 2, "kind": "scale"}),
        ("both", ("up", "a")),
        ("c", 3, (3, 3), SAME),
        ("larger", 2, (2, 3), {"enlarge": enlarge, "padding": (0, 1, 1, 1)}),
    )
    check(network, config, 5)


@pytest.mark.parametrize(
    ("joined", "words"),
    [
        ({"ab": ("a", "b"), "ba": ("b", "a")}, "'ba': 'a' behind 'b', one of which has another neighbour"),
        ({"ab": ("a", "image")}, "'ab': 'image', which no layer writes"),
        ({"ab": ("a", "a")}, "'ab': the parts"),
        ({"ab": ()}, "'ab': the parts"),
        ({"ab": ("a", "d")}, "'ab': shapes"),
        ({"ab": ("b", "c")}, r"'ab': shapes \[\(5, 5, 6\), \(2, 5, 6\)\] as \(8, 5, 6\)"),
        ({"c": ("a", "b")}, "'c': the name 'c'"),
        ({"xy": ("a", "b")}, "'xy': the name 'xy'"),
    ],
)
def test_what_cannot_lie_side_by_side(joined: dict[str, tuple[str, ...]], words: str) -> None:
    network = dense()
    features = network.features | {"ba": replace(network.features["ab"], name="ba")}
    with pytest.raises(UnsupportedError, match=f"concatenation {words}"):
        compile_network(replace(network, features=features, joined=joined), CONFIGS[0])


def test_one_scale_for_all() -> None:
    network = dense()
    features = network.features | {"b": replace(network.features["b"], scale=0.5)}
    with pytest.raises(UnsupportedError, match=r"steps of \[1.0, 0.5\] as 1.0; supported: one scale"):
        compile_network(replace(network, features=features), CONFIGS[0])


def test_parts_are_written_before_they_are_read() -> None:
    network = dense()
    early = replace(network.layers[1], input="abc")
    with pytest.raises(UnsupportedError, match="layer b: reads 'abc' before it is written"):
        compile_network(replace(network, layers=(network.layers[0], early, *network.layers[2:])), CONFIGS[0])


def test_phases_that_do_not_agree_are_named() -> None:
    """One operand is as large as the other only by padding, behind a stride."""
    network = chain(
        (2, 4, 4),
        ("a", 3, (3, 3), SAME),
        ("s", 3, (1, 1), {"stride": 2, "source": "a"}),
        ("b", 4, (1, 1), {"padding": 1}),
        ("ab", ("a", "b")),
        ("c", 2, (1, 1)),
    )
    with pytest.raises(
        UnsupportedError, match=r"the concatenation ab.*: their strides demand two phase splits"
    ):
        compile_network(network, CONFIGS[0])
