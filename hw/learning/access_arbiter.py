"""Several who use the feature memory word by word, one port."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from hw.interfaces import access_signature


class AccessArbiter(wiring.Component):
    """Grants the first of those who ask. The last one asks while no other does: its grant waits for nobody.

    Latency: none.  Throughput: an access per cycle.

    Parameters
    ----------
    users: how many.

    Members
    -------
    users: In, per user, the first goes first.  port: Out.
    """

    def __init__(self, config: Config, users: int) -> None:
        self._count = users
        super().__init__(
            {"users": In(access_signature(config)).array(users), "port": Out(access_signature(config))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for user in self.users:
            m.d.comb += user.read.eq(self.port.read)
        names = ("valid", "write", "address", "data")
        for number, user in enumerate(self.users):
            with m.If(user.valid) if number == 0 else m.Elif(user.valid):
                m.d.comb += [getattr(self.port, name).eq(getattr(user, name)) for name in names]
                m.d.comb += user.grant.eq(self.port.grant)
        m.d.comb += self.users[self._count - 1].grant.eq(1)
        return m
