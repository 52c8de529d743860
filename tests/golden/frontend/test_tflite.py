"""TFLite files: what is read equals what NumPy makes of the same layers with channels last."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.frontend.files import read_network
from golden.frontend.foreign import foreign
from golden.frontend.importer import import_module
from golden.frontend.padding import same_padding
from golden.graph.floats import run_float
from tests.golden.frontend.tflite_models import File, Floats, windows
from tests.golden.frontend.tflite_networks import IMAGES, RELU, RELU6, RNG, first, residual, weights


def agrees(made: File, path: Path, expected: Floats) -> list[str]:
    """Imports a file, compares it with NumPy's values, and returns the paths of its layers."""
    images = first(made.values[made.input])
    graph = import_module(read_network(path), images)
    found, wanted = run_float(graph, images), first(expected)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    return [layer.path for layer in graph.layers]


@pytest.mark.parametrize("count", [1, -1])
def test_a_residual_network(count: int, tmp_path: Path) -> None:
    made = residual(count)
    path = made.saved(tmp_path)
    assert agrees(made, path, made.values[-2]) == ["conv_2d_0", "two", "three", "four"]
    known = foreign(read_network(path))
    assert known is not None
    assert known.notes == ("five: SOFTMAX at the end is left to the host",)


def dynamic(made: File, x: int) -> int:
    """Flattens as Keras does for any number of images: by the shape's first number."""
    shape = made.node("SHAPE", [x], np.zeros(4), type="int32")
    sliced = made.node(
        "STRIDED_SLICE",
        [shape, *(made.held(name, np.array([it], np.int32)) for name, it in (("b", 0), ("e", 1), ("s", 1)))],
        np.zeros(1),
        "StridedSlice",
        type="int32",
        ShrinkAxisMask=1,
    )
    size = made.held("size", np.array(made.values[x][0].size, np.int32))
    wanted = made.node("PACK", [sliced, size], np.zeros(2), "Pack", type="int32", ValuesCount=2)
    return made.node("RESHAPE", [x, wanted], made.values[x].reshape(len(made.values[x]), -1))


@pytest.mark.parametrize("flatten", [File.flat, dynamic, lambda made, x: x])
def test_weights_behind_a_flatten_are_put_in_order(flatten: Callable[..., int], tmp_path: Path) -> None:
    """Its values come row by row with channels last, here channel by channel."""
    made = File(IMAGES)
    x = made.conv(made.input, made.held("w", weights(3, 3, 3, 2)), activation=RELU)
    x = made.dense(flatten(made, x), made.held("d", weights(4, 8 * 7 * 3)), name="dense", activation=RELU)
    x = made.dense(x, made.held("d2", weights(2, 4)), name="last")
    assert agrees(made, made.saved(tmp_path), made.values[x]) == ["conv_2d_0", "dense", "last"]


def test_features_and_halves(tmp_path: Path) -> None:
    """An autoencoder's first layer, its weights kept in half precision and widened by the file."""
    made = File(RNG.random((3, 6)))
    half = made.held("h", weights(4, 6).astype(np.float16))
    wide = made.node("DEQUANTIZE", [half], made.values[half])
    x = made.dense(made.input, wide, activation=RELU, name="dense")
    assert agrees(made, made.saved(tmp_path), made.values[x]) == ["dense"]


def test_images_are_normalised_by_the_file(tmp_path: Path) -> None:
    made = File(IMAGES * 255)
    mean, factor = (made.held(name, weights(2)) for name in ("mean", "factor"))
    x = made.node("SUB", [made.input, mean], made.values[made.input] - made.values[mean], "Sub")
    x = made.node("MUL", [x, factor], made.values[x] * made.values[factor], "Mul")
    x = made.conv(x, made.held("w", weights(3, 3, 3, 2)), same=False, name="conv")
    assert agrees(made, made.saved(tmp_path), made.values[x]) == ["conv"]


