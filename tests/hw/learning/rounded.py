"""A unit with the rounder that it shares with another."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec.config import Config
from hw.learning.shared_rounder import SharedRounder


class Rounded(wiring.Component):
    """The other user, whose turn it is not, asks for all that it can; it does not clear counts.

    Members: those of the unit, `rounder` apart, which is the first or the second user's.
    """

    def __init__(self, unit: Any, config: Config, user: int) -> None:
        self._unit, self._config, self._user = unit, config, user
        super().__init__({name: it for name, it in unit.signature.members.items() if name != "rounder"})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self._unit
        m.submodules.rounder = rounder = SharedRounder(self._config)
        wiring.connect(m, unit.rounder, rounder.users[self._user])
        other = rounder.users[1 - self._user]
        m.d.comb += [
            rounder.second.eq(self._user),
            *(port.eq(-1) for port in (other.i.valid, other.random)),
            other.rule.as_value().eq(-1),
            other.i.payload.as_value().eq(-1),
        ]
        for name, member in self.signature.members.items():
            outer, inner = getattr(self, name), getattr(unit, name)
            if not member.is_port:
                wiring.connect(m, wiring.flipped(outer), inner)
            elif member.flow == In:
                m.d.comb += inner.eq(outer)
            else:
                m.d.comb += outer.eq(inner)
        return m
