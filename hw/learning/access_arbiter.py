"""Several who use the feature memory word by word, one port."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from hw.interfaces import access_signature


class AccessArbiter(wiring.Component):
    """Grants the first of those who ask. The last one asks while no other does: its grant waits for nobody.

    What is written is chosen by a number, in a tree of multiplexers, from those who write.

    Latency: none.  Throughput: an access per cycle.

    Parameters
    ----------
    users: how many.  readers: those of them that never write.

    Members
    -------
    users: In, per user, the first goes first.  port: Out.
    """

    def __init__(self, config: Config, users: int, readers: Sequence[int] = ()) -> None:
        self._count = users
        self._writers = [number for number in range(users) if number not in readers]
        super().__init__(
            {"users": In(access_signature(config)).array(users), "port": Out(access_signature(config))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for user in self.users:
            m.d.comb += user.read.eq(self.port.read)
        writers = [self.users[number] for number in self._writers]
        chosen = Signal(range(len(writers)), init=len(writers) - 1)
        names = ("valid", "write", "address")
        for number, user in enumerate(self.users):
            with m.If(user.valid) if number == 0 else m.Elif(user.valid):
                m.d.comb += [getattr(self.port, name).eq(getattr(user, name)) for name in names]
                m.d.comb += user.grant.eq(self.port.grant)
                if number in self._writers:
                    m.d.comb += chosen.eq(self._writers.index(number))
        m.d.comb += [
            self.port.data.eq(_select(chosen, [user.data for user in writers])),
            self.users[self._count - 1].grant.eq(1),
        ]
        return m


def _select(number: Value, values: list[Value]) -> Value:
    """The value of that number, by its bits."""
    for bit in number:
        pairs = zip(values[::2], values[1::2], strict=False)
        joined = [Mux(bit, other, one) for one, other in pairs]
        values = joined + values[2 * len(joined) :]
    return values[0]
