"""Sequences, as networks of keywords and sensors have them, from torch, torch.export and ONNX."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.frontend.modules import results
from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph, float_features
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.config import SMALL
from golden.spec.errors import UnsupportedError
from golden.workloads import Dataset
from golden.workloads.loop import shifted
from golden.workloads.zoo import ZOO
from sim.checks.fidelity import fidelity
from tests.golden.compress.agreement import same
from tests.golden.frontend.modules import Function
from tests.golden.frontend.onnx_models import imported, model, node, saved, weights
from tests.golden.statistics_of_norms import trained_statistics

CONFIG = replace(SMALL, tap_words=8192, feature_words=8192, coefficient_words=1 << 14)
SEQUENCES = torch.randn(8, 5, 31, generator=torch.Generator().manual_seed(1))


def demand_same(graph: FloatGraph, module: nn.Module, images: torch.Tensor, maps: torch.Tensor) -> None:
    """The graph on maps gives what the module gives on images."""
    with torch.no_grad():
        found, wanted = float_features(graph, maps), results(module(images))
    assert len(graph.outputs) == len(wanted)
    for name, expected in zip(graph.outputs, wanted, strict=True):
        torch.testing.assert_close(found[name].reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)


class Moments(nn.Module):
    """Every layer of sequences that there is, strided, dilated, padded on one side, of groups; Linear at each
    moment."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.b = nn.Conv1d(5, 8, 4, 2, padding=2, dilation=2), nn.BatchNorm1d(8)
        self.p, self.l = nn.MaxPool1d(3, 2, 1), nn.Linear(8, 12)
        self.d = nn.Conv1d(12, 12, 3, groups=12, padding="same")
        self.q, self.u = nn.AvgPool1d(2, 2, 1), nn.Upsample(scale_factor=2)
        self.z, self.e = nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(24, 4, 3)
        self.o, self.k = nn.Dropout1d(), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.p(F.relu(self.b(self.c(x))))
        y = F.relu(self.l(y.transpose(1, 2))).transpose(1, 2)
        y = self.q(torch.cat((y, self.d(y)), -2))
        y = self.e(self.z(self.u(self.o(y))))
        found: torch.Tensor = self.k(F.adaptive_avg_pool1d(y, 1).squeeze(-1))
        return found


