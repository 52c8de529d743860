"""Images side by side: each as alone, in about the cycles of one."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.graph.operations.add import Add
from golden.graph.reference import run_network
from golden.graph.side import put_beside, side_by_side, take_apart, takes_several
from golden.machine.run import run_program
from golden.spec.config import SMALL, TINY
from golden.spec.errors import UnsupportedError
from tests.golden.networks import random_images
from tests.golden.small import chain

ROOMY = replace(TINY, feature_words=2048, tap_words=1024)


def linear() -> Network:
    """Three linear layers, the last of which adds the first one's output."""
    return chain(
        (9, 1, 1),
        ("a", 7, (1, 1), {"kind": "scale"}),
        ("b", 6, (1, 1), {"kind": "group"}),
        ("c", 7, (1, 1), {"kind": "plain", "residual": Add("a", 1, 0, 2)}),
    )


@pytest.mark.parametrize("images", [1, 2, 4, 5, 13])
def test_each_image_is_what_it_is_alone(images: int) -> None:
    """In every tensor, whatever lies beside it; a number that fills no word too."""
    network = linear()
    alone = random_images(np.random.default_rng(images), network, 2 * images - 1)
    expected = run_network(network, alone)
    program = compile_network(side_by_side(network, images), ROOMY)
    runs = put_beside(alone, images)
    assert runs.shape == ((2 if images > 1 else 1), 9, 1, images)
    found = run_program(program, runs)
    for name, values in expected.items():
        np.testing.assert_array_equal(take_apart(found.tensors[name], len(alone)), values, name)
    # What fills the last run are zeros.
    assert images == 1 or not runs[-1, :, 0, -1].any()
    assert takes_several(program) == (images > 1)


def test_as_many_images_as_lanes_take_the_cycles_of_one() -> None:
    one, all_lanes = (
        count_cycles(compile_network(side_by_side(linear(), images), SMALL)).cycles
        for images in (1, SMALL.lanes)
    )
    assert one == all_lanes


@pytest.mark.parametrize(
    ("network", "images", "said"),
    [
        (chain((2, 1, 3), ("a", 3, (1, 1))), 4, "tensor 'image' is 2×1×3; supported: maps of one pixel"),
        (
            chain((2, 1, 1), ("a", 3, (3, 3), {"padding": 1})),
            4,
            "layer a: Convolution where images lie side by side; supported: linear layers",
        ),
        (chain((2, 1, 1), ("a", 3, (1, 1), {"pool": 0})), 4, "layer a: Convolution where images lie"),
        (linear(), 0, "0 images side by side; supported: 1 and more"),
    ],
    ids=["a map", "a kernel", "a mean", "none"],
)
def test_what_looks_beyond_its_pixel_is_refused(network: Network, images: int, said: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(said)):
        side_by_side(network, images)


def test_a_sequence_is_not_taken_for_images() -> None:
    """Its pixels see each other."""
    sequence = chain((2, 1, 8), ("a", 3, (1, 3), {"padding": (0, 0, 1, 1)}))
    assert not takes_several(compile_network(sequence, ROOMY))
