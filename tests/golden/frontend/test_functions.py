"""Networks as people write them: weights in functions, calculated or shared, axes in another order."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.modules import Function, conv
from tests.golden.statistics_of_norms import trained_statistics

IMAGES = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(1)) + 0.1


class Weights(Function):
    """A network of bare parameters and a forward function of (self, x)."""

    def __init__(self, forward: Callable[..., Any], **shapes: tuple[int, ...]) -> None:
        super().__init__(forward)
        generator = torch.Generator().manual_seed(3)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.rand(shape, generator=generator) - 0.4))


class Standardised(nn.Conv2d):
    """A layer whose weight is calculated before it is used."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As torch.nn.Conv2d, with filters of mean 0 and deviation 1."""
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        deviation = self.weight.std((1, 2, 3), keepdim=True) + 1e-5
        return F.conv2d(x, (self.weight - mean) / deviation, self.bias, self.stride, self.padding)


class Doubled(nn.Module):
    """A parametrisation of one's own."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Twice the weight."""
        return 2 * weight


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """A network in eval mode, with statistics of norms that are not those of the beginning."""
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls weight_norm's old way deprecated
        return trained_statistics(make()).eval()


def spoken(make: Callable[[], nn.Module]) -> list[str]:
    """Imports a network, compares it with the module itself, and returns the paths of its layers."""
    module = seeded(make)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        expected = module(IMAGES)
    graph = import_module(module, IMAGES)
    found = run_float(graph, IMAGES)
    torch.testing.assert_close(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    return [layer.path for layer in graph.layers]


def normed(m: Any, x: torch.Tensor) -> torch.Tensor:
    """A functional convolution, batch norm and linear layer."""
    x = F.conv2d(x, m.w, m.b, stride=1, padding=1)
    x = F.batch_norm(x, m.mean, m.var.abs(), m.gamma, m.beta, False, 0.1, 1e-3)
    return F.linear(torch.relu_(x).mean(dim=(2, 3)), m.last)


NORMED = {
    "w": (3, 2, 3, 3),
    "b": (3,),
    "mean": (3,),
    "var": (3,),
    "gamma": (3,),
    "beta": (3,),
    "last": (2, 3),
}


@pytest.mark.parametrize(
    ("make", "paths"),
    [
        (lambda: Weights(normed, **NORMED), ["w", "last"]),
        (lambda: nn.Sequential(Standardised(2, 3, 3, padding=1), nn.ReLU(), conv(3, 2)), ["0", "2"]),
        (
            lambda: Weights(
                lambda m, x: torch.matmul(x.reshape(x.size(0), -1), m.w) + m.b, w=(128, 3), b=(3,)
            ),
            ["w"],
        ),
        (lambda: Weights(lambda m, x: x.flatten(1) @ (m.w * 2).t(), w=(3, 128)), ["matmul"]),
        (lambda: Function(lambda m, x: m.c(m.c(x).relu()), c=conv()), ["c", "c#2"]),
        (lambda: Function(lambda m, x: m.n(m.c(m.n(m.c(x)))), c=conv(), n=nn.BatchNorm2d(2)), ["c", "c#2"]),
        (lambda: Function(lambda m, x: m.c(input=x), c=conv()), ["c"]),
        (
            lambda: Function(lambda m, x: m.c(m.c(x).relu()), c=parametrizations.weight_norm(conv())),
            ["c", "c#2"],
        ),
        (lambda: Function(lambda m, x: m.d(m.c(x).relu()), **twice(conv())), ["c", "c#2"]),
        (
            lambda: Weights(lambda m, x: F.conv2d(F.conv2d(x, m.w).relu(), m.w, padding=2), w=(2, 2, 3, 3)),
            ["w", "w#2"],
        ),
        (lambda: nn.Sequential(parametrizations.weight_norm(conv()), nn.ReLU()), ["0"]),
        (lambda: nn.Sequential(nn.utils.weight_norm(conv()), nn.ReLU()), ["0"]),
        (lambda: nn.Sequential(parametrizations.spectral_norm(conv()), nn.ReLU()), ["0"]),
        (lambda: nn.Sequential(nn.utils.spectral_norm(conv()), nn.ReLU()), ["0"]),
        (lambda: nn.Sequential(prune.l1_unstructured(conv(), "weight", 0.5), nn.ReLU()), ["0"]),
        (lambda: nn.Sequential(conv(), parametrized(nn.BatchNorm2d(2))), ["0"]),
        (lambda: nn.Sequential(parametrized(parametrized(conv())), nn.ReLU()), ["0"]),
        (
            lambda: Function(lambda m, x: m.c(x).view(-1, x.size(1) * x.shape[2] * x.size(3)), c=conv()),
            ["c"],
        ),
        (lambda: nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(2, 3, 3), nn.ReLU()), ["1"]),
        (lambda: Function(lambda m, x: m.c(F.pad(x, (1, 1, 1, 1))), c=nn.Conv2d(2, 3, 5, padding=1)), ["c"]),
        (
            lambda: Function(
                lambda m, x: m.c(F.pad(x, (0, m.c.kernel_size[1] // x.size(2), 0, 0))), c=conv()
            ),
            ["c"],
        ),
    ],
)
def test_what_people_write_is_what_is_imported(make: Callable[[], nn.Module], paths: list[str]) -> None:
    assert spoken(make) == paths


def twice(layer: nn.Module) -> dict[str, nn.Module]:
    """One layer under two names."""
    return {"c": layer, "d": layer}


def parametrized(layer: nn.Module) -> nn.Module:
    """A layer whose weight is twice what it holds."""
    return parametrize.register_parametrization(layer, "weight", Doubled())


CONSTANT = torch.tensor([0.5, -2.0])


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.c(x) * 3,
        lambda m, x: 3 * m.c(x) + 1,
        lambda m, x: 1 - m.c(x),
        lambda m, x: torch.sub(m.c(x), 2, alpha=3),
        lambda m, x: torch.add(5, m.c(x), alpha=2),
        lambda m, x: m.c(x) / CONSTANT[:, None, None],
        lambda m, x: m.c(x).add(CONSTANT.reshape(1, 2, 1, 1)).mul_(2),
        lambda m, x: m.n(m.c(x)) * CONSTANT[:, None, None] + CONSTANT[None, :, None, None],
        lambda m, x: m.o(m.d(x).mean((2, 3))) * CONSTANT + CONSTANT,
        lambda m, x: m.p(m.o(m.d(x).mean((2, 3)))),
        lambda m, x: m.q(m.d(x)) + 1,
    ],
)
def test_factors_and_offsets_behind_a_layer_become_part_of_it(forward: Callable[..., Any]) -> None:
    def make() -> nn.Module:
        parts = {"c": conv(), "d": conv(bias=False), "n": nn.BatchNorm2d(2), "o": nn.Linear(2, 2)}
        return Function(forward, **parts, p=nn.BatchNorm1d(2), q=nn.BatchNorm2d(2, affine=False))

    assert spoken(make) in (["c"], ["d"], ["d", "o"])


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x: m.c(x) + torch.ones(8), "node add: the addition of"),
        (lambda m, x: 1 / m.c(x), "node truediv: found truediv"),
        (lambda m, x: m.c(x).mean((0, 1)), "node mean: mean that gives (8, 8) for two images"),
        (lambda m, x: m.c(x).mean(), "node mean: mean that gives () for two images"),
        (lambda m, x: m.c(x) * m.c(x), "node mul: the product of shapes (2, 8, 8) and (2, 8, 8)"),
        (lambda m, x: torch.div(m.c(x), 2, rounding_mode="floor"), "node div: found div"),
        (lambda m, x: m.c(F.pad(x, (1, 1, 1, 1), "reflect")), "node pad: padding in mode 'reflect' with"),
        (lambda m, x: m.c(F.pad(x, (1, 1, 1, 1), value=2)), "node pad: padding in mode 'constant' with 2"),
        (lambda m, x: m.c(F.pad(x, (-1, -1, 1, 1))), "node pad: padding (1, 1, -1, -1) (top, bottom, left"),
        (lambda m, x: F.pad(m.c(x), (1, 1, 1, 1)), "node pad: padding (1, 1, 1, 1) (top, bottom, left, righ"),
        (lambda m, x: m.c(F.pad(x, (1, 1, 1, 1, 0, 0, 1, 0))), "padding of other axes"),
    ],
)
def test_what_no_layer_can_take_in_is_told(forward: Callable[..., Any], words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(Function(forward, c=conv()), IMAGES)
    assert words in str(error.value)
    assert "supported: " in str(error.value)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 2)], ids=str)
