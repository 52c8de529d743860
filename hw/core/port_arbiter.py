"""Who uses the feature memory's second port: writeback, or the host."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from hw.interfaces import access_signature, port_signature, read_signature, write_signature


class PortArbiter(wiring.Component):
    """Grants port B of the feature memory in every cycle.

    A write of a layer goes at once; so does a read of a residual, which the drain keeps out of the cycles of
    writes (`latency.RESIDUAL_GAP`). The host is granted the cycles that are left.

    Latency: none.  Throughput: one access per cycle.

    Members
    -------
    write, residual: from the writeback.  host: from the host.  port: to the memory.
    """

    def __init__(self, config: Config) -> None:
        self._lanes = config.lanes
        super().__init__(
            {
                "write": In(write_signature(config)),
                "residual": In(read_signature(config)),
                "host": In(access_signature(config)),
                "port": Out(port_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write, residual, host, port = self.write, self.residual, self.host, self.port
        m.d.comb += [
            host.grant.eq(~write.valid & ~residual.valid),
            host.read.eq(port.read),
            residual.data.eq(port.read),
            port.address.eq(host.address),
            port.write.eq(host.data),
            port.enable.eq((host.valid & host.write).replicate(self._lanes)),
        ]
        with m.If(write.valid):
            m.d.comb += [
                port.address.eq(write.address),
                port.write.eq(write.data),
                port.enable.eq(write.enable),
            ]
        with m.Elif(residual.valid):
            m.d.comb += [port.address.eq(residual.address), port.enable.eq(0)]
        return m
