"""ONNX files that cannot be taken: one clear error that names file and node, before any work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from golden.frontend.files import LARGEST, read_network
from golden.frontend.foreign import ForeignFileError
from golden.frontend.importer import import_module
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.onnx_models import IMAGES, model, node, saved, weights

W, B = weights(3, 2, 3, 3), weights(3)
CONV = node("Conv", "x w b", "y")


def refusal(path: Path, images: torch.Tensor = IMAGES) -> str:
    """What an import of a file says no with."""
    with pytest.raises(UnsupportedError) as error:
        import_module(read_network(path), images)
    return str(error.value)


def unreadable(path: Path) -> str:
    """What reading a file says no with."""
    with pytest.raises(ForeignFileError) as error:
        read_network(path)
    return str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    assert unreadable(tmp_path / "none.onnx") == f"network {tmp_path}/none.onnx: no such file"
    (tmp_path / "folder.onnx").mkdir()
    assert unreadable(tmp_path / "folder.onnx").endswith("folder.onnx: no such file")
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert unreadable(tmp_path / "empty.onnx").endswith("empty.onnx: empty")
    (tmp_path / "net.h5").write_bytes(b"x")
    assert unreadable(tmp_path / "net.h5").endswith("expected a name that ends in .onnx, .tflite, .pt2")
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(LARGEST + (5 << 20))
    assert unreadable(tmp_path / "huge.onnx").endswith("huge.onnx: 261 MB; supported: up to 256 MB")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"\x00" * 100, "damaged, or not an ONNX file"),
        (b"import torch\n", "damaged, or not an ONNX file"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "an ONNX file without nodes"),
    ],
)
def test_contents_that_are_no_network(contents: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(contents)
    assert unreadable(tmp_path / "net.onnx") == f"network {tmp_path}/net.onnx: {words}"


def test_cut_and_changed_files_are_told_or_harmless(tmp_path: Path) -> None:
    """Cut anywhere, or one byte changed: an error in words, or a network; nothing else."""
    path = saved(tmp_path, model([CONV, node("Relu", "y", "z")], {"w": W, "b": B}, (1, 2, 8, 8)))
    whole, told, rng = path.read_bytes(), 0, np.random.default_rng(2)
    changes = [whole[:place] for place in rng.integers(0, len(whole), 20)]
    places = [*rng.integers(0, len(whole), 20), *range(40), *range(len(whole) - 40, len(whole))]
    changes += [whole[:it] + bytes([whole[it] ^ 0x15]) + whole[it + 1 :] for it in places]
    for change in changes:
        path.write_bytes(change)
        try:
            import_module(read_network(path), IMAGES)
        except (ForeignFileError, UnsupportedError):
            told += 1
    assert told > 30


@pytest.mark.parametrize("opset", [8, 12, 99])
def test_another_opset(opset: int, tmp_path: Path) -> None:
    words = unreadable(saved(tmp_path, model([CONV], {"w": W, "b": B}, opset=opset)))
    assert words.endswith(f"net.onnx: opset {opset}; supported: 13…27")


def test_data_that_is_not_beside_the_file(tmp_path: Path) -> None:
    made = model([CONV], {"w": W, "b": B})
    onnx.save(made, tmp_path / "net.onnx", save_as_external_data=True, location="net.bin", size_threshold=0)
    assert len(import_module(read_network(tmp_path / "net.onnx"), IMAGES).layers) == 1
    (tmp_path / "net.bin").unlink()
    words = unreadable(tmp_path / "net.onnx")
    end = "data of initialiser 'w', 'b' in 'net.bin' cannot be read: no such file"
    assert words == f"network {tmp_path}/net.onnx: {end}"


def test_data_outside_of_the_files_folder_is_not_opened(tmp_path: Path) -> None:
    made = model([CONV], {"w": W, "b": B})
    (tmp_path / "secret").write_bytes(W.tobytes())
    (tmp_path / "in").mkdir()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    words = unreadable(saved(tmp_path / "in", made))
    assert "data of initialiser 'w' in '../secret' cannot be read: " in words


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        (("n", 2, "h", "w"), TensorProto.FLOAT, "input 'x': shape n×2×h×w; supported: fixed sizes, but for"),
        (
            (1, 2, 1, 8, 8),
            TensorProto.FLOAT,
            "input 'x': shape 1×2×1×8×8; supported: images×channels×height×width",
        ),
        ((), TensorProto.FLOAT, "input 'x': shape unknown; supported: "),
        ((1, 2, 8, 8), TensorProto.DOUBLE, "input 'x': double; supported: float32"),
        ((1, 2, 8, 8), TensorProto.FLOAT16, "input 'x': float16; supported: float32"),
        ((1, 2, 8, 8), TensorProto.UINT8, "input 'x': integers that y takes; supported: DequantizeLinear"),
        ((1, 3, 99999, 99999), TensorProto.FLOAT, "input 'x': 29999400003 values; supported: up to 4194304"),
    ],
)
def test_other_inputs(shape: Any, kind: int, words: str, tmp_path: Path) -> None:
    assert words in refusal(saved(tmp_path, model([CONV], {"w": W, "b": B}, shape, kind=kind)))


def test_other_numbers_of_inputs_and_outputs(tmp_path: Path) -> None:
    made = model([CONV], {"w": W, "b": B})
    made.graph.input.append(helper.make_tensor_value_info("w2", TensorProto.FLOAT, (1,)))
    assert refusal(saved(tmp_path, made)).startswith("net.onnx: 2 inputs ('x', 'w2'); supported: one tensor")
    made = model([CONV], {"w": W, "b": B})
    made.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
    assert refusal(saved(tmp_path, made)).startswith("network: its output is the images; supported: outputs")
    made = model([CONV], {"w": W, "b": B})
    del made.graph.output[:]
    assert refusal(saved(tmp_path, made)).startswith("net.onnx: ")
    made = model([CONV], {"w": W, "b": B})
    made.graph.output[0].name = "other"
    assert refusal(saved(tmp_path, made)).startswith(
        "output 'other': is made by no node; supported: tensors that follow from"
    )


def test_images_of_another_shape(tmp_path: Path) -> None:
    path = saved(tmp_path, model([CONV], {"w": W, "b": B}))
    words = refusal(path, torch.rand(2, 2, 9, 8))
    assert words == "net.onnx: takes images of shape (2, 8, 8) (channels, height, width); found (2, 9, 8)"


NAN = W.copy()
NAN[2, 1, 0, 0] = NAN[0, 0, 0, 1] = np.nan
INF = B.copy()
INF[1] = -np.inf


@pytest.mark.parametrize(
    ("nodes", "held", "words"),
    [
        (
            [CONV],
            {"w": NAN, "b": B},
            "y: Conv's 'w': nan at [0, 0, 0, 1] (2 of 54 values); supported: finite",
        ),
        ([CONV], {"w": W, "b": INF}, "y: Conv's 'b': -inf at [1] (1 of 3 values); supported: finite values"),
        ([CONV], {"w": W.astype(np.float16), "b": B}, "y: Conv's 'w': float16; supported: float32"),
        ([CONV], {"w": W.astype(np.float64), "b": B}, "y: Conv's 'w': float64; supported: float32"),
        ([CONV], {"b": B}, "y: Conv reads 'w', which the file does not hold and no node gives; supported: "),
        ([CONV], {"w": W[:, :1], "b": B}, "y: does not take (3, 2, 8, 8): "),
        (
            [CONV, node("LRN", "y", "z", size=3)],
            {"w": W, "b": B},
            "z: found LRN; supported: Conv2d and Conv1d, Linear",
        ),
        (
            [CONV, node("Mine", "y", "z", domain="my.own")],
            {"w": W, "b": B},
            "z: found Mine of domain 'my.own'; supported: Conv2d and Conv1d, Linear",
        ),
        (
            [node("Conv", "x w b", "y", mine=1)],
            {"w": W, "b": B},
            "y: Conv with attribute mine; supported: Conv wi",
        ),
        (
            [node("Conv", "x w b", "y", kernel_shape=[5, 5])],
            {"w": W, "b": B},
            "y: Conv with kernel_shape = [5, 5]",
        ),
        ([node("Conv", "x x", "y")], {}, "y: Conv whose input 1 follows from the images; supported: weights"),
        (
            [node("Conv", "x", "y")],
            {},
            "y: Conv whose input 1 is missing; supported: weights that the file holds",
        ),
        (
            [node("Gemm", "x g", "y", transA=1)],
            {"g": weights(4, 4)},
            "y: Gemm with transA = 1; supported: transA",
        ),
        ([node("Flatten", "x", "y", axis=2)], {}, "y: Flatten with axis = 2; supported: axis = 1"),
        ([node("Reshape", "x s", "y")], {"s": np.array([2, -1])}, "y: Reshape from (3, 2, 8, 8) to (2, 192)"),
        (
            [node("Transpose", "x", "y", perm=[0, 5, 1, 2])],
            {},
            "y: does not take (3, 2, 8, 8): Dimension out",
        ),
        (
            [node("Squeeze", "x", "y", axes=[1])],
            {},
            "y: Squeeze with attribute axes; supported: Squeeze without",
        ),
        (
            [node("ReduceMean", "x", "y", axes=[7])],
            {},
            "y: does not take (3, 2, 8, 8): Dimension out of range",
        ),
        (
            [node("MaxPool", "x", "y", strides=[2, 2])],
            {},
            "y: MaxPool: object of type 'NoneType' has no len()",
        ),
        (
            [node("DequantizeLinear", "q s", "w", axis=1), node("Conv", "x w", "y")],
            {"q": np.ones((3, 2, 1, 1), np.int8), "s": np.ones(3, np.float32)},
            "w: DequantizeLinear: 3 scales on axis 1 of shape (3, 2, 1, 1); supported: a scale for each",
        ),
        (
            [node("Cast", "x", "y", to=TensorProto.FLOAT16)],
            {},
            "y: Cast of what follows from the images; supported: float32 throughout",
        ),
    ],
)
def test_bad_nodes_are_told_by_name(nodes: Any, held: Any, words: str, tmp_path: Path) -> None:
    assert words in refusal(saved(tmp_path, model(nodes, held)))


def test_an_initialiser_of_another_length(tmp_path: Path) -> None:
    made = model([CONV], {"w": W, "b": B})
    made.graph.initializer[0].raw_data = W.tobytes()[:-4]
    assert refusal(saved(tmp_path, made)).startswith("initialiser 'w': damaged: ")


def test_all_bad_nodes_are_told_at_once(tmp_path: Path) -> None:
    """Also behind one that nobody knows, and one whose result nobody knows."""
    nodes = [
        node("Conv", "x w b", "a", group=1, strides=[1, 5]),
        node("LRN", "a", "n", size=3),
        node("Conv", "n bad b", "c"),
        node("Mine", "n", "own", domain="my.own"),
        node("Erf", "n", "s"),
        node("Conv", "s missing", "d"),
        node("Add", "own d", "e"),
    ]
    made = model(nodes, {"w": W, "b": B, "bad": NAN})
    lines = refusal(saved(tmp_path, made)).splitlines()
    assert lines[0] == "6 problems:"
    assert sorted(line.split(":")[0].strip() for line in lines[1:]) == ["a", "c", "d", "n", "own", "s"]


def test_functions_of_the_file_are_put_in_place(tmp_path: Path) -> None:
    made = model([node("Block", "x w b", "z", domain="local")], {"w": W, "b": B}, domain="local")
    body = [helper.make_node("Conv", ["i", "k", "o"], ["c"]), helper.make_node("Relu", ["c"], ["r"])]
    opsets = [helper.make_opsetid("", 13)]
    made.functions.append(helper.make_function("local", "Block", ["i", "k", "o"], ["r"], body, opsets))
    assert len(import_module(read_network(saved(tmp_path, made)), IMAGES).layers) == 1


def test_weights_given_as_constants_with_names(tmp_path: Path) -> None:
    value: Callable[..., Any] = numpy_helper.from_array
    nodes = [node("Constant", "", "w", value=value(NAN)), node("Constant", "", "b", value=value(B)), CONV]
    assert refusal(saved(tmp_path, model(nodes, {}))).startswith("y: Conv's 'w': nan at [0, 0, 0, 1]")
