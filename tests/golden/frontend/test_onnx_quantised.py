"""ONNX files with quantised weights: they become the floats that they stand for."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn

from golden.compress import compress
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.frontend.files import read_network
from golden.frontend.foreign import foreign
from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.graph.operations.relu import FloatRelu
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from tests.golden.frontend.onnx_models import (
    HELD,
    IMAGES,
    evaluated,
    model,
    node,
    saved,
    weights,
)


def quantised(opset: int, **scales: Any) -> tuple[onnx.ModelProto, torch.Tensor]:
    """A network with QDQ nodes and no ReLU but that of its ranges, and the weights of its first layer."""
    codes = np.random.default_rng(3).integers(-127, 128, (4, 2, 3, 3)).astype(np.int8)
    steps = np.array([0.01, 0.02, 0.004, 0.03], np.float32)
    last = np.random.default_rng(4).integers(-127, 128, (5, 4)).astype(np.int8)
    held = {
        "w": codes,
        "ws": steps,
        "wz": np.zeros(4, np.int8),
        "l": last,
        "ls": np.float32(0.01),
        "lz": np.int8(0),
        "xs": np.float32(1 / 255),
        "xz": np.uint8(0),
        "ys": np.float32(scales.get("step", 1 / 64)),
        "yz": np.uint8(scales.get("zero", 0)),
    }
    nodes = [
        node("QuantizeLinear", "x xs xz", "xq"),
        node("DequantizeLinear", "xq xs xz", "xd"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0),
        node("Conv", "xd wd", "y", pads=[1, 1, 1, 1]),
        node("QuantizeLinear", "y ys yz", "yq"),
        node("DequantizeLinear", "yq ys yz", "yd"),
        node("GlobalAveragePool", "yd", "p"),
        node("Flatten", "p", "f"),
        node("DequantizeLinear", "l ls lz", "ld"),
        node("Gemm", "f ld", "z", transB=1),
    ]
    weight = torch.from_numpy(codes.astype(np.float32) * steps[:, None, None, None])
    return model(nodes, held, opset=opset), weight


@pytest.mark.parametrize("opset", [13, 19, 21])
@pytest.mark.parametrize(("zero", "step", "relu"), [(0, 1 / 32, True), (128, 1 / 8, False)])
def test_quantised_weights_are_floats_and_a_range_from_zero_is_a_relu(
    zero: int, step: float, relu: bool, opset: int, tmp_path: Path
) -> None:
    made, weight = quantised(opset, zero=zero, step=step)
    network = read_network(saved(tmp_path, made))
    graph = import_module(network, IMAGES)
    assert torch.equal(graph.layers[0].convolution.weight, weight)
    assert (graph.layers[0].find(FloatRelu) is not None) == relu
    # The evaluator knows these operators from opset 19 on; they have not changed in what is used here.
    rounded = evaluated(quantised(19, zero=zero, step=step)[0], IMAGES)
    found = run_float(graph, IMAGES).flatten(1)
    # The file rounds to 8 bits, what is read does not: a hundredth of the signal.
    assert float((found - rounded).norm() / rounded.norm()) < 0.02
    known = foreign(network)
    assert known is not None
    kept = "" if relu else "1 keep their steps, which are powers of two, as far as sums allow; "
    assert known.notes == (
        f"the file rounds 4 tensors that follow from the images; they are floats here: {kept}compression "
        f"chooses {'their grids' if relu else 'the grids of others'} anew on sample images",
    )


def test_steps_that_are_powers_of_two_are_kept(tmp_path: Path) -> None:
    """A range of int8 with steps of 1/8, whatever steps the values themselves would get."""
    made, weight = quantised(19, zero=128, step=1 / 8)
    held = {it.name: numpy_helper.to_array(it) for it in made.graph.initializer}
    nodes = [*made.graph.node[:6], node("Conv", "yd k", "z")]
    network = read_network(saved(tmp_path, model(nodes, held | {"k": weights(3, 4, 1, 1)}, opset=19)))
    assert import_module(network, IMAGES).grids == {"y": -3}
    found = compress(network, IMAGES, CompressionPlan({}, LayerPlan("plain"))).network
    assert found.features["y"].scale == 1 / 8
    images = quantise(IMAGES.numpy(), found.features["input"].scale)
    values = run_network(found, images)["y"]
    real = torch.from_numpy(images.astype(np.float32)) * found.features["input"].scale
    expected = nn.functional.conv2d(real, weight, padding=1) * 8
    # Weights of 8 bits and one rounding: at most one step beside the sum.
    assert float((torch.from_numpy(values) - expected.clamp(-128, 127)).abs().max()) <= 1


def test_integers_at_the_input_stand_for_the_images(tmp_path: Path) -> None:
    held = {"w": HELD["w"], "s": np.float32(1 / 255), "z": np.uint8(0)}
    nodes = [node("DequantizeLinear", "x s z", "d"), node("Conv", "d w", "y")]
    made = model(nodes, held, kind=TensorProto.UINT8)
    found = run_float(import_module(read_network(saved(tmp_path, made)), IMAGES), IMAGES)
    plain = model([node("Conv", "x w", "y")], {"w": HELD["w"]})
    torch.testing.assert_close(found, evaluated(plain, IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("domain", ["qonnx.custom_op.general", "onnx.brevitas"])
def test_networks_of_brevitas(domain: str, tmp_path: Path) -> None:
    """4-bit weights with a scale for each filter, and 4-bit activations whose range says ReLU."""
    step = np.array([0.1, 0.05, 0.2], np.float32).reshape(3, 1, 1, 1)
    held = {
        "w": HELD["w"],
        "s": step,
        "zero": np.float32(0),
        "four": np.float32(4),
        "a": np.float32(0.125),
        "k": np.linspace(-0.5, 0.7, 6, dtype=np.float32).reshape(2, 3, 1, 1),
        "t": np.float32(0.25),
    }
    quant = {"domain": domain, "narrow": 1, "rounding_mode": "ROUND"}
    nodes = [
        node("Quant", "w s zero four", "wq", signed=1, **quant),
        node("Conv", "x wq", "y"),
        node("Quant", "y a zero four", "yq", domain=domain, signed=0, narrow=0, rounding_mode="ROUND"),
        node("BipolarQuant", "k t", "kq", domain=domain),
        node("Conv", "yq kq", "z"),
    ]
    graph = import_module(read_network(saved(tmp_path, model(nodes, held, domain=domain))), IMAGES)
    codes = np.clip(np.rint(HELD["w"] / step), -7, 7)
    np.testing.assert_array_equal(
        graph.layers[0].convolution.weight.numpy(), (codes * step).astype(np.float32)
    )
    assert graph.layers[0].find(FloatRelu) is not None
    assert graph.grids == {"y": -3}
    assert set(graph.layers[1].convolution.weight.unique().tolist()) == {-0.25, 0.25}
