"""A compressed module beside the integer network that was made of it."""

import copy

import numpy as np
import torch

from golden.compress.quantized import QuantizedNet
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.tensors import quantise


def same(net: QuantizedNet, integer: Network, real: torch.Tensor) -> None:
    """Every feature of the module in float64 and of the integer network is equal."""
    exact = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        values, scales = exact.features(real.double())
    whole = quantise(real.numpy(), integer.features[integer.input].scale)
    found = run_network(integer, whole)
    assert set(values) <= set(found)
    for name in values:
        expected = found[name]
        np.testing.assert_array_equal(values[name].numpy(), expected, err_msg=name)
        assert integer.features[name].scale == scales[name]
