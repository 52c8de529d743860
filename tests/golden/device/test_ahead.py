"""The way forward in steps: all is done once, and nobody reads what does not stand."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from golden.cycles.norm import norm_cycles
from golden.device import plan_step
from golden.device.ahead import PIECES, Step, forward_order, forward_steps
from golden.device.maps import plan_maps
from golden.learning import Layer, Network, fresh_state, residual_network
from golden.learning.scheme import Scheme, everything, head_only, last_blocks
from golden.spec.config import SMALL_LEARNING, Config
from golden.spec.tensor import Tensor
from tests.sim.learning.devices import ARRAY, CONFIG, NETWORK, SHORTCUT

DIGITS = residual_network((1, 8, 8), (24, 1), ((24, 1), (48, 2)))
ODD = Network((1, 7, 7), (Layer("a", 0, 24), Layer("b", 1, 72), Layer("c", 2, 8)))
"""49 pixels an image: only 16 images are whole words. Three rounds."""
ROW = Network((1, 8, 8), tuple(Layer(f"l{at}", at, 20) for at in range(3)), 2, array=ARRAY)
"""Two rounds of 10 filters."""
LARGE = replace(CONFIG, feature_words=1 << 15, instructions=128)
CASES = {
    "digits": (DIGITS, 32, SMALL_LEARNING, 160),
    "eight": (DIGITS, 8, SMALL_LEARNING, 160),
    "one": (DIGITS, 1, SMALL_LEARNING, 160),
    "odd": (ODD, 32, SMALL_LEARNING, 160),
    "sixteen": (ODD, 16, SMALL_LEARNING, 160),
    "row": (ROW, 8, LARGE, 100),
    "shortcut": (SHORTCUT, 8, LARGE, 400),
    "network": (NETWORK, 4, LARGE, 20),
}
"""Network, images, configuration, pairs of a round."""


def steps_of(name: str, given: bool = False, pieces: int = PIECES) -> tuple[Step, ...]:
    network, images, config, pairs = CASES[name]
    filters = config.engines * config.accumulators
    rounds = [[pairs] * -(-layer.filters // filters) for layer in network.layers]
    return forward_steps(network, rounds, images, config, given, pieces)


def size(network: Network, layer: int, images: int, config: Config) -> tuple[int, int]:
    """Phase planes of a layer's map, words of each."""
    planes = network.degrees[layer + 1] ** 2
    _, height, width = network.shape(layer + 1)
    return planes, images * height * width // config.lanes // planes


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("pieces", [1, 2, PIECES])
def test_all_is_done_once(name: str, given: bool, pieces: int) -> None:
    network, images, config, _ = CASES[name]
    found: Counter[tuple[str, int, int, int]] = Counter()
    for step in steps_of(name, given, pieces):
        if array := step.array:
            found.update(product(["array"], [array.layer], array.rounds, array.tiles))
        if norm := step.norm:
            found.update(product(["norm"], [norm.layer], norm.channels, norm.words))
    right: Counter[tuple[str, int, int, int]] = Counter()
    for layer, it in enumerate(network.layers):
        planes, words = size(network, layer, images, config)
        rounds = -(-it.filters // (config.engines * config.accumulators))
        right.update(product(["array"], [layer], range(rounds), range(planes * words)))
        right.update(product(["norm"], [layer], range(it.filters), range(words)))
    assert found == right


def places(tensor: Tensor, channels: range, planes: int, words: set[int]) -> Iterator[tuple[int, str]]:
    """Address and meaning of the words of some channels, those of `words` in each of some planes."""
    for channel, plane, word in product(channels, range(planes), sorted(words)):
        place = channel * tensor.stride + plane * (tensor.stride // planes) + word
        yield tensor.address + place, f"{tensor.name}: {place}"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scheme", [everything, head_only, lambda network: last_blocks(network, 1)])
def test_nobody_reads_what_does_not_stand(name: str, scheme: Callable[[Network], Scheme]) -> None:
    """Whichever of two that run beside each other is ahead; words of a plane are those of the same images."""
    network, images, config, _ = CASES[name]
    steps = steps_of(name)
    maps = plan_maps(network, scheme(network), images, replace(config, feature_words=1 << 16), steps)
    image = maps.values[0]
    stands = dict(places(image, range(image.shape[0]), 1, set(range(image.stride))))
    statistics: set[tuple[int, int]] = set()
    for step in steps:
        reads: list[tuple[int, str]] = []
        writes: list[tuple[int, str]] = []
        if norm := step.norm:
            planes, _ = size(network, norm.layer, images, config)
            words, add = set(norm.words), network.layers[norm.layer].add
            reads += places(maps.sums[norm.layer], norm.channels, planes, words)
            if add is not None:
                reads += places(maps.values[add], norm.channels, planes, words)
            writes += places(maps.values[norm.layer + 1], norm.channels, planes, words)
            assert statistics >= set(product([norm.layer], norm.channels))
        if array := step.array:
            source, filters = network.layers[array.layer].source, network.layers[array.layer].filters
            _, plane = size(network, array.layer, images, config)
            below = network.degrees[source] ** 2
            channels = range(network.shape(source)[0])
            reads += places(maps.values[source], channels, below, {tile % plane for tile in array.tiles})
            round_ = network.array.round_filters(filters)
            mine = range(filters)[array.rounds.start * round_ : array.rounds.stop * round_]
            writes += places(maps.sums[array.layer], mine, 1, set(array.tiles))
        assert len(dict(writes)) == len(writes)
        for _ in range(2):
            wrong = [meaning for address, meaning in reads if stands.get(address) != meaning]
            assert not wrong
            stands |= dict(writes)
        if array and array.tiles.stop == maps.sums[array.layer].stride:
            statistics |= set(product([array.layer], mine))


@pytest.mark.parametrize("name", ["digits", "row", "odd"])
def test_pieces_hold_whole_images(name: str) -> None:
    """All pixels of an image lie in the words of one piece, so no kernel reaches into another."""
    network, _, config, _ = CASES[name]
    _, height, width = network.shape(len(network.layers))
    cut = [step.norm for step in steps_of(name) if step.norm and step.norm.words.start]
    assert cut
    for it in cut:
        assert it.words.start * config.lanes % (height * width) == 0


def test_what_cannot_be_cut_stays_whole() -> None:
    for name in ("one", "sixteen"):
        for step in steps_of(name):
            assert not (step.norm and step.norm.words.start)
            assert not (step.array and step.array.tiles.start)
    for step in steps_of("digits", pieces=1):
        assert step.norm is None or step.norm.words.start == step.norm.channels.start == 0
        assert step.array is None or step.array.tiles.start == step.array.rounds.start == 0
    # Little is gained where layers are small.
    assert steps_of("network") == steps_of("network", pieces=1)


def test_a_norm_begins_beside_the_last_round_where_nothing_else_hides_it() -> None:
    """The last layer's of the digits: its second half alone stands behind all passes."""
    *_, before, last = steps_of("digits")
    assert before.norm
    assert before.array
    assert last.norm
    assert (before.norm.channels, before.array.rounds) == (range(24), range(1, 2))
    assert (last.norm.channels, last.array) == (range(24, 48), None)


def test_pieces_save_what_they_promise() -> None:
    """Of the first norm of the digits less than half stands alone: its first piece, and what others wait."""
    first = steps_of("digits")[1]
    assert first.norm
    assert first.array is None
    words = len(first.norm.words)
    assert 2 * norm_cycles(SMALL_LEARNING, 24, 4 * words, False) < norm_cycles(SMALL_LEARNING, 24, 128, False)


def test_whose_map_is_read_next_comes_first() -> None:
    assert forward_order(DIGITS) == (0, 1, 2, 4, 3, 5)
    assert forward_order(SHORTCUT) == (0, 2, 1, 3)
    assert forward_order(NETWORK) == (0, 1, 2)
    # The second adds what the first makes; it reads it; a third reads what the first makes.
    for layers in (
        (Layer("a", 0, 2, relu=False), Layer("b", 0, 2, add=1), Layer("c", 2, 2)),
        (Layer("a", 0, 2), Layer("b", 1, 2), Layer("c", 2, 2)),
        (Layer("a", 0, 2), Layer("b", 0, 2, relu=False), Layer("c", 1, 2, add=2)),
    ):
        assert forward_order(Network((1, 4, 4), layers, 2, array=ARRAY)) == (0, 1, 2)


@pytest.mark.parametrize(
    ("sizes", "scheme", "network"),
    [
        (
            {"feature_words": 2048},
            head_only,
            replace(ROW, layers=tuple(Layer(f"l{at}", at, 6) for at in range(3))),
        ),
        ({"instructions": 16}, everything, replace(ROW, layers=ROW.layers[:2])),
    ],
)
def test_a_device_with_little_room_has_whole_ones(
    sizes: dict[str, Any], scheme: Callable[[Network], Scheme], network: Network
) -> None:
    """What runs beside another one takes places or commands of its own."""
    state = fresh_state(network, 1, 0.8)
    config = replace(LARGE, coefficient_words=4096, tap_words=8192, controller_words=4096, filter_words=64)
    cut = plan_step(network, state, 8, config, scheme(network))
    whole = plan_step(network, state, 8, replace(config, **sizes), scheme(network))
    assert any(step.norm and step.norm.words.start for step in cut.steps)
    assert not any(step.norm and step.norm.words.start for step in whole.steps)
