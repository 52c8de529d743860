"""Between float and integers nothing is cut off: every edge of every parameter against float64."""

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import CompressionPlan, LayerPlan, compress, import_module, int8_plan
from golden.compress.calibrate import hold
from golden.compress.integer import to_network
from golden.compress.quantized import QuantizedNet
from golden.compress.quantized_layer import QuantizedLayer
from golden.compress.shifts import filter_scale, filter_shift, least_grid
from golden.graph.network import Network
from golden.graph.operations.add import Add
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.weights import Plain, rebuild
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.config import DEFAULT
from golden.spec.errors import UnsupportedError

KINDS = [
    LayerPlan("plain"),
    LayerPlan("scale", density=1.0),
    LayerPlan("group", density=1.0),
    LayerPlan("column", density=1.0),
]
IMAGES = torch.randint(0, 17, (20, 2, 8, 8), generator=torch.Generator().manual_seed(1)) / 16.0


def real_features(network: Network, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Every feature of an integer network in real units; each integer is in the machine's range."""
    compile_network(network, DEFAULT)
    whole = run_network(network, quantise(images.numpy(), network.features[network.input].scale))
    return {name: values * network.features[name].scale for name, values in whole.items()}


def head(channels: int) -> list[nn.Module]:
    """What follows the layer under test."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]


@pytest.mark.parametrize("plan", KINDS, ids=str)
@pytest.mark.parametrize(
    ("gamma", "beta"), [(1e-4, 0.5), (1e-9, -0.7), (3e-3, 0.25), (0.0, 0.9), (1e-7, 1e-3), (1e-30, 1.0)]
)
def test_a_bias_beside_tiny_weights_is_what_it_was(plan: LayerPlan, gamma: float, beta: float) -> None:
    torch.manual_seed(2)
    norm = nn.BatchNorm2d(6)
    norm.weight.data[2], norm.bias.data[2] = gamma, beta
    module: Any = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), norm, *head(6)).eval()
    layer = copy.deepcopy(module[:2]).double()
    # A second reader keeps the map itself, before pooling, as a feature.
    module = nn.Sequential(*module[:2], nn.ReLU(), nn.Conv2d(6, 3, 1), *head(3)).eval()
    made = compress(module, IMAGES, CompressionPlan({"0": plan}, LayerPlan("plain")), tolerance=1.0)
    got = real_features(made.network, IMAGES)["0"][:, 2]
    expected = layer(IMAGES.double()).relu()[:, 2].detach().numpy()
    step = made.network.features["0"].scale
    assert np.abs(got - expected).max() <= 0.51 * step
    assert max(abs(expected.max()), step) > 0


@cache
def integers(plan: LayerPlan, image_power: int, weight_power: int) -> list[np.ndarray]:
    """Of a network whose images and first weights are 2^power times what they would be."""
    torch.manual_seed(3)
    module: Any = nn.Sequential(
        nn.Conv2d(2, 7, 3, padding=1), nn.ReLU(), nn.Conv2d(7, 8, 3, padding=1), nn.ReLU(), *head(8)
    )
    with torch.no_grad():
        module[0].weight *= 2.0**weight_power
        for layer in (module[0], module[2], module[6]):
            layer.bias *= 2.0 ** (image_power + weight_power)
    made = compress(module, IMAGES * 2.0**image_power, CompressionPlan({}, plan), tolerance=1.0)
    found = []
    for made_layer in made.network.layers:
        held = made_layer.convolution.weights
        parts = (held.weights, held.scale) if isinstance(held, Plain) else (held.coefficients, held.basis)
        found += [made_layer.requantise.bias, made_layer.requantise.shift, *parts]
    return found


@pytest.mark.parametrize("plan", KINDS[:3], ids=str)
@pytest.mark.parametrize(("images", "weights"), [(30, 0), (-30, 0), (0, 40), (0, -60), (8, -40), (-20, 45)])
def test_scales_of_two_change_no_integer(plan: LayerPlan, images: int, weights: int) -> None:
    """Networks of any size of numbers get the same integers: no floor or ceiling is absolute."""
    for expected, got in zip(integers(plan, 0, 0), integers(plan, images, weights), strict=True):
        np.testing.assert_array_equal(got, expected)


class Sum(nn.Module):
    """b(a(x)) + a(x), each a 1×1 convolution by a factor, then a head."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.a, self.b = (nn.Conv2d(2, 2, 1, bias=False) for _ in range(2))
        with torch.no_grad():
            self.a.weight.copy_(torch.eye(2)[:, :, None, None] * first)
            self.b.weight.copy_(torch.eye(2)[:, :, None, None] * second)
        self.c = nn.Conv2d(2, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images → logits."""
        y = self.a(x)
        return self.c(self.b(y) + y).mean((2, 3))


@pytest.mark.parametrize(
    "power", [-24, -17, -16, -15, -9, -8, -7, -6, -1, 0, 5, 6, 7, 8, 9, 14, 15, 16, 17, 24]
)
def test_a_residual_of_any_scale_is_added_within_half_a_step(power: int) -> None:
    """The residual lies 2**power below (or above) the result that it is added to."""
    module = Sum(1.0, 2.0**power).eval()
    made = compress(module, IMAGES, int8_plan(), tolerance=1.0)
    got = real_features(made.network, IMAGES)["b"]
    expected = (IMAGES.double() * (1 + 2.0**power)).numpy()
    step = made.network.features["b"].scale
    # Of many values the largest few may saturate.
    assert np.abs(got - np.minimum(expected, 127 * step)).max() <= 1.02 * step
    assert (expected > 128 * step).mean() < 0.1
    assert step <= 2.0 ** (np.ceil(np.log2(expected.max() / 127)))
    # What the machine cannot shift into place is less than half a step, and left out.
    assert (made.network.layers[1].find(Add) is None) == (power >= 8)


@pytest.mark.parametrize(("first", "second"), [(0.0, 1.0), (1e-9, 0.0), (1.0, 0.0), (1e6, 0.0)])
def test_dead_operands_of_an_addition(first: float, second: float) -> None:
    module = Sum(first, second).eval()
    made = compress(module, IMAGES, int8_plan(), tolerance=1.0)
    got = real_features(made.network, IMAGES)["b"]
    expected = (IMAGES.double() * first * (1 + second)).numpy()
    assert np.abs(got - expected).max() <= 1.02 * made.network.features["b"].scale
    if first:
        assert made.network.features["b"].scale <= first / 32


@pytest.mark.parametrize("plan", KINDS[:3], ids=str)
@pytest.mark.parametrize("size", [1e3, 1e5, 1e7])
def test_weights_far_beyond_their_results(plan: LayerPlan, size: float) -> None:
    """Two channels that cancel on the samples: steps so coarse that the weights fit even at shift 0."""
    module: Any = nn.Sequential(
        nn.Conv2d(2, 4, 1, bias=False), nn.ReLU(), nn.Conv2d(4, 2, 1), *head(2)
    ).eval()
    weight = torch.tensor([[size, -size + 1], [0.5, 0.25], [-size, size], [1.0, -1.0]]).double()
    with torch.no_grad():
        module[0].weight.copy_(weight[:, :, None, None])
    alike = IMAGES[:, :1].expand(-1, 2, -1, -1).clone()
    made = compress(module, alike, CompressionPlan({"0": plan}, LayerPlan("plain")), tolerance=1.0)
    layer, features = made.network.layers[0], made.network.features
    steps = rebuild(layer.convolution.weights, 4)[:, :, 0, 0] / 2.0 ** layer.requantise.shift[:, None]
    got = steps * features["0"].scale / features["input"].scale
    # Powers of two with a scale per filter, or with a basis, are a quarter off at most.
    bound = (0.01 if plan.kind == "plain" else 0.25) * np.abs(weight.numpy()).max(1, keepdims=True)
    assert (np.abs(got - weight.numpy()) <= bound)[[0, 2]].all()
    compile_network(made.network, DEFAULT)


@pytest.mark.parametrize("size", [176, 192, 224])
def test_the_mean_of_a_large_map(size: int) -> None:
    """More than 2**15 pixels near the largest value: the sum needs more than 15 bits of shift."""
    module: Any = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 2, 1)
    ).eval()
    module[0].weight.data.fill_(1.0)
    images = 0.99 + 0.001 * torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(4))
    made = compress(module, images, int8_plan(), tolerance=1.0)
    pooled = made.network.layers[0].find(GlobalMean)
    assert pooled is not None
    assert pooled.shift <= 15
    whole = run_network(made.network, quantise(images.numpy(), made.network.features["input"].scale))["0"]
    got = whole[:, 0, 0, 0] * made.network.features["0"].scale
    # Half a step of the image, of the map and of the mean.
    np.testing.assert_allclose(got, images.double().mean((1, 2, 3)).numpy(), atol=0.02)


def test_shifts_are_the_largest_that_hold_terms_and_bias() -> None:
    generator = torch.Generator().manual_seed(5)
    largest = 10.0 ** (torch.rand(20_000, generator=generator, dtype=torch.float64) * 40 - 38)
    offset = 10.0 ** (torch.rand(20_000, generator=generator, dtype=torch.float64) * 20 - 11)
    largest[:7] = torch.tensor([127.0, 127.0001, 63.5, 63.6, 2.0**-24, 127 * 2.0**-31, 1.0])
    for sign in (1, -1):
        shift = filter_shift(largest, sign * offset)
        assert ((shift >= 0) & (shift <= 31)).all()
        fits = (largest <= 127) & (offset <= 2**31 - 1)
        assert ((largest * 2.0**shift).round() <= 127)[fits].all()
        assert ((offset * 2.0**shift).round() <= 2**31 - 1)[fits].all()
        more = shift + 1
        assert ((shift == 31) | (largest * 2.0**more > 127) | (offset * 2.0**more > 2**31 - 1))[fits].all()


def test_scales_of_plain_filters_hold_their_largest_weight() -> None:
    largest = torch.cat([torch.linspace(0, 127, 12_701), torch.tensor([1.49, 1.5, 64.4, 2.5])]).double()
    scale = filter_scale(largest)
    assert ((scale >= 1) & (scale <= 127)).all()
    assert ((127 * largest / scale).round() <= 127).all()
    assert ((scale - largest).abs() <= 1).all()


def test_the_least_grid_holds_terms_and_bias_at_shift_zero() -> None:
    for term, bias in ((1e4, 0.0), (127.0, 1.0), (1e-9, 1e12), (127 * 2.0**-40, 2.0**31), (1e-12, 0.0)):
        grid = least_grid(torch.tensor([term, 1e-20]), torch.tensor([0.0, -bias]))
        for exponent, holds in ((grid, True), (grid - 1, False)):
            inside = term / 2.0**exponent <= 127 and bias / 2.0**exponent <= 2**31 - 1
            assert inside == holds


@pytest.mark.parametrize(
    ("plan", "change", "words"),
    [
        (
            LayerPlan("plain"),
            {"bias": 2.0},
            ["0: channel 4: the bias is ", "supported: -2147483648…2147483647"],
        ),
        (LayerPlan("plain"), {"bias": float("nan")}, ["0: channel 4: a weight is nan"]),
        (LayerPlan("group"), {"weight": 9.0}, ["0: channel 4: a basis term is ", "supported: -127…127"]),
        (LayerPlan("column"), {"weight": 9.0}, ["0: channel 4: a basis term is "]),
        (LayerPlan("scale"), {"weight": 9.0}, ["0: channel 4: a basis term is "]),
    ],
)
def test_what_no_grid_was_chosen_for_is_refused(
    plan: LayerPlan, change: dict[str, float], words: list[str]
) -> None:
    torch.manual_seed(6)
    layer = nn.Conv2d(2, 6, 3, padding=1)
    with torch.no_grad():
        layer.weight *= 1e-6
        if "weight" in change:
            layer.weight[4] = change["weight"]
    module: Any = nn.Sequential(layer, *head(6))
    net = QuantizedNet(import_module(module, IMAGES), CompressionPlan({"0": plan}, LayerPlan("plain")))
    stage = net.stages[0]
    assert isinstance(stage, QuantizedLayer)
    with torch.no_grad():
        if "bias" in change:
            stage.beta[4] = change["bias"]
    stage.grids = replace(stage.grids, result=-31)
    with pytest.raises(UnsupportedError) as error:
        to_network(net)
    for word in words:
        assert word in str(error.value)


def test_weights_that_training_moved_get_grids_that_hold_them() -> None:
    torch.manual_seed(7)
    module: Any = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1), *head(4))
    made = compress(module, IMAGES, int8_plan(), tolerance=1.0)
    net: Any = made.module
    before = net.stages[0].grids.result
    hold(net, IMAGES)
    assert net.stages[0].grids.result == before
    with torch.no_grad():
        net.stages[0].weight *= 1e6
    hold(net, IMAGES)
    assert net.stages[0].grids.result > before
    to_network(net)
