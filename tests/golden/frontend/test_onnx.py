"""ONNX files: what is read equals what onnx's own evaluator gives."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from golden.frontend.files import read_network
from golden.frontend.foreign import foreign
from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.onnx_models import (
    FLAT,
    HELD,
    IMAGES,
    evaluated,
    imported,
    model,
    node,
    saved,
    weights,
)

NETWORKS: dict[str, tuple[list[onnx.NodeProto], int]] = {
    "same": ([node("Conv", "x w b", "y", auto_pad="SAME_UPPER")], 13),
    "same, lower": ([node("Conv", "x w b", "y", auto_pad="SAME_LOWER", kernel_shape=[3, 3])], 13),
    "valid": ([node("Conv", "x w", "y", auto_pad="VALID", strides=[2, 2])], 13),
    "padded alike": ([node("Conv", "x w b", "y", pads=[1, 1, 1, 1], strides=[2, 2], group=1)], 22),
    "pad": ([node("Pad", "x sides", "p"), node("Conv", "p w b", "y"), node("Relu", "y", "z")], 13),
    "gemm": ([FLAT, node("Gemm", "f g c", "y")], 13),
    "gemm, transposed": ([FLAT, node("Gemm", "f h c", "y", transB=1, alpha=0.5, beta=3.0)], 13),
    "gemm, one offset": ([FLAT, node("Gemm", "f h one", "y", transB=1)], 13),
    "matmul": ([FLAT, node("MatMul", "f g", "m"), node("Add", "c m", "y"), node("Relu", "y", "z")], 13),
    "batch norm": (
        [
            node("Conv", "x w", "y"),
            node("BatchNormalization", "y b b mean variance", "n", epsilon=1e-3, momentum=0.5),
            node("Relu", "n", "z"),
        ],
        15,
    ),
    "batch norm, before opset 14": (
        [node("BatchNormalization", "x gamma beta from by", "n", momentum=0.5), node("Conv", "n w b", "y")],
        13,
    ),
    "pooled": (
        [node("Conv", "x w b", "y"), node("GlobalAveragePool", "y", "p"), node("Flatten", "p", "z")],
        13,
    ),
    "mean": ([node("Conv", "x w b", "y"), node("ReduceMean", "y", "z", axes=[2, 3], keepdims=0)], 13),
    "mean, axes as input": ([node("Conv", "x w b", "y"), node("ReduceMean", "y axes", "z", keepdims=0)], 18),
    "squeezed": (
        [
            node("Conv", "x w b", "y"),
            node("GlobalAveragePool", "y", "p"),
            node("Squeeze", "p axes", "s"),
        ],
        13,
    ),
    "nothing": (
        [
            node("Identity", "x", "i"),
            node("Dropout", "i", "o"),
            node("Constant", "", "v", value=onnx.numpy_helper.from_array(HELD["w"])),
            node("Conv", "o v", "y"),
            node("Cast", "y", "z", to=TensorProto.FLOAT),
        ],
        13,
    ),
    "channels last": (
        [
            node("Conv", "x w b", "y", auto_pad="SAME_UPPER"),
            node("Transpose", "y", "t", perm=[0, 2, 3, 1]),
            node("Relu", "t", "r"),
            node("Flatten", "r", "f"),
            node("Gemm", "f long", "z"),
        ],
        13,
    ),
    "sizes": (
        [
            node("Conv", "x k", "y", auto_pad="SAME_UPPER"),
            node("Shape", "y", "s"),
            node("Gather", "s first", "n", axis=0),
            node("Unsqueeze", "n first", "u"),
            node("Concat", "u minus", "wanted", axis=0),
            node("Reshape", "y wanted", "f"),
            node("Gemm", "f g c", "z"),
        ],
        13,
    ),
    "normalised": (
        [
            node("Div", "x one", "i"),
            node("Sub", "i image_mean", "s"),
            node("Mul", "s image_std", "n"),
            node("Conv", "n w b", "y"),
        ],
        14,
    ),
    "residual": (
        [
            node("Conv", "x k", "y", auto_pad="SAME_UPPER"),
            node("Conv", "y k", "z", auto_pad="SAME_UPPER"),
            node("Add", "z y", "a"),
            node("Relu", "a", "r"),
        ],
        13,
    ),
    "clipped below": ([node("Conv", "x w b", "y"), node("Clip", "y zero", "z")], 13),
}
HELD |= {"gamma": weights(2), "beta": weights(2), "from": weights(2), "by": weights(2) + 0.5}
HELD |= {"long": weights(192, 4), "zero": np.zeros((), np.float32)}
HELD |= {"depthwise": weights(3, 1, 3, 3), "d": weights(2, 3, 2, 2), "six": np.full((), 6, np.float32)}
NETWORKS |= {
    name: ([node("Conv", "x w b", "y"), last], 14)
    for name, last in {
        "max pool": node("MaxPool", "y", "z", kernel_shape=[2, 2], strides=[2, 2]),
        "max pool, padded": node("MaxPool", "y", "z", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        "average pool": node("AveragePool", "y", "z", kernel_shape=[2, 2]),
        "average pool, counted": node(
            "AveragePool", "y", "z", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
        ),
        "average pool, not counted": node(
            "AveragePool", "y", "z", kernel_shape=[3, 3], pads=[0, 2, 1, 1], strides=[1, 2]
        ),
        "average pool, as TensorFlow pads": node(
            "AveragePool", "y", "z", kernel_shape=[3, 2], auto_pad="SAME_UPPER", strides=[2, 2]
        ),
        "average pool to the end": node(
            "AveragePool", "y", "z", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1
        ),
        "max pool to the end": node("MaxPool", "y", "z", kernel_shape=[3, 2], strides=[2, 3], ceil_mode=1),
        "relu6": node("Clip", "y zero six", "z"),
        "depthwise": node("Conv", "y depthwise", "z", group=3),
        "dilated": node("Conv", "y d", "z", dilations=[2, 1]),
        "two strides": node("Conv", "y d", "z", strides=[1, 2]),
        "four sides": node("Conv", "y d", "z", pads=[0, 2, 1, 0], strides=[2, 2]),
        "as TensorFlow pads": node("Conv", "y d", "z", auto_pad="SAME_UPPER", strides=[2, 2]),
        "as TensorFlow pads, lower": node("Conv", "y d", "z", auto_pad="SAME_LOWER", strides=[3, 3]),
    }.items()
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("count", ["n", 1])
def test_nodes_give_what_onnx_says(name: str, count: str | int, tmp_path: Path) -> None:
    nodes, opset = NETWORKS[name]
    used = {it for part in nodes for it in part.input}
    held = {key: value for key, value in HELD.items() if key in used}
    made = model(nodes, held, (count, 2, 8, 8), opset)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(made))
    assert imported(saved(tmp_path, made), made)


@pytest.mark.parametrize("stride", [1, 2])
def test_maximums_with_padding_on_four_sides(stride: int, tmp_path: Path) -> None:
    """Against torch, as onnx's own evaluator has them wrong."""
    last = node("MaxPool", "y", "z", kernel_shape=[3, 3], pads=[0, 2, 1, 1], strides=[stride] * 2)
    graph = import_module(
        read_network(saved(tmp_path, model([node("Conv", "x w b", "y"), last], HELD))), IMAGES
    )
    sums = nn.functional.conv2d(IMAGES, torch.from_numpy(HELD["w"]), torch.from_numpy(HELD["b"]))
    expected = nn.functional.max_pool2d(nn.functional.pad(sums, (2, 1, 0, 1), value=-torch.inf), 3, stride)
    torch.testing.assert_close(run_float(graph, IMAGES), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("condition", [True, False])
def test_the_branch_of_a_known_condition_is_taken(condition: bool, tmp_path: Path) -> None:
    """As torch exports a squeeze of what may have one element."""
    branches = {}
    for name, weight in (("then_branch", "w"), ("else_branch", "w2")):
        output = helper.make_empty_tensor_value_info(f"{name}_y")
        branches[name] = helper.make_graph([node("Conv", f"x {weight}", f"{name}_y")], name, [], [output])
    held = {"if": np.array(condition), "w": HELD["w"], "w2": weights(3, 2, 3, 3)}
    made = model([node("If", "if", "i", **branches), node("Relu", "i", "z")], held)
    assert imported(saved(tmp_path, made), made) == [f"{'then' if condition else 'else'}_branch_y"]


def test_a_weight_that_two_nodes_take_makes_two_layers(tmp_path: Path) -> None:
    nodes, opset = NETWORKS["residual"]
    made = model(nodes, {"k": HELD["k"]}, opset=opset)
    assert imported(saved(tmp_path, made), made) == ["y", "z"]


def test_features_are_images_of_one_pixel(tmp_path: Path) -> None:
    made = model([node("Gemm", "x g c", "y"), node("Relu", "y", "z")], HELD, ("n", 128))
    images = IMAGES.reshape(3, 128, 1, 1)
    assert imported(saved(tmp_path, made), made, images) == ["y"]


def test_nodes_without_names_are_told_by_what_they_give(tmp_path: Path) -> None:
    made = model([node("Conv", "x w b", "y"), node("GlobalMaxPool", "y", "z")], HELD)
    for it in made.graph.node:
        it.name = ""
    with pytest.raises(UnsupportedError, match="GlobalMaxPool of 'z': found GlobalMaxPool; supported: "):
        import_module(read_network(saved(tmp_path, made)), IMAGES)


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "ArgMax"])
def test_what_the_host_does_at_the_end_is_left_out_and_told(kind: str, tmp_path: Path) -> None:
    nodes = [FLAT, node("Gemm", "f g c", "y")]
    made = model([*nodes, node(kind, "y", "classes")], HELD)
    network = read_network(saved(tmp_path, made))
    known = foreign(network)
    assert known is not None
    assert known.notes == (f"classes: {kind} at the end is left to the host",)
    found = run_float(import_module(network, IMAGES), IMAGES).flatten(1)
    torch.testing.assert_close(found, evaluated(model(nodes, HELD), IMAGES), rtol=1e-4, atol=1e-4)


