"""AccessArbiter: the first of those who ask, with what it writes. Latency: none."""

from typing import Any

import pytest

from hw.learning.access_arbiter import AccessArbiter
from tests.hw.bench import NANO, seeded, simulate


@pytest.mark.parametrize(("users", "readers"), [(2, ()), (5, ()), (6, (1,)), (6, (0, 4))])
def test_the_first_who_asks_has_the_port(users: int, readers: tuple[int, ...]) -> None:
    rng = seeded(1)
    dut = AccessArbiter(NANO, users, readers)

    async def bench(ctx: Any) -> None:
        for _ in range(300):
            asks = [rng.random() < 0.3 for _ in range(users)]
            writes = [number not in readers and rng.random() < 0.6 for number in range(users)]
            addresses = [rng.randrange(NANO.feature_words) for _ in range(users)]
            words = [rng.getrandbits(8 * NANO.lanes) for _ in range(users)]
            granted, read = rng.random() < 0.7, rng.getrandbits(8 * NANO.lanes)
            for number, user in enumerate(dut.users):
                ctx.set(user.valid, asks[number])
                ctx.set(user.write, writes[number])
                ctx.set(user.address, addresses[number])
                ctx.set(user.data, words[number])
            ctx.set(dut.port.grant, granted)
            ctx.set(dut.port.read, read)
            first = asks.index(True) if True in asks else None
            assert ctx.get(dut.port.valid) == (first is not None)
            for number, user in enumerate(dut.users):
                last = number == users - 1
                assert ctx.get(user.grant) == (last or (number == first and granted))
                assert ctx.get(user.read) == read
            if first is not None:
                assert ctx.get(dut.port.address) == addresses[first]
                assert ctx.get(dut.port.write) == writes[first]
                if writes[first]:
                    assert ctx.get(dut.port.data) == words[first]
            await ctx.delay(1e-9)

    simulate(dut, bench)
