"""Networks that give several tensors, from all front ends to the words that leave the machine."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.compress.defaults import int8_plan
from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.graph.floats import FloatGraph, float_features
from golden.graph.network_file import from_bytes, to_bytes
from golden.machine.run import run_frames, run_program
from golden.machine.tensors import image_words, input_tensor, result_mask, result_tensors, result_words
from golden.spec.config import SMALL
from golden.spec.program import Program
from tests.golden.frontend.modules import Function, conv
from tests.golden.frontend.tflite_models import File

IMAGES = torch.rand(20, 2, 6, 6, generator=torch.Generator().manual_seed(2)) - 0.2

Forward = Callable[[Any, torch.Tensor], Any]

WAYS: dict[str, Forward] = {
    "a tuple": lambda m, x: (lambda y: (m.d(y), m.h(y).mean((2, 3))))(m.c(x).relu()),
    "a list, one of which others read": lambda m, x: (lambda y: [y, m.d(y)])(m.c(x).relu()),
    "a dict": lambda m, x: (lambda y: {"map": m.d(y), "mean": m.h(y).mean((2, 3))})(m.c(x)),
    "one twice": lambda m, x: (lambda y: (y, y))(m.c(x)),
    "a concatenation and its part": lambda m, x: (lambda y, z: (torch.cat((y, z), 1), z))(m.c(x), m.d(x)),
    "the parts of a concatenation": lambda m, x: (
        lambda y, z: (m.e(torch.cat((y, z), 1)), z, y)  # not in the order in which they lie
    )(m.c(x), m.d(x)),
    "a concatenation alone": lambda m, x: torch.cat((m.c(x), m.d(x)), 1),
}


def network(forward: Forward) -> nn.Module:
    """Convolutions c, d, h of two channels, e of four."""
    torch.manual_seed(4)
    return Function(forward, c=conv(), d=conv(), h=conv(), e=conv(4, 3)).eval()


def given(module: nn.Module) -> list[torch.Tensor]:
    """What a module gives, in order."""
    with torch.no_grad():
        found = module(IMAGES)
    values = (
        found.values() if isinstance(found, dict) else [found] if isinstance(found, torch.Tensor) else found
    )
    return list(values)


def equal(graph: FloatGraph, expected: list[torch.Tensor]) -> None:
    """A graph gives these."""
    with torch.no_grad():
        found = float_features(graph, IMAGES)
    assert len(graph.outputs) == len(expected)
    for name, values in zip(graph.outputs, expected, strict=True):
        torch.testing.assert_close(found[name].reshape(values.shape), values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_every_output_leaves_the_machine(way: str, tmp_path: Path) -> None:
    module = network(WAYS[way])
    expected = given(module)
    equal(import_module(module, IMAGES), expected)
    made = compress(module, IMAGES, int8_plan(), config=SMALL)
    file = from_bytes(to_bytes(made.network), "file")
    path = tmp_path / "program.ldp"
    compile_network(file, SMALL).save(path)
    program = Program.load(path)
    assert program.outputs == file.outputs
    images = input_tensor(program, IMAGES.numpy())
    sent = run_frames(program, image_words(program, images))
    tensors = run_program(program, images).tensors
    mask = result_mask(program)
    # Nothing but the outputs is sent, and each byte of them once.
    assert mask.sum() == sum(np.prod(tensors[name].shape[1:]) for name in program.outputs)
    if way != "a concatenation and its part":
        assert mask.any(axis=1).all()
    np.testing.assert_array_equal(sent * mask, result_words(program, tensors))
    for name, values in zip(program.outputs, expected, strict=True):
        found = result_tensors(program, sent)[name]
        np.testing.assert_array_equal(found, tensors[name])
        real = found.reshape(values.shape) * program.tensor(name).scale
        assert np.corrcoef(real.ravel(), values.numpy().ravel())[0, 1] > 0.7, name


@pytest.mark.parametrize("way", WAYS)
def test_the_same_from_files(way: str, tmp_path: Path) -> None:
    module = network(WAYS[way])
    expected = given(module)
    exported = torch.export.export(module, (IMAGES[:2],))
    equal(import_module(exported, IMAGES), expected)  # type: ignore[arg-type]
    if way == "a dict":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the way without onnxscript
        torch.onnx.export(
            module,
            (IMAGES[:1],),
            str(tmp_path / "net.onnx"),
            dynamo=False,
            opset_version=13,
            input_names=["x"],
        )
    equal(import_module(read_network(tmp_path / "net.onnx"), IMAGES), expected)


def test_tflite_gives_maps_and_features(tmp_path: Path) -> None:
    made = File(IMAGES.permute(0, 2, 3, 1).numpy())
    one, other = (
        np.random.default_rng(1).normal(size=size).astype(np.float32) for size in ((3, 3, 3, 2), (2, 1, 1, 3))
    )
    x = made.conv(made.input, made.held("w", one), activation=1)
    y = made.conv(x, made.held("v", other), name="behind")
    path = made.saved(tmp_path, y, x)
    graph = import_module(read_network(path), IMAGES)
    equal(graph, [torch.from_numpy(made.values[it]).permute(0, 3, 1, 2).float() for it in (y, x)])


def test_labels_are_those_of_the_first_output() -> None:
    module = network(lambda m, x: (m.h(m.c(x)).mean((2, 3)), m.d(x)))
    made = compress(module, IMAGES, config=SMALL)
    assert made.comparison.images == len(IMAGES)
    assert made.module(IMAGES).shape == (len(IMAGES), 2)
