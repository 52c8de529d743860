"""PortArbiter: a layer's writes and residuals at once, the host in the cycles left. Latency: none."""

from typing import Any

from hw.core.port_arbiter import PortArbiter
from tests.hw.bench import NANO, seeded, simulate


def test_one_access_a_cycle() -> None:
    rng = seeded(1)
    dut = PortArbiter(NANO)
    lanes, word = NANO.lanes, 8 * NANO.lanes

    async def bench(ctx: Any) -> None:
        for _ in range(400):
            kind = rng.choice(["write", "residual", "nobody"])
            host, writes = rng.random() < 0.7, rng.random() < 0.5
            address = {name: rng.randrange(NANO.feature_words) for name in ("write", "residual", "host")}
            data = {name: rng.getrandbits(word) for name in ("write", "host")}
            enable, read = rng.getrandbits(lanes), rng.getrandbits(word)
            for name in ("write", "residual"):
                ctx.set(getattr(dut, name).valid, kind == name)
                ctx.set(getattr(dut, name).address, address[name])
            for port, value in (
                (dut.write.enable, enable),
                (dut.write.data, data["write"]),
                (dut.host.valid, host),
                (dut.host.write, writes),
                (dut.host.address, address["host"]),
                (dut.host.data, data["host"]),
                (dut.port.read, read),
            ):
                ctx.set(port, value)
            assert ctx.get(dut.host.grant) == (kind == "nobody")
            assert ctx.get(dut.host.read) == ctx.get(dut.residual.data) == read
            written = {"write": enable, "residual": 0, "nobody": (host and writes) * ((1 << lanes) - 1)}[kind]
            assert ctx.get(dut.port.enable) == written
            who = "host" if kind == "nobody" else kind
            assert ctx.get(dut.port.address) == address[who]
            if written:
                assert ctx.get(dut.port.write) == data[who]
            await ctx.delay(1e-9)

    simulate(dut, bench)
