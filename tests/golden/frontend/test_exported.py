"""Programs of torch.export: what is imported equals what the network itself gives."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.export import Dim, ExportedProgram, export, save

from golden.compress import compress
from golden.frontend.files import read_network
from golden.frontend.foreign import ForeignFileError
from golden.frontend.importer import import_module
from golden.frontend.networks import module_of
from golden.graph.floats import FloatGraph, run_float
from golden.spec.errors import UnsupportedError
from tests.golden.compressed import residual
from tests.golden.frontend.modules import Function, conv

IMAGES = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def program(module: nn.Module, images: torch.Tensor = IMAGES, fixed: bool = False) -> ExportedProgram:
    """A network as torch.export has it, for one image or for any number."""
    if fixed:
        return export(module, (images[:1],))
    return export(module, (images[:2],), dynamic_shapes=({0: Dim("n")},))


def agrees(graph: FloatGraph, module: nn.Module, images: torch.Tensor = IMAGES) -> list[str]:
    """Compares a graph with a network, and returns the paths of its layers."""
    with torch.no_grad():
        expected = module(images)
    found = run_float(graph, images).reshape(expected.shape)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    return [layer.path for layer in graph.layers]


@pytest.mark.parametrize(("fixed", "decomposed"), [(True, False), (False, True)])
def test_a_residual_network_keeps_the_paths_of_its_layers(fixed: bool, decomposed: bool) -> None:
    module, images = residual(), IMAGES
    made = program(module, images, fixed)
    with warnings.catch_warnings(action="ignore"):  # torch's own way to copy it is deprecated
        made = made.run_decompositions() if decomposed else made
    paths = agrees(import_module(made, images), module, images)  # type: ignore[arg-type]
    assert paths[:2] == ["first", "second"]
    assert paths == [layer.path for layer in import_module(module, images).layers]


def functional(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Functions on parameters, in place and not, and an offset of the images."""
    x = F.conv2d((x - m.mean) / 2, m.w, None, 2)
    x = F.batch_norm(x, m.mean.flatten().abs(), m.mean.flatten().abs() + 1, training=False)
    y = x
    x.relu_()
    return F.linear(torch.flatten(F.dropout(y, training=False), 1).contiguous(), m.last[:, :18])


class Held(Function):
    """A network of parameters."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        super().__init__(forward)
        generator = torch.Generator().manual_seed(3)
        self.w = nn.Parameter(torch.rand(2, 2, 3, 3, generator=generator) - 0.3)
        self.last = nn.Parameter(torch.rand(3, 20, generator=generator) - 0.5)
        self.register_buffer("mean", torch.rand(2, 1, 1, generator=generator))


@pytest.mark.parametrize("fixed", [True, False])
def test_functions_and_changes_in_place(fixed: bool) -> None:
    module = Held(functional).eval()
    assert agrees(import_module(program(module, fixed=fixed), IMAGES), module) == ["conv2d", "linear"]  # type: ignore[arg-type]


def by_size(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Pads as TensorFlow does, by what the map needs, and goes another way for small maps."""
    total = max((-(-x.shape[-1] // 1) - 1) * 1 + 3 - x.shape[-1], 0)
    x = m.c(F.pad(x, [total // 2, total - total // 2, total // 2, total - total // 2]))
    return m.d(x) if x.shape[-1] < 9 else x


def test_a_forward_that_asks_for_sizes_is_imported() -> None:
    module = Function(by_size, c=nn.Conv2d(2, 3, 3), d=nn.Conv2d(3, 2, 1)).eval()
    assert agrees(import_module(module, IMAGES), module) == ["c", "d"]


def test_a_shared_layer_is_two_layers() -> None:
    module = Function(lambda m, x: m.c(m.c(x).relu()), c=conv()).eval()
    assert agrees(import_module(program(module), IMAGES), module) == ["c", "c#2"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x: m.p(m.c(x)), "p: MaxPool2d with stride = "),
        (lambda m, x: torch.erf(m.c(x)), "erf: found erf"),
        (lambda m, x: m.c(x).cumsum(1), "cumsum: found cumsum; supported: Conv2d"),
        (lambda m, x: m.d(m.c(x)), "d: Conv2d with stride = (5, 5); supported: strides up to 4"),
        (lambda m, x: F.conv2d(x, x[:2, :, :3, :3]), "conv2d: conv2d whose weights follow from the images"),
        (lambda m, x: (m.c(x), x), "network: its output is the images; supported: outputs of layers"),
        (lambda m, x: F.conv_transpose2d(m.c(x), m.c.weight), "conv_transpose2d: found conv_transpose2d"),
    ],
)
def test_what_is_not_supported_is_told_by_layer(forward: Callable[..., Any], words: str) -> None:
    module = Function(forward, c=conv(), d=conv(stride=5), p=nn.MaxPool2d(5)).eval()
    with pytest.raises(UnsupportedError) as error:
        import_module(program(module), IMAGES)  # type: ignore[arg-type]
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (IMAGES.double(), "input 'x': torch.float64 of shape (s"),
        (IMAGES[:, None], "input 'x': torch.float32 of shape (s"),
    ],
)
def test_other_inputs_are_refused(images: torch.Tensor, words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        module_of(program(Function(lambda m, x: x * 2), images))
    assert f"ExportedProgram: {words}" in str(error.value)
    legal = "(images, channels, height, width), (images, channels, length) or (images, features)"
    assert f"supported: torch.float32, {legal}" in str(error.value)


def test_files_and_images_of_another_shape(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    made = program(module, torch.rand(2, 6))
    save(made, tmp_path / "net.pt2")
    network = read_network(tmp_path / "net.pt2")
    images = torch.rand(5, 6, 1, 1)
    with torch.no_grad():
        expected = module(images.flatten(1))
    torch.testing.assert_close(run_float(import_module(network, images), images).flatten(1), expected)
    words = r"net.pt2: takes images of shape \(6, 1, 1\) \(channels, height, width\); found \(1, 6, 1\)"
    with pytest.raises(UnsupportedError, match=words):
        import_module(network, images.reshape(5, 1, 6, 1))


@pytest.mark.parametrize("change", [lambda it: it[:2000], lambda it: b"PK" + it[:9], lambda it: it[::-1]])
def test_a_damaged_file(
    change: Callable[[bytes], bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.pt2"
    save(program(nn.Sequential(conv()).eval()), path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ForeignFileError, match=r"net.pt2: damaged, or not what torch.export.save writes"):
        read_network(path)
    assert capfd.readouterr() == ("", "")


def test_compress_takes_a_program() -> None:
    module = nn.Sequential(
        conv(2, 4), nn.ReLU(), conv(4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3)
    ).eval()
    made = compress(program(module), IMAGES)  # type: ignore[arg-type]
    assert [layer.path for layer in made.layers] == ["0", "2", "5"]
    assert made.comparison.images == len(IMAGES)
