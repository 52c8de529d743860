"""What an arithmetic must bring so that an engine can run it; registered by name."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import arithmetics
from golden.spec.arithmetics import Arithmetic
from golden.spec.config import Config
from hw.engine.steps import step_layout


def addends_signature(config: Config, bits: int) -> wiring.Signature:
    """What the lanes of an engine add, of `bits` bits.

    step: In.  row: In, `lanes` bytes, one cycle later.
    addend, carry: Out, two cycles after the step; in each lane addend + carry is added.
    """
    return wiring.Signature(
        {
            "step": In(step_layout(config)),
            "row": In(config.lanes * 8),
            "addend": Out(signed(bits)).array(config.lanes),
            "carry": Out(1).array(config.lanes),
        }
    )


@dataclass(frozen=True)
class Datapath:
    """An arithmetic in hardware; `golden.datapath.protocol.Datapath` is the same in golden.

    Parameters
    ----------
    arithmetic: what hardware and golden agree on.
    stream: configuration, number of the engine → component of `stream_signature`.
    addends: configuration → component of `addends_signature`.
    """

    arithmetic: Arithmetic
    stream: Callable[[Config, int], wiring.Component]
    addends: Callable[[Config], wiring.Component]


_registered: dict[str, Datapath] = {}


def register(datapath: Datapath) -> None:
    """Makes a datapath known under the name of its arithmetic."""
    _registered[datapath.arithmetic.name] = datapath


def datapath(config: Config) -> Datapath:
    """The datapath of a configuration."""
    arithmetics.plug_in(config.arithmetic)
    return _registered[config.arithmetic]
