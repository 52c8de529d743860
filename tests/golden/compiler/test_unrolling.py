"""Unrolled layers: the same integers with any phases, fewer cycles where the compiler takes some."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flows.fuzz.networks import roomy
from golden.compiler import compile_network
from golden.compiler.build import compile_layouts
from golden.compiler.degrees import phase_degrees
from golden.compiler.layouts import choose_layouts, plain_layouts
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.decode import decode
from golden.machine.run import run_program
from golden.spec.config import SMALL, TINY, Config
from golden.spec.program import Program
from golden.spec.tensor import Tensor
from tests.golden.networks import random_images
from tests.golden.small import chain
from tests.golden.windows import random_windows

WIDE = replace(
    SMALL,
    name="wide",
    feature_words=1 << 14,
    coefficient_words=1 << 14,
    tap_words=1 << 13,
    term_words=1 << 12,
    filter_words=1 << 12,
)
NARROW = replace(WIDE, name="narrow", engines=3, lanes=4, basis=2, accumulators=4)


def depthwise(channels: int, **options: Any) -> dict[str, Any]:
    return {"groups": channels, "kind": "scale", "padding": 1, **options}


def equal(network: Network, program: Program, seed: int = 0) -> None:
    """Every tensor is that of the reference network, which knows no phases."""
    images = random_images(np.random.default_rng(seed), network, 2)
    found, expected = run_program(program, images), run_network(network, images)
    for name, values in expected.items():
        np.testing.assert_array_equal(found.tensors[name], values, name)


def forced(
    network: Network, config: Config, split: tuple[int, int], phases: dict[str, Any], spare: int = 0
) -> Program:
    """The program with planes split, phases and spare filters as given, whatever they cost."""
    layouts = plain_layouts(network, phase_degrees(network, split, [*phases]), config)
    layouts = replace(layouts, phases=phases, spare=dict.fromkeys(phases, spare))
    return compile_layouts(network, layouts, config)


@pytest.mark.parametrize("config", [WIDE, NARROW], ids=lambda it: it.name)
@pytest.mark.parametrize(
    ("filters", "options"),
    [
        (5, depthwise(5)),
        (5, depthwise(5, stride=2, padding=(0, 1, 1, 0))),
        (5, depthwise(5, stride=(1, 3), padding=(2, 0, 0, 1), kind="plain")),
        (10, depthwise(5, dilation=(2, 1), padding=(2, 2, 0, 1))),
        (3, {"stride": (2, 1), "kind": "plain"}),
    ],
    ids=["depthwise", "strided", "uneven", "multiplier-dilation", "few filters"],
)
def test_every_split_computes_the_same(config: Config, filters: int, options: dict[str, Any]) -> None:
    for height, width, kernel in ((11, 9, (3, 3)), (7, 13, (2, 3))):
        network = chain((5, height, width), ("a", filters, kernel, options), ("b", 3, (1, 1)))
        for split, spare in (((2, 1), 0), ((1, 3), 1), ((2, 2), 2), ((4, 2), 0)):
            program = forced(network, config, split, {"a": split}, spare)
            assert program.tensor("a").phases == split
            equal(network, program, height)


def test_phases_of_planes_that_strides_demand() -> None:
    """Some of the planes, rows and columns, in groups of two filters and two channels each."""
    same = {"groups": 3, "kind": "scale", "padding": 1}
    network = chain(
        (3, 16, 12), ("a", 6, (3, 3), {"padding": 1}), ("g", 6, (3, 3), same), ("s", 4, (4, 4), {"stride": 4})
    )
    for phases in ((2, 1), (1, 2), (2, 4), (4, 4)):
        equal(network, forced(network, WIDE, (1, 1), {"g": phases}))


def test_planes_of_a_phase_lie_together() -> None:
    tensor = Tensor("t", (2, 9, 10), (4, 6), 2, 7, 80, 1.0, (2, 3))
    words: dict[tuple[int, int], set[int]] = {}
    places = set()
    for y in range(9):
        for x in range(10):
            word, lane = tensor.position(1, y, x, 4)
            words.setdefault((x % 3, y % 2), set()).add((word - 87) // (4 * tensor.plane_words(4)))
            places.add((word, lane))
    assert len(places) == 90
    assert [words[key] for key in sorted(words)] == [{number} for number in range(6)]


def networks() -> list[Network]:
    """Shapes that wait for their rows: MobileNet's, a keyword network's, first layers."""
    return [
        chain(
            (3, 24, 24),
            ("first", 4, (3, 3), {"stride": 2, "padding": 1}),
            ("d1", 4, (3, 3), depthwise(4)),
            ("p1", 8, (1, 1)),
            ("d2", 8, (3, 3), depthwise(8, stride=2)),
            ("p2", 16, (1, 1)),
            ("d3", 16, (3, 3), depthwise(16)),
            ("p3", 16, (1, 1)),
        ),
        chain((1, 40, 10), ("first", 8, (5, 3), {"stride": 2}), ("d", 8, (3, 3), depthwise(8))),
        chain((2, 20, 20), ("first", 2, (5, 5), {"padding": 2, "kind": "scale"}), ("b", 4, (1, 1))),
    ]


@pytest.mark.parametrize("number", range(3))
def test_what_the_compiler_takes_is_faster(number: int) -> None:
    network = networks()[number]
    degrees = phase_degrees(network)
    plain = compile_layouts(network, plain_layouts(network, degrees, WIDE), WIDE)
    program = compile_network(network, WIDE)
    assert any(tensor.phases != (1, 1) for tensor in program.tensors)
    assert count_cycles(program).cycles < 0.9 * count_cycles(plain).cycles
    for one, other in zip(program.layers, plain.layers, strict=True):
        assert (one.macs, one.steps, one.kept, one.products) == (
            other.macs,
            other.steps,
            other.kept,
            other.products,
        )
    equal(network, program)


def test_nothing_becomes_slower() -> None:
    """Small maps, where the estimate errs: the exact count decides."""
    unrolled = 0
    # In the last three, what should be faster is not.
    for seed in (*range(9), 31, 105, 191):
        network = random_windows(np.random.default_rng(seed), largest=11)
        degrees = phase_degrees(network)
        config = roomy(TINY)
        program = compile_network(network, config)
        plain = compile_layouts(network, plain_layouts(network, degrees, config), config)
        assert count_cycles(program).cycles <= count_cycles(plain).cycles
        unrolled += len([*choose_layouts(network, degrees, config)]) > 1
    assert unrolled


def test_no_more_is_unrolled_than_memories_hold() -> None:
    """The layers that gain most for their filters; with room for one phase only, none."""
    for number, words, some in ((0, 128, True), (1, 16, False)):
        network = networks()[number]
        everywhere, *_ = choose_layouts(network, phase_degrees(network), WIDE)
        program = compile_network(network, replace(WIDE, filter_words=words))
        found = sum(tensor.phases != (1, 1) for tensor in program.tensors)
        assert found < len(everywhere.phases)
        for name, phases in everywhere.phases.items():
            assert program.tensor(name).phases in ((1, 1), phases)
        assert (found > 0) == some
        equal(network, program)


def test_what_does_not_fit_after_all_takes_the_plain_layouts() -> None:
    """How long the streams become is not known before they are made."""
    network = networks()[1]
    words = max(map(len, compile_network(network, WIDE).coefficients)) - 1
    few = replace(WIDE, coefficient_words=1 << words.bit_length() - 1)
    program = compile_network(network, few)
    assert all(tensor.phases == (1, 1) for tensor in program.tensors)
    equal(network, program)


def test_maps_that_are_added_joined_or_pooled_are_not_unrolled() -> None:
    """Nor is a layer whose filters share a basis, or one that waits for its adders."""
    network = networks()[0]
    for kind in ("group", "column"):
        layers = chain((3, 16, 16), ("d", 3, (3, 3), depthwise(1, kind=kind)))
        assert [it.phases for it in choose_layouts(layers, phase_degrees(layers), WIDE)] == [{}]
    shared = chain((4, 16, 16), ("d", 12, (3, 3), {"groups": 4, "kind": "group", "padding": 1}))
    assert [it.phases for it in choose_layouts(shared, phase_degrees(shared), WIDE)] == [{}]
    wide = chain((3, 16, 16), ("d", 64, (3, 3), {"padding": 1}))
    assert [it.phases for it in choose_layouts(wide, phase_degrees(wide), WIDE)] == [{}]
    joined = chain(
        (4, 16, 16),
        ("a", 4, (3, 3), depthwise(4)),
        ("b", 4, (3, 3), depthwise(4)),
        ("both", ("a", "b")),
        ("c", 4, (1, 1)),
    )
    assert [it.phases for it in choose_layouts(joined, phase_degrees(joined), WIDE)] == [{}]
    pooled = chain((4, 16, 16), ("a", 4, (3, 3), depthwise(4, pool=3)))
    assert [it.phases for it in choose_layouts(pooled, phase_degrees(pooled), WIDE)] == [{}]
    assert any(it.phases for it in choose_layouts(network, phase_degrees(network), WIDE))


@pytest.mark.parametrize(
    ("channels", "phases", "spare", "turn"),
    [
        # Some of a channel's phases in a turn; a whole channel and some of the next; whole channels.
        (4, (4, 4), 0, None),
        (4, (3, 2), 2, None),
        (4, (2, 2), 0, None),
        (5, (2, 1), 0, None),
        (6, (3, 1), 0, None),
        (4, (2, 1), 0, 1),
        (7, (3, 1), 0, 2),
    ],
)
def test_a_channel_in_several_turns_is_waited_for(
    channels: int, phases: tuple[int, int], spare: int, turn: int | None
) -> None:
    """Its reader waits for all turns of the layer; of whole channels in a turn (`turn` of them), for that
    turn."""
    network = chain((channels, 16, 16), ("d", channels, (3, 3), depthwise(channels)), ("p", 8, (1, 1)))
    program = forced(network, WIDE, phases, {"d": phases}, spare)
    made, reader = decode(program)
    copies = phases[0] * phases[1] + spare
    turns = made.back["rounds"] * made.back["tiles"] * WIDE.engines
    if turn is None:
        assert made.back["engine_filters"] % copies
        assert (reader.front["ready_first"], reader.front["ready_step"]) == (turns, 0)
    else:
        assert made.back["engine_filters"] == turn * copies
        assert reader.front["ready_first"] == (made.back["tiles"] - 1) * WIDE.engines + 1
        assert reader.front["ready_channels"] == turn