def test_channels_of_two_branches(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    held = HELD | {"w2": rng.normal(size=(2, 2 * len(HELD["w"]), 1, 1)).astype(np.float32)}
    nodes = [node("Conv", "x w b", "y"), node("Conv", "x w", "v"), node("Relu", "v", "r")]
    nodes += [node("Concat", "r y", "z", axis=1)]
    made = model([*nodes, node("Conv", "z w2", "last")], held)
    graph = import_module(read_network(saved(tmp_path, made)), IMAGES)
    assert [len(parts) for parts in graph.joined.values()] == [2]
    torch.testing.assert_close(run_float(graph, IMAGES), evaluated(made, IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        node("Sigmoid", "y", "z"),
        node("HardSwish", "y", "z"),
        node("HardSigmoid", "y", "z", alpha=1 / 6),
        node("LeakyRelu", "y", "z", alpha=0.125),
        node("Resize", "y - scales", "z", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    ],
    ids=lambda last: last.op_type,
)
def test_functions_of_one_value_and_larger_maps(last: onnx.NodeProto, tmp_path: Path) -> None:
    made = model([node("Conv", "x w b", "y"), last], HELD, opset=14)
    graph = import_module(read_network(saved(tmp_path, made)), IMAGES)
    assert len(graph.layers) == (2 if last.op_type == "Resize" else 1)
    torch.testing.assert_close(run_float(graph, IMAGES), evaluated(made, IMAGES), rtol=1e-4, atol=1e-4)


def test_a_gate(tmp_path: Path) -> None:
    """Squeeze and excitation, with linear layers whose result gets two axes."""
    nodes = [
        node("Conv", "x w b", "y"),
        node("ReduceMean", "y", "m", axes=[2, 3], keepdims=0),
        node("Gemm", "m s", "f"),
        node("Sigmoid", "f", "g"),
        node("Unsqueeze", "g ones", "u"),
        node("Mul", "u y", "z"),
    ]
    made = model(nodes, HELD | {"s": weights(3, 3), "ones": np.array([2, 3], np.int64)})
    graph = import_module(read_network(saved(tmp_path, made)), IMAGES)
    assert [layer.gates for layer in graph.layers] == [(), (), (), ("f",)]
    torch.testing.assert_close(run_float(graph, IMAGES), evaluated(made, IMAGES), rtol=1e-4, atol=1e-4)


OTHERS: dict[str, tuple[onnx.NodeProto, str]] = {
    "GlobalMaxPool": (node("GlobalMaxPool", "y", "z"), "found GlobalMaxPool"),
    "Clip": (node("Clip", "y zero five", "z"), "found Clip"),
}
HELD |= {
    "five": np.full((), 5, np.float32),
    "scales": np.array([1, 1, 2, 2], np.float32),
}


@pytest.mark.parametrize("name", OTHERS)
def test_operators_without_hardware_are_read_right_and_told_by_their_node(name: str, tmp_path: Path) -> None:
    """So that an operation that comes needs nothing here."""
    last, words = OTHERS[name]
    made = model([node("Conv", "x w b", "y"), last], HELD, opset=14)
    network = read_network(saved(tmp_path, made))
    with torch.no_grad():
        torch.testing.assert_close(network(IMAGES), evaluated(made, IMAGES), rtol=1e-4, atol=1e-4)
    with pytest.raises(UnsupportedError) as error:
        import_module(network, IMAGES)
    assert str(error.value).startswith(f"z: {words}")
    assert "supported: " in str(error.value)


def test_the_first_image_finds_a_node_that_was_read_wrongly(tmp_path: Path) -> None:
    nodes, opset = NETWORKS["residual"]
    network: Any = read_network(saved(tmp_path, model(nodes, {"k": HELD["k"]}, opset=opset)))
    import_module(network, IMAGES)
    network = read_network(tmp_path / "net.onnx")
    with torch.no_grad():
        network.z.weight[0] = network.z.weight[0].flip(-1)
    with pytest.raises(UnsupportedError, match="z: on the first image the file gives other values"):
        import_module(network, IMAGES)
