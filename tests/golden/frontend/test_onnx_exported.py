"""ONNX files that torch exports."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.workloads.networks import DigitsNet
from tests.golden.frontend.modules import Function, conv
from tests.golden.frontend.onnx_models import (
    IMAGES,
    imported,
)
from tests.golden.statistics_of_norms import trained_statistics


def exported(module: nn.Module, path: Path, images: torch.Tensor, **options: Any) -> onnx.ModelProto:
    """Torch's own export of a network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the way without onnxscript
        torch.onnx.export(module, (images,), str(path), dynamo=False, input_names=["x"], **options)
    return onnx.load(str(path))


@pytest.mark.parametrize(
    "options",
    [
        {"opset_version": 13},
        {"opset_version": 18, "dynamic_axes": {"x": {0: "n"}}},
        {"opset_version": 16, "do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE},
    ],
)
def test_a_residual_network_that_torch_exports(options: Any, tmp_path: Path) -> None:
    module = trained_statistics(DigitsNet())
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(4))
    made = exported(module, tmp_path / "net.onnx", images[:1], **options)
    paths = imported(tmp_path / "net.onnx", made, images)
    assert paths[:2] == ["/conv/Conv", "/block1/conv1/Conv"]
    assert len(paths) == 7
    graph = import_module(read_network(tmp_path / "net.onnx"), images)
    with torch.no_grad():
        torch.testing.assert_close(run_float(graph, images).flatten(1), module(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.l(m.c(x).relu().mean((2, 3))),
        lambda m, x: m.f(m.c(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1)),
        lambda m, x: m.f(m.c(x).view(x.size(0), x.size(1) * 64)),
        lambda m, x: m.f(m.d(m.c(x)).add(x).relu().flatten(1)),
        lambda m, x: m.l(nn.functional.adaptive_avg_pool2d(m.c((x - 0.5) / 0.25), 1).squeeze(-1).squeeze(-1)),
    ],
)
@pytest.mark.parametrize("fixed", [True, False])
def test_functions_that_torch_exports(forward: Callable[..., Any], fixed: bool, tmp_path: Path) -> None:
    torch.manual_seed(2)
    module = Function(forward, c=conv(), d=conv(), l=nn.Linear(2, 3), f=nn.Linear(128, 3)).eval()
    axes = {} if fixed else {"dynamic_axes": {"x": {0: "n"}}}
    made = exported(module, tmp_path / "net.onnx", IMAGES[:1], opset_version=13, **axes)
    assert imported(tmp_path / "net.onnx", made)
