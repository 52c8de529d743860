"""The parts of a step are found in the words that a device wrote."""

import numpy as np
import pytest

from golden.device import plan_step
from golden.device.parts import PARTS, part_cycles
from golden.learning import fresh_state
from golden.learning.scheme import Scheme, everything, head_only, last_blocks
from golden.spec.tensor import Tensor
from tests.sim.learning.devices import CONFIG, NETWORK


@pytest.mark.parametrize("scheme", [everything(NETWORK), last_blocks(NETWORK, 1), head_only(NETWORK)])
def test_each_part_has_its_cycles(scheme: Scheme) -> None:
    """Also where tensors lie at the place of earlier ones."""
    plan = plan_step(NETWORK, fresh_state(NETWORK, 1), 4, CONFIG, scheme)
    maps, commands = plan.maps, plan.commands
    right = dict.fromkeys(PARTS, 0)
    cycle: list[int] = []
    address: list[int] = []
    now = 0

    def wrote(part: str, tensor: Tensor | None, took: int) -> None:
        nonlocal now
        assert tensor is not None
        words = range(tensor.address, tensor.address + tensor.shape[0] * tensor.stride)
        cycle.extend(now + took - len(words) + place for place in range(1, len(words) + 1))
        address.extend(words)
        now += took
        right[part] += took

    for index in range(3):
        wrote("forward", maps.sums[index], 500 + index)
        wrote("norm", maps.values[index + 1], 700 + index)
    if commands.norm_error[2] is not None:
        wrote("head", maps.errors[-1], 5000)
    for index in (2, 1, 0):
        if commands.norm_error[index] is not None:
            wrote("norm", maps.outputs[index], 900)
        if commands.error[index]:
            wrote("error and gradient", maps.errors[NETWORK.layers[index].source], 1300)
    layers = [layer for layer, numbers in zip(plan.layers, commands.updates, strict=True) if numbers]
    # Each of these layers is one round.
    assert all(len(numbers) <= 1 for numbers in commands.updates)
    update = sum(plan.engines.update_cycles(it.starts[0], sum(it.forward.pairs)) for it in layers)
    wrote("update", maps.result, update + 300)
    right["update"] -= 300
    right["error and gradient" if layers else "head"] += 300
    assert part_cycles(plan, np.array(cycle), np.array(address)) == right
