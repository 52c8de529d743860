"""Seeded random networks whose windows have any legal kernel, stride, padding and dilation."""

from dataclasses import replace
from typing import Any

import numpy as np

from flows.fuzz.weights import KINDS
from golden.compiler import compile_network
from golden.graph.network import Network
from golden.graph.operations.max_pool import MOST
from golden.graph.operations.window import MAX_STRIDE, Window
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import SMALL, TINY, Config
from golden.spec.errors import ErrorCode
from golden.spec.program import Program
from tests.golden.naive import run_naive
from tests.golden.networks import random_images
from tests.golden.small import chain

CONFIGS = [
    replace(TINY, tap_words=8192, feature_words=8192),
    replace(SMALL, tap_words=8192, feature_words=8192),
    replace(TINY, name="wide", lanes=64, basis=4, tap_words=8192, feature_words=8192),
]


def check(network: Network, config: Config, seed: int) -> Program:
    """Two images in a row, every tensor against plain integers and the reference."""
    program = compile_network(network, config)
    images = random_images(np.random.default_rng(seed), network, 2)
    result = run_program(program, images)
    assert result.error == ErrorCode.NONE
    reference = run_network(network, images)
    for number, image in enumerate(images):
        for name, expected in run_naive(network, image).items():
            np.testing.assert_array_equal(reference[name][number], expected, f"seed {seed}, {name}")
            if name in network.joined:
                continue
            np.testing.assert_array_equal(result.tensors[name][number], expected, f"seed {seed}, {name}")
    return program


def random_window(rng: np.random.Generator, height: int, width: int) -> Window:
    """A window that fits the map: even and odd kernels, each stride, each side's padding, dilated."""
    while True:
        kernel, dilation = (tuple(int(v) for v in rng.integers(1, most + 1, 2)) for most in (5, 3))
        # Large strides in a row split maps of this size into single pixels.
        stride = tuple(int(v) for v in rng.choice([1, 1, 1, 2, 3, MAX_STRIDE], 2))
        padding = tuple(int(v) for v in rng.integers(0, 4, 4))
        window = Window(kernel, stride, padding, dilation)  # type: ignore[arg-type]
        if min(window.size(height, width)) >= 1 and max(window.size(height, width)) <= 12:
            return window


def random_windows(rng: np.random.Generator, largest: int = 9) -> Network:
    """Two or three layers of random windows, some in groups, some max pooling; some end in a mean over
    the map, or in one pixel."""
    channels, height, width = (int(v) for v in rng.integers(1, (4, largest + 1, largest + 1)))
    shape, steps = (channels, height, width), []
    for number in range(int(rng.integers(2, 4))):
        window = random_window(rng, *shape[1:])
        options: dict[str, Any] = {
            "stride": window.stride,
            "padding": window.padding,
            "dilation": window.dilation,
            "kind": str(rng.choice(KINDS[:5])),
            "seed": int(rng.integers(1000)),
        }
        filters = int(rng.integers(1, 6))
        what = rng.random()
        if what < 0.25 and window.kernel[0] * window.kernel[1] <= MOST:
            options["kind"], filters = "largest", shape[0]
        elif what < 0.4:
            options["kind"], filters = "average", shape[0]
        elif what < 0.6:
            groups = int(rng.choice([it for it in range(1, shape[0] + 1) if shape[0] % it == 0]))
            options |= {"groups": groups, "kind": str(rng.choice(KINDS[:2]))}
            filters = groups * int(rng.integers(1, 4))
        shape = (filters, *window.size(*shape[1:]))
        steps.append((f"layer{number}", shape[0], window.kernel, options))
    if rng.random() < 0.4:
        steps[-1][3]["pool"] = int(rng.integers(0, 5))
    elif rng.random() < 0.3:
        steps.append(("head", 3, shape[1:], {"seed": 1}))
    return chain((channels, height, width), *steps)
