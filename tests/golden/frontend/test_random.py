"""Random networks: imported as they are, or refused in words; the same from a file that torch exports."""

import warnings
from pathlib import Path
from typing import Any

import torch

from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.graph.floats import FloatGraph, run_float
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.random_networks import IMAGES, RandomNet

NETWORKS = 120


def equal(graph: FloatGraph, expected: torch.Tensor) -> None:
    """The graph gives what the network gives."""
    found = run_float(graph, IMAGES).reshape(expected.shape)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_random_networks(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    taken = 0
    for seed in range(NETWORKS):
        module = RandomNet(seed).eval()
        with torch.no_grad():
            expected = module(IMAGES)
        words = ""
        try:
            graph = import_module(module, IMAGES)
        except UnsupportedError as error:
            words = str(error)
        # Other values are an importer that made another network of it.
        assert "other values" not in words, seed
        if words:
            continue
        equal(graph, expected)
        taken += 1
        axes: Any = {"dynamic_axes": {"x": {0: "n"}}} if seed % 2 else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the way without onnxscript
            torch.onnx.export(
                module, (IMAGES[:1],), str(path), dynamo=False, opset_version=13, input_names=["x"], **axes
            )
        equal(import_module(read_network(path), IMAGES), expected)
    assert taken >= 8
