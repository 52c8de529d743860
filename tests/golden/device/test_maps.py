"""Places of a step's tensors: on the way back, what a norm writes is not what the pass beside it reads."""

from dataclasses import replace
from itertools import pairwise, product

import pytest

from golden.device.ahead import forward_steps
from golden.device.maps import back_groups, plan_maps
from golden.learning import Layer, Network
from golden.learning.scheme import everything
from golden.spec.tensor import Tensor
from tests.sim.learning.devices import ARRAY, CONFIG, NETWORK, SHORTCUT

TWO = Network((1, 4, 4), (Layer("a", 0, 2, 3), Layer("b", 1, 3, 3)), 2, array=ARRAY)
ROW = Network((1, 4, 4), tuple(Layer(f"l{at}", at, 4, 3) for at in range(4)), 2, array=ARRAY)


def words(tensor: Tensor | None) -> set[int]:
    assert tensor is not None
    return set(range(tensor.address, tensor.address + tensor.shape[0] * tensor.stride))


@pytest.mark.parametrize("network", [NETWORK, SHORTCUT, TWO, ROW])
def test_who_runs_beside_a_norm_has_its_own_words(network: Network) -> None:
    config = replace(CONFIG, feature_words=4096)
    steps = forward_steps(network, [[8]] * len(network.layers), 4, config, False)
    maps = plan_maps(network, everything(network), 4, config, steps)
    groups = back_groups(network)
    for above, group in pairwise(groups):
        # The gradients of a group, the norms of the next one on the way back.
        for index, below in product(above, group):
            read = words(maps.outputs[index]) | words(maps.values[network.layers[index].source])
            assert not read & words(maps.outputs[below])
    for group in groups:
        # Norms of a group come before its error passes, and those before its gradients.
        for one, other in product(group, group):
            read = words(maps.sums[one]) | words(maps.errors[one + 1])
            errors = maps.errors[network.layers[other].source]
            assert one == other or not words(maps.outputs[one]) & words(maps.outputs[other])
            assert one == other or not words(maps.outputs[other]) & read
            assert errors is None or not words(maps.outputs[one]) & words(errors)


def test_a_shortcut_is_in_the_group_of_its_block() -> None:
    assert back_groups(SHORTCUT) == ((3,), (2, 1), (0,))
    assert back_groups(NETWORK) == ((2,), (1,), (0,))
    assert back_groups(ROW) == ((3,), (2,), (1,), (0,))
