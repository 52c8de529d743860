"""Both halves of the unit become Verilog."""

from collections.abc import Callable

import pytest
from amaranth.lib import wiring

from golden.spec import block
from golden.spec.block import Spikes
from hw.lightnorm.backward import Backward
from hw.lightnorm.forward import Forward
from hw.verilog import component_verilog

HALVES: dict[str, Callable[[], wiring.Component]] = {
    "forward": lambda: Forward(block.light(32), 8),
    "backward": lambda: Backward(block.light(32), 8, Spikes.CLIP),
}


@pytest.mark.parametrize("name", HALVES)
def test_verilog(name: str) -> None:
    part = HALVES[name]()
    text = component_verilog(part, f"lightnorm_{name}")
    assert f"module lightnorm_{name}(" in text
    for stream in part.signature.members:
        assert stream in text