@pytest.mark.parametrize("sides", [(1, 1, 1, 1), (0, 1, 0, 1), (1, 0, 0, 0)])
def test_zeros_before_pooling(pool: nn.Module, sides: tuple[int, int, int, int]) -> None:
    """As Keras pads before a max pool without padding: behind a ReLU zeros are as good as nothing."""
    module = Function(lambda m, x: m.p(F.pad(m.c(x).relu(), sides)), c=conv(), p=pool)
    graph = import_module(module, IMAGES)
    assert [layer.path for layer in graph.layers] == ["c", "p"]
    with torch.no_grad():
        torch.testing.assert_close(run_float(graph, IMAGES), module(IMAGES), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sides", [(1, 1, 1, 1), (0, 3, 0, 0)])
def test_zeros_that_a_maximum_may_see_are_told(sides: tuple[int, int, int, int]) -> None:
    """Zeros above negative values, and windows of zeros alone."""
    module = Function(lambda m, x: m.p(F.pad(m.c(x), sides)), c=conv(), p=nn.MaxPool2d(3, 2))
    with pytest.raises(UnsupportedError, match=r"node pad: padding .* or max pooling behind a ReLU"):
        import_module(module, IMAGES)
    wide = Function(lambda m, x: m.p(F.pad(m.c(x).relu(), (3, 0, 0, 0))), c=conv(), p=nn.MaxPool2d(3, 2))
    with pytest.raises(UnsupportedError, match="node pad: padding"):
        import_module(wide, IMAGES)


def channels_last(m: Any, x: torch.Tensor) -> torch.Tensor:
    """The middle of a network with channels last, as other tools have them."""
    x = m.c(x).permute(0, 2, 3, 1)
    x = (x * torch.tensor([1.0, 2.0, 3.0])).relu().contiguous()
    y = m.d(x.permute(0, 3, 1, 2)).transpose(1, 2).transpose(2, 3)
    return m.o((x + y).reshape(x.size(0), -1))


@pytest.mark.parametrize(
    ("forward", "count"),
    [
        (lambda m, x: m.o(m.c(x).permute(0, 2, 3, 1).flatten(1)), 192),
        (lambda m, x: m.o(m.c(x).permute(0, 3, 1, 2).reshape(-1, 192)), 192),
        (lambda m, x: m.o(m.c(x).transpose(1, 3).flatten(1)), 192),
        (lambda m, x: m.o(m.c(x).permute(0, 2, 3, 1).relu().flatten(1)), 192),
        (lambda m, x: m.o(m.c(x).permute(0, 2, 3, 1).mean((1, 2))), 3),
        (lambda m, x: m.o(m.c(x).permute(0, 2, 3, 1).mean((-2, -3), keepdim=True).flatten(1)), 3),
        (lambda m, x: m.o(m.d(m.c(x).permute(0, 2, 3, 1).permute(0, 3, 1, 2)).flatten(1)), 192),
        (channels_last, 192),
    ],
)
def test_axes_in_another_order_are_put_in_order(forward: Callable[..., Any], count: int) -> None:
    def make() -> nn.Module:
        return Function(forward, c=conv(2, 3), d=conv(3, 3), o=nn.Linear(count, 5))

    assert spoken(make) in (["c", "o"], ["c", "d", "o"])


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x: m.d(m.c(x).transpose(2, 3)), "d: a tensor whose axes were permuted"),
        (lambda m, x: m.c(x).permute(0, 2, 3, 1), "node output: a tensor whose axes were permuted"),
        (
            lambda m, x: m.c(x).permute(0, 2, 3, 1).flatten(1),
            "node output: a tensor whose axes were permuted",
        ),
        (
            lambda m, x: m.c(x).permute(1, 0, 2, 3),
            "node permute: the permutation (1, 0, 2, 3) of a tensor of",
        ),
        (lambda m, x: m.c(x) + m.d(x).transpose(2, 3), "node add: a tensor whose axes were permuted"),
        (
            lambda m, x: m.d(m.c(x).permute(0, 2, 3, 1).reshape(x.shape)),
            "node reshape: a reshape to (2, 8, 8",
        ),
        (lambda m, x: m.c(x).permute(0, 2, 3, 1).mean(1), "node mean: "),
    ],
)
def test_axes_that_stay_in_another_order_are_refused(forward: Callable[..., Any], words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(Function(forward, c=conv(), d=conv()), IMAGES)
    assert str(error.value).startswith(words)
    assert "supported: permutations that are undone before the next convolution" in str(error.value)


MEAN, STD = torch.tensor([0.4, 0.1]).reshape(2, 1, 1), torch.tensor([0.2, 0.5]).reshape(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("forward", "paths"),
    [
        # Nothing is subtracted, or nothing is padded: part of the first layer.
        (lambda m, x: m.c(x / 255), ["c"]),
        (lambda m, x: m.v((x / 255 - MEAN) / STD), ["v"]),
        (lambda m, x: m.o(((x - MEAN) / STD).flatten(1)), ["o"]),
        (lambda m, x: m.o((x.flatten(1) * 2) - 1), ["o"]),
        (lambda m, x: m.v(y := (x - MEAN) / STD) + m.w(y), ["w", "v"]),
        (lambda m, x: m.v(m.n(x)), ["v"]),
        # Zeros around the normalised images are other values around the images: a layer of its own.
        (lambda m, x: m.c((x / 255 - MEAN) / STD), ["truediv", "c"]),
        (lambda m, x: m.c(F.pad(x - 1, (1, 1, 1, 1))), ["sub", "c"]),
        (lambda m, x: m.c(m.n(x)), ["n", "c"]),
        (lambda m, x: m.c(y := x - 1) + y, ["sub", "c"]),
        (lambda m, x: m.sub(x - 1), ["sub", "sub#2"]),
    ],
)
def test_what_normalises_images_becomes_part_of_the_first_layer(
    forward: Callable[..., Any], paths: list[str]
) -> None:
    def make() -> nn.Module:
        plain = {"v": nn.Conv2d(2, 3, 3), "w": nn.Conv2d(2, 3, 3, bias=False), "n": nn.BatchNorm2d(2)}
        return Function(forward, **plain, c=conv(), o=nn.Linear(128, 4), sub=conv())

    assert spoken(make) == paths
