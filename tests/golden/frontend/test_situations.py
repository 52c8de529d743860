"""Situations in which tools like this one have gone wrong without a word; each is told, or right.

Sources: public threads of hls4ml, FINN, QONNX and LiteRT, by their number.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.modules import Function, conv
from tests.golden.frontend.onnx_models import evaluated, model, node, saved, weights
from tests.golden.frontend.tflite_models import File

RNG = np.random.default_rng(11)
IMAGES = torch.from_numpy(RNG.random((3, 2, 8, 8), np.float32))


def same(module: nn.Module) -> None:
    """The import computes what the module computes."""
    with torch.no_grad():
        expected = module.eval()(IMAGES)
    found = run_float(import_module(module, IMAGES), IMAGES).reshape(expected.shape)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_stride_with_same_is_not_symmetric(tmp_path: Path) -> None:
    """LiteRT#4847, #9256, CMSIS_5#831: padded alike on both sides it is another, plausible network."""
    made = File(IMAGES.numpy().transpose(0, 2, 3, 1).astype(np.float64))
    x = made.conv(made.input, made.held("w", weights(4, 3, 3, 2)), stride=(2, 2), name="strided")
    graph = import_module(read_network(made.saved(tmp_path)), IMAGES)
    assert graph.layers[0].convolution.window.padding == (0, 1, 0, 1)
    expected = torch.from_numpy(made.values[x].transpose(0, 3, 1, 2)).float()
    torch.testing.assert_close(run_float(graph, IMAGES), expected, rtol=1e-4, atol=1e-4)


def test_a_flatten_is_not_left_out(tmp_path: Path) -> None:
    """hls4ml#852: channels last flattened row by row, and a linear layer on what is not flat."""
    nodes = [
        node("Conv", "x w", "y", auto_pad="SAME_UPPER"),
        node("Transpose", "y", "t", perm=[0, 2, 3, 1]),
        node("Flatten", "t", "f"),
        node("Gemm", "f g", "z"),
    ]
    made = model(nodes, {"w": weights(3, 2, 3, 3), "g": weights(192, 4)})
    found = run_float(import_module(read_network(saved(tmp_path, made)), IMAGES), IMAGES).flatten(1)
    torch.testing.assert_close(found, evaluated(made, IMAGES), rtol=1e-4, atol=1e-4)
    with pytest.raises(UnsupportedError, match="1: Linear on a tensor of shape"):
        import_module(nn.Sequential(conv(), nn.Linear(8, 3)), IMAGES)


def crossed(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Height and width change places on one branch alone."""
    return m.c(x) + m.d(x).transpose(2, 3)


def test_axes_that_change_on_one_branch() -> None:
    """hls4ml#1268, qonnx#98: refused where they stay so, right where they come back before the join."""
    with pytest.raises(UnsupportedError, match="node add: a tensor whose axes were permuted"):
        import_module(Function(crossed, c=conv(), d=conv()), IMAGES)
    same(
        Function(
            lambda m, x: m.c(x) + m.d(x).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
            c=conv(),
            d=conv(),
        )
    )


def test_a_branch_that_is_read_twice() -> None:
    """hls4ml#707, #1266: by two layers, by a layer and the addition behind it, and through a flatten."""
    same(Function(lambda m, x: m.d(y := m.c(x).relu()) + m.e(y), c=conv(), d=conv(), e=conv()))
    same(Function(lambda m, x: m.d(y := m.c(x).relu()) + y, c=conv(), d=conv()))


def test_a_reshape_that_reorders_is_not_taken_for_a_flatten() -> None:
    """finn#279: the same number of values, another meaning."""
    net = Function(
        lambda m, x: m.o(m.c(x).permute(2, 0, 1, 3).reshape(x.size(0), -1)), c=conv(), o=nn.Linear(128, 3)
    )
    with pytest.raises(UnsupportedError, match=r"node permute: the permutation \(2, 0, 1, 3\)"):
        import_module(net, IMAGES)
    net = Function(lambda m, x: m.c(m.c(x).permute(0, 2, 3, 1).reshape(x.shape)), c=conv())
    with pytest.raises(UnsupportedError, match="node reshape: a reshape to"):
        import_module(net, IMAGES)


def test_the_second_import_is_the_first() -> None:
    """finn#796: nothing is left over, after an error neither."""
    net = Function(
        lambda m, x: m.c(m.c(x / 2).relu()) * 3, c=nn.utils.parametrizations.weight_norm(conv())
    ).eval()
    with pytest.raises(UnsupportedError):
        import_module(net, IMAGES[:, :1])
    first, second = (run_float(import_module(net, IMAGES), IMAGES) for _ in range(2))
    assert torch.equal(first, second)