def quantised() -> File:
    """int8 throughout: a scale for each filter, biases in int32, zero points in the activations."""
    made = File(IMAGES, scale=1 / 255, zero=-128, kind="int8")
    scales = np.array([0.01, 0.02, 0.004], np.float32)
    w = made.int8("w", RNG.integers(-127, 128, (3, 3, 3, 2)).astype(np.int8), scales)
    b = made.int8("b", RNG.integers(-9000, 9000, 3).astype(np.int32), scales / 255)
    small: dict[str, Any] = {"type": "int8", "scales": [0.05], "zeros": [-128]}
    x = made.conv(made.input, w, b, activation=RELU, name="conv", **small)
    d = made.int8("d", RNG.integers(-127, 128, (4, 3)).astype(np.int8), [0.03])
    x = made.dense(made.mean(x), d, name="dense", **small)
    made.node("SOFTMAX", [x], made.values[x], type="int8", scales=[1 / 256], zeros=[-128])
    made.node("DEQUANTIZE", [len(made.tensors) - 1], made.values[x])
    return made


def test_int8_weights_are_the_floats_that_they_stand_for(tmp_path: Path) -> None:
    made = quantised()
    path = made.saved(tmp_path)
    assert agrees(made, path, made.values[-1]) == ["conv", "dense"]
    graph = import_module(read_network(path), first(IMAGES))
    expected = made.values[1].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(graph.layers[0].convolution.weight.numpy(), expected, rtol=1e-7)
    known = foreign(read_network(path))
    assert known is not None
    assert known.notes[1].startswith(
        "the file rounds 3 tensors that follow from the images; they are floats here"
    )


def test_a_depthwise_layer_has_a_scale_for_each_filter(tmp_path: Path) -> None:
    """Along the last axis of its weights there."""
    made = File(IMAGES)
    scales = np.array([0.01, 0.002], np.float32)
    w = made.int8("w", RNG.integers(-127, 128, (1, 3, 3, 2)).astype(np.int8), scales, axis=3)
    x = made.conv(made.input, w, depthwise=True)
    with torch.no_grad():
        found = read_network(made.saved(tmp_path))(first(IMAGES))
    torch.testing.assert_close(found, first(made.values[x]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "window", "stride", "sides"),
    [
        (32, 3, 2, (0, 1)),
        (49, 10, 2, (4, 5)),
        (10, 4, 2, (1, 1)),
        (8, 3, 1, (1, 1)),
        (8, 2, 1, (0, 1)),
        (5, 1, 3, (0, 0)),
    ],
)
def test_same_is_tensorflows(size: int, window: int, stride: int, sides: tuple[int, int]) -> None:
    """The odd row and column at the bottom and the right: MLPerf Tiny's ResNet-8 and DS-CNN."""
    assert same_padding(size, window, stride) == sides


def depthwise(made: File, x: int) -> int:
    """Two filters a channel, stride 2."""
    w = made.held("k", weights(1, 3, 3, 6))
    return made.conv(x, w, made.held("c", weights(6)), depthwise=True, stride=(2, 2), activation=RELU6)


def pooled(kind: str, same: bool, window: int, stride: int | None = None) -> Callable[[File, int], int]:
    """A pooling; TensorFlow's average leaves the zeros out."""
    stride = stride or (1 if same else 2)

    def add(made: File, x: int) -> int:
        values = made.values[x]
        sizes, strides = (window, window), (stride, stride)
        filler = -np.inf if kind == "MAX_POOL_2D" else np.nan
        under = np.stack([it for row in windows(values, sizes, strides, same, (1, 1), filler) for it in row])
        found = under.max(0) if kind == "MAX_POOL_2D" else np.nanmean(under, 0)
        options = {"FilterHeight": window, "FilterWidth": window, "StrideH": stride, "StrideW": stride}
        return made.node(kind, [x], found, "Pool2D", Padding=int(not same), **options)

    return add


