"""The checksum of a program image against zlib's, word by word, with pauses."""

import zlib
from typing import Any

from hw.parts.checksum import Checksum
from tests.hw.bench import seeded, simulate

FIRST = 0x1234_ABCD


def test_checksum() -> None:
    rng = seeded(1)
    dut = Checksum(FIRST)

    async def bench(ctx: Any) -> None:
        for _ in range(5):
            ctx.set(dut.start, 1)
            ctx.set(dut.valid, 0)
            await ctx.tick()
            ctx.set(dut.start, 0)
            sent = FIRST.to_bytes(4, "little")
            for _ in range(40):
                word, valid = rng.getrandbits(32), rng.random() < 0.7
                ctx.set(dut.word, word)
                ctx.set(dut.valid, valid)
                assert ctx.get(dut.crc) == zlib.crc32(sent)
                await ctx.tick()
                if valid:
                    sent += word.to_bytes(4, "little")
            assert ctx.get(dut.crc) == zlib.crc32(sent)

    simulate(dut, bench)
