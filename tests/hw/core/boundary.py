"""Host port and sequencer together, as in the accelerator, for their tests."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from hw.core.host_port import HostPort
from hw.core.sequencer import Sequencer
from hw.parts.fan_out import fan_out

TOLD, SAID = ("loaded", "load_error", "program_waits"), ("idle", "error")
OUTSIDE = ("load", *TOLD, *SAID, "i_image", "o_result", "features")
"""Ports of the host port that are those of the whole."""


class Boundary(wiring.Component):
    """Members: `OUTSIDE`, and of the sequencer start, finished, illegal, bad, busy, cycles."""

    def __init__(self, config: Config) -> None:
        self.host, self.sequencer = HostPort(config), Sequencer(config)
        members = self.host.signature.members
        super().__init__(
            {name: members[name] for name in OUTSIDE}
            | {
                **{name: Out(1) for name in ("start", "busy")},
                **{name: In(1) for name in ("finished", "illegal", "bad")},
                "cycles": self.sequencer.signature.members["cycles"],
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.host = host = self.host
        m.submodules.sequencer = sequencer = self.sequencer
        fan_out(m, self.load, [host.load, sequencer.load])
        wiring.connect(m, wiring.flipped(self.i_image), host.i_image)
        wiring.connect(m, host.o_result, wiring.flipped(self.o_result))
        wiring.connect(m, host.features, wiring.flipped(self.features))
        m.d.comb += [
            *(getattr(host, name).eq(getattr(self, name)) for name in TOLD),
            *(getattr(self, name).eq(getattr(host, name)) for name in SAID),
            *(getattr(sequencer, name).eq(getattr(self, name)) for name in ("finished", "illegal", "bad")),
            *(getattr(self, name).eq(getattr(sequencer, name)) for name in ("start", "busy", "cycles")),
            sequencer.go.eq(host.go),
            host.done.eq(sequencer.done),
            host.fault.eq(sequencer.fault),
        ]
        return m
