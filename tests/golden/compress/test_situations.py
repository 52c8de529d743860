"""Situations in which tools like this one gave other numbers than the network, or none; here on the machine.

Sources: public threads of hls4ml, FINN, QONNX and NNoM, by their number.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.cycles.timing import count_cycles
from golden.frontend.importer import import_module
from golden.graph.operations.add import Add
from golden.graph.operations.lookup import QuantizedLookup
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.config import SMALL, TINY
from golden.spec.errors import CapacityError, UnsupportedError
from tests.golden.small import chain
from tests.golden.windows import CONFIGS, check

IMAGES = torch.rand(8, 3, 9, 8, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize("kind", ["largest", "average"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("padding", [0, (1, 0, 0, 1)])
def test_pooling_whose_stride_is_not_its_window(
    kind: str, stride: int, padding: int | tuple[int, int, int, int]
) -> None:
    """hls4ml#617, #995: windows that overlap, or leave pixels out, with padding or without."""
    options = {"kind": kind, "stride": stride, "padding": padding}
    check(chain((2, 7, 8), ("a", 5, (3, 3)), ("p", 5, (2, 2), options), ("b", 3, (1, 1))), CONFIGS[0], 1)


def test_an_accumulator_that_is_too_narrow_is_told() -> None:
    """hls4ml#311: an average over many pixels, whose sum leaves 16 bits."""
    module = nn.Sequential(nn.AvgPool2d(17, 1))
    network = compress(module, torch.rand(4, 2, 18, 18) * 2 - 1).network
    with pytest.raises(CapacityError, match="layer 0: a partial sum of filter 0 may reach -36992…36703"):
        compile_network(network, replace(SMALL, accumulator_bits=16, tap_words=8192))
    assert compile_network(network, replace(SMALL, accumulator_bits=17, tap_words=8192))


@pytest.mark.parametrize("counted", [True, False])
def test_an_average_is_rounded_and_not_cut_off(counted: bool) -> None:
    """hls4ml#314, #1297: to the nearest, ties to even, negative ones too; at the edges as inside."""
    module = nn.Sequential(nn.AvgPool2d(2, 1, 1, count_include_pad=counted))
    network = compress(module, IMAGES).network
    images = quantise(IMAGES.numpy(), network.features["input"].scale)
    with torch.no_grad():
        exact = module(torch.from_numpy(images.astype(np.float64))).numpy()
    steps = network.features["0"].scale / network.features["input"].scale
    np.testing.assert_array_equal(
        run_network(network, images)["0"], np.clip(np.rint(exact / steps), -128, 127)
    )


def test_each_offending_node_is_named_before_any_work() -> None:
    """finn#298, qonnx#197: not the first alone, in an assert of some later step."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Conv2d(4, 4, 1), nn.Softsign())
    with pytest.raises(UnsupportedError) as caught:
        compress(module, IMAGES)
    assert "1: found Softplus" in str(caught.value)
    assert "3: found Softsign" in str(caught.value)


@pytest.mark.parametrize("layers", [2, 7])
def test_a_skip_beside_a_long_path(layers: int) -> None:
    """finn#1094: a buffer that was shorter than the path beside it stood still for ever."""
    same = {"padding": 1, "kind": "scale"}
    path = [(f"c{number}", 6, (3, 3), same) for number in range(layers)]
    last = ("sum", 6, (1, 1), {"residual": Add("a", 1, 0, 2), "kind": "scale"})
    program = check(chain((2, 5, 5), ("a", 6, (3, 3), same), *path, last), CONFIGS[0], 3)
    assert count_cycles(program).cycles > 0


def test_a_depthwise_layer_has_a_scale_for_each_channel() -> None:
    """nnom#68, #89: with one scale for the tensor, small channels have no bits left."""
    torch.manual_seed(5)
    module = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False))
    with torch.no_grad():
        module[0].weight *= torch.tensor([1e-3, 1.0, 1e3])[:, None, None, None]  # type: ignore[operator]
    network = compress(module, IMAGES, CompressionPlan({}, LayerPlan("plain"))).network
    weights = network.layers[0].convolution.weights
    found, wanted = (
        it / np.abs(it).max(axis=(1, 2, 3), keepdims=True)
        for it in (weights.weights, module[0].weight.detach().numpy())  # type: ignore[union-attr]
    )
    assert np.abs(found - wanted).max() <= 1 / 127


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "leaky_relu", "hardsigmoid"])
def test_a_table_never_turns_the_order_of_logits_round(function: str) -> None:
    """hls4ml#1476, #1512: what grows with its argument does so in every entry."""
    for taken in (-7, -4, -1.5):
        for given in (-8, -7, -6.5):
            entries = QuantizedLookup(function, 0.125, taken, given).integers().entries
            assert (np.diff(entries) >= 0).all()


def test_what_does_not_fit_is_told_and_the_next_network_compiles() -> None:
    """finn#796: nothing is left of the one that failed."""
    network = chain((2, 5, 5), ("a", 6, (3, 3)))
    first = compile_network(network, TINY)
    with pytest.raises(CapacityError):
        compile_network(network, replace(TINY, tap_words=4))
    assert compile_network(network, TINY) == first
    assert import_module(nn.Sequential(nn.Conv2d(3, 2, 1)), IMAGES).layers