def padded(made: File, x: int) -> int:
    """Zeros on one side only, then a convolution without."""
    pads = made.held("pads", np.array([[0, 0], [0, 1], [0, 1], [0, 0]], np.int32))
    x = made.node("PAD", [x, pads], np.pad(made.values[x], [(0, 0), (0, 1), (0, 1), (0, 0)]))
    return made.conv(x, made.held("k", weights(2, 3, 3, 3)), same=False, name="uneven")


def joined(made: File, x: int) -> int:
    """Channels of two branches."""
    y = made.conv(made.input, made.held("v", weights(2, 3, 3, 2)), activation=1, name="beside")
    values = np.concatenate([made.values[x], made.values[y]], 3)
    x = made.node("CONCATENATION", [x, y], values, "Concatenation", Axis=-1)
    return made.conv(x, made.held("k", weights(2, 1, 1, 5)), name="behind")


def squashed(made: File, x: int) -> int:
    """1 / (1 + exp(−x))."""
    return made.node("LOGISTIC", [x], 1 / (1 + np.exp(-made.values[x])))


def gated(made: File, x: int) -> int:
    """Squeeze and excitation with channels last: a mean, two convolutions, a sigmoid, a product."""
    narrow = made.conv(made.mean(x, keep=True), made.held("n", weights(2, 1, 1, 3)), activation=1, name="n")
    wide = made.conv(narrow, made.held("v", weights(3, 1, 1, 2)), name="v")
    gate = made.node("LOGISTIC", [wide], 1 / (1 + np.exp(-made.values[wide])))
    return made.node("MUL", [x, gate], made.values[x] * made.values[gate], "Mul")


def enlarged(made: File, x: int) -> int:
    """Twice the height, three times the width."""
    sizes = made.held("sizes", np.array([16, 21], np.int32))
    values = made.values[x].repeat(2, axis=1).repeat(3, axis=2)
    return made.node("RESIZE_NEAREST_NEIGHBOR", [x, sizes], values, "ResizeNearestNeighbor")


def swished(made: File, x: int) -> int:
    """x · relu6(x + 3) / 6."""
    values = made.values[x]
    return made.node("HARD_SWISH", [x], values * np.clip(values + 3, 0, 6) / 6)


@pytest.mark.parametrize(
    "add",
    [
        depthwise,
        pooled("MAX_POOL_2D", False, 2),
        pooled("MAX_POOL_2D", True, 3),
        pooled("AVERAGE_POOL_2D", False, 2),
        pooled("AVERAGE_POOL_2D", True, 3),
        pooled("AVERAGE_POOL_2D", True, 2, 2),
        pooled("MAX_POOL_2D", True, 4, 3),
        padded,
        joined,
        squashed,
        swished,
        gated,
        enlarged,
    ],
)
def test_windows_of_all_kinds(add: Callable[[File, int], int], tmp_path: Path) -> None:
    made = File(IMAGES)
    x = add(made, made.conv(made.input, made.held("w", weights(3, 3, 3, 2)), activation=0))
    graph = import_module(read_network(made.saved(tmp_path)), first(IMAGES))
    found = run_float(graph, first(IMAGES))
    torch.testing.assert_close(found, first(made.values[x]), rtol=1e-4, atol=1e-4)


def test_features_at_the_input(tmp_path: Path) -> None:
    """A dense network; images are (N, F), or channels of one pixel."""
    made = File(RNG.random((3, 10)))
    x = made.dense(made.input, made.held("w", weights(6, 10)), activation=1)
    x = made.dense(x, made.held("v", weights(4, 6)))
    network, images = read_network(made.saved(tmp_path)), torch.from_numpy(made.values[0]).float()
    for given in (images, images[:, :, None, None]):
        found = run_float(import_module(network, given), images[:, :, None, None]).flatten(1)
        torch.testing.assert_close(found, torch.from_numpy(made.values[x]).float(), rtol=1e-4, atol=1e-4)