class Column(nn.Module):
    """Maps that collapse to one row or one column and go on as sequences; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.d = nn.Conv2d(1, 8, (10, 3), padding=(0, 1)), nn.Conv1d(8, 6, 3, padding=1)
        self.g, self.h = nn.Conv2d(1, 4, (3, 7)), nn.Conv1d(4, 6, 2, stride=2)
        self.b, self.k = nn.BatchNorm1d(6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        row = F.relu(self.d(self.c(x).squeeze(2)))
        column = self.h(F.pad(F.max_pool1d(self.g(x).squeeze(-1), 2, 1), (1, 2)))
        column = self.b(column) * torch.linspace(0.5, 2, 6)[:, None]
        return self.k(row.mean(2)), column.unsqueeze(3)


def through(module: nn.Module, images: torch.Tensor) -> None:
    """Compressed, compiled, run: the same bits everywhere, near the floats layer by layer."""
    module = trained_statistics(module)
    made = compress(module, images, tolerance=1)
    maps = images.reshape(len(images), *made.network.features["input"].shape)
    demand_same(made.module.graph, module, images, maps)
    same(made.module, made.network, maps)
    near = fidelity(compile_network(made.network, CONFIG), maps.numpy())
    assert near.mismatches == 0
    assert near.compared > 0


def test_every_layer_of_sequences() -> None:
    torch.manual_seed(0)
    through(Moments(), SEQUENCES)


def test_maps_of_one_row_or_one_column_are_sequences() -> None:
    torch.manual_seed(1)
    through(Column(), torch.randn(8, 1, 10, 7))


def test_the_keyword_network_of_the_zoo() -> None:
    torch.manual_seed(2)
    module = trained_statistics(ZOO["conv1d"].make())
    images = torch.rand(8, *ZOO["conv1d"].image)
    made = compress(module, images, tolerance=1, config=CONFIG)
    program = compile_network(made.network, CONFIG)
    tensor = program.tensor(program.input)
    assert tensor.shape == (40, 1, 64)
    found = run_program(program, quantise(images.numpy().reshape(-1, *tensor.shape), tensor.scale))
    with torch.no_grad():
        exact = made.module.double()(images.double())
    scale = program.tensor(program.output).scale
    np.testing.assert_array_equal(found.tensors[program.output].reshape(8, 12) * scale, exact.numpy())


def test_labelled_sequences_train() -> None:
    torch.manual_seed(3)
    module = trained_statistics(Moments())
    data = Dataset("random", SEQUENCES, torch.arange(8) % 3)
    made = compress(module, SEQUENCES, train_data=data, epochs=1, tolerance=1)
    assert made.comparison.accuracy == pytest.approx(made.accuracy(data))


def test_sequences_are_shifted_along_their_length() -> None:
    images = torch.arange(1.0, 9).reshape(1, 1, 8).expand(64, 1, 8)
    moved = shifted(images, 1, torch.Generator().manual_seed(0))
    assert {tuple(it.int().tolist()) for it in moved[:, 0]} == {
        (1, 2, 3, 4, 5, 6, 7, 8),
        (0, 1, 2, 3, 4, 5, 6, 7),
        (2, 3, 4, 5, 6, 7, 8, 0),
    }


def test_a_program_of_torch_export(tmp_path: Path) -> None:
    torch.manual_seed(4)
    module = trained_statistics(Moments())
    with warnings.catch_warnings(action="ignore"):
        program = torch.export.export(module, (SEQUENCES[:2],))
        torch.export.save(program, tmp_path / "net.pt2")
    read = read_network(tmp_path / "net.pt2")
    for images in (SEQUENCES, SEQUENCES[:, :, None]):
        demand_same(import_module(read, images), module, SEQUENCES, SEQUENCES[:, :, None])


def test_an_onnx_file_of_sequences(tmp_path: Path) -> None:
    held = {"w": weights(6, 5, 4), "v": weights(3, 6)}
    nodes = [
        node("Conv", "x w", "c", strides=[2], pads=[1, 2], dilations=[2]),
        node("MaxPool", "c", "m", kernel_shape=[3], strides=[2], pads=[1, 1]),
        node("AveragePool", "m", "b", kernel_shape=[2]),
        node("AveragePool", "b", "a", kernel_shape=[3], pads=[0, 1], strides=[2]),
        node("Transpose", "a", "t", perm=[0, 2, 1]),
        node("MatMul", "t vt", "l"),
        node("Transpose", "l", "s", perm=[0, 2, 1]),
        node("GlobalAveragePool", "s", "g"),
    ]
    held["vt"] = np.ascontiguousarray(held.pop("v").T)
    made = model(nodes, held, ("n", 5, 31))
    assert imported(saved(tmp_path, made), made, SEQUENCES[:, :, None]) == ["c", "m", "b", "a", "l"]


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (
            lambda m, x: m.l(m.c(x)),
            "l: Linear on a tensor of shape (8, 1, 15); supported: Linear after Flatten, or",
        ),
        (lambda m, x: m.c(x).reshape(-1, 4, 2, 15), "a reshape from (8, 15) to (4, 2, 15)"),
        (lambda m, x: torch.cat((m.c(x), m.c(x)), 2), "a concatenation along axis 3 of (2, 8, 1, 15)"),
        (lambda m, x: m.w(x), "Conv1d of 4 channels on a sequence of shape (5, 31)"),
    ],
    ids=["linear along time", "reshape", "along the length", "channels"],
)
def test_what_sequences_cannot(forward: Callable[[Any, Any], Any], words: str) -> None:
    parts = {"c": nn.Conv1d(5, 8, 3, 2), "l": nn.Linear(15, 4), "w": nn.Conv1d(4, 2, 3)}
    with pytest.raises(UnsupportedError) as caught:
        import_module(Function(forward, **parts), SEQUENCES)
    assert words in str(caught.value)


FEATURES = torch.randn(16, 12, generator=torch.Generator().manual_seed(6))


@pytest.mark.parametrize("normalised", [False, True])
def test_features_are_channels_of_one_pixel(normalised: bool) -> None:
    """A network of (N, F), as a dense one has them."""
    torch.manual_seed(7)
    layers = [nn.Linear(12, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 4)]
    module = nn.Sequential(*layers).eval()
    taken = Function(lambda m, x: m.n((x - 0.5) / 2), n=module).eval() if normalised else module
    graph = import_module(taken, FEATURES)
    assert graph.shapes["input"] == (12, 1, 1)
    demand_same(graph, taken, FEATURES, as_maps(FEATURES))
    near = fidelity(compile_network(compress(taken, FEATURES).network, CONFIG), as_maps(FEATURES).numpy())
    assert (near.mismatches, near.compared > 0) == (0, True)
