"""Any kernel, stride, padding and dilation: the machine against plain integers, one sum after another."""

import numpy as np
import pytest
import torch
from torch import nn

from golden.graph.operations.convolution import convolve, window_of
from golden.spec.config import Config
from tests.golden.small import chain
from tests.golden.windows import CONFIGS, check, random_window, random_windows


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_windows(config: Config) -> None:
    apart = pooled = 0
    for seed in range(30):
        network = random_windows(np.random.default_rng(seed))
        program = check(network, config, seed)
        apart += any(it.pitch > it.plane_shape[1] for it in program.tensors)
        pooled += not network.layers[-1].per_pixel
    # Otherwise the test says less than it seems.
    assert apart > 8
    assert pooled > 8


@pytest.mark.parametrize("seed", range(20))
def test_sums_equal_those_of_torch(seed: int) -> None:
    """The reference against torch, which pads on each side by itself; integers, so exactly."""
    rng = np.random.default_rng(seed)
    height, width = (int(v) for v in rng.integers(1, 12, 2))
    window = random_window(rng, height, width)
    images = rng.integers(-128, 128, (2, 3, height, width)).astype(np.int8)
    weights = rng.integers(-128, 128, (4, 3, *window.kernel))
    top, bottom, left, right = window.padding
    padded = nn.functional.pad(torch.from_numpy(images.astype(np.float64)), (left, right, top, bottom))
    expected = nn.functional.conv2d(
        padded,
        torch.from_numpy(weights.astype(np.float64)),
        stride=window.stride,
        dilation=window.dilation,
    )
    assert window.size(height, width) == tuple(expected.shape[2:])
    np.testing.assert_array_equal(convolve(images, weights, window), expected.numpy())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("padding", ["same", "valid", 0, 2, (1, 0)])
@pytest.mark.parametrize("kernel", [1, 2, (3, 4)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_module_has_the_window_that_torch_gives_it(padding: object, kernel: object, dilation: int) -> None:
    module = nn.Conv2d(2, 3, kernel, padding=padding, dilation=dilation)  # type: ignore[arg-type]
    images = torch.rand(1, 2, 9, 8)
    with torch.no_grad():
        got = window_of(module).convolve(images, module.weight, module.bias)
        assert torch.equal(got, module(images))


def test_tensorflow_pads_the_odd_row_and_column_behind() -> None:
    """3×3 at stride 2: TensorFlow's SAME is (0, 1, 0, 1), not one pixel on all sides."""
    options = {"stride": 2, "padding": (0, 1, 0, 1)}
    check(chain((3, 8, 6), ("a", 5, (3, 3), options), ("b", 4, (3, 3), options)), CONFIGS[0], 1)


def test_a_map_that_shrinks_keeps_the_pitch_of_its_input() -> None:
    """LeNet's convolutions: no padding at all."""
    steps = [
        ("a", 6, (5, 5)),
        ("b", 4, (5, 5), {"stride": 2}),
        ("c", 5, (2, 2)),
        ("d", 3, (1, 1), {"pool": 2}),
    ]
    program = check(chain((1, 13, 12), *steps), CONFIGS[1], 2)
    assert {tensor.pitch for tensor in program.tensors[:4]} == {6}


def test_a_map_that_grows_widens_its_input() -> None:
    program = check(chain((2, 3, 3), ("a", 2, (2, 2), {"padding": (2, 1, 3, 2)})), CONFIGS[0], 3)
    assert [tensor.pitch for tensor in program.tensors] == [7, 7]


def test_rows_of_whole_words_need_no_common_pitch() -> None:
    program = check(chain((1, 4, 6), ("a", 2, (3, 3), {"padding": (1, 1, 0, 0)})), CONFIGS[0], 4)
    assert [tensor.pitch for tensor in program.tensors] == [6, 4]


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (1, 9), (9, 1), (6, 40)])
def test_a_mean_over_a_map_with_gaps_sees_its_pixels_only(shape: tuple[int, int]) -> None:
    """The map is narrower than its input, or its phases are ragged, or its rows are longer than a word."""
    for options in ({"padding": (0, 0, 0, 0)}, {"padding": (1, 0, 2, 1)}, {"stride": (1, 2)}):
        network = chain((2, *shape), ("a", 3, (1, 1)), ("p", 3, (1, 1), {"pool": 3} | options))
        check(network, CONFIGS[0], 5)
    ragged = chain(
        (2, 5, 7),
        ("a", 2, (3, 3), {"padding": 1}),
        ("b", 2, (3, 3), {"padding": 1, "stride": 2}),
        ("p", 3, (3, 3), {"padding": 1, "pool": 3, "source": "a"}),
    )
    check(ragged, CONFIGS[0], 6)


def test_rows_that_are_no_whole_words_any_more() -> None:
    """A map of whole words whose reader wants longer rows, which then its own input must have too."""
    steps = [("a", 2, (3, 3), {"padding": (1, 1, 0, 0)}), ("b", 2, (1, 2), {"padding": (0, 0, 2, 0)})]
    program = check(chain((1, 4, 6), *steps, ("c", 1, (2, 2))), CONFIGS[0], 5)
    assert [tensor.pitch for tensor in program.tensors] == [6, 6, 6, 4]
