"""Blocks as the map writer gives them in a forward pass."""

import random
from itertools import product
from typing import Any

from golden.spec import latency
from golden.spec.config import Config


async def write_blocks(
    ctx: Any, port: Any, config: Config, rng: random.Random, fields: dict[str, int], words: list[list[int]]
) -> None:
    """Blocks as a forward pass gives them: rounds of channels, in each a word of every channel in turn, as
    close behind each other as an array's can be, or with pauses.

    Parameters
    ----------
    port: `blocks_signature`.  fields: of `norm_record`.  words: of each channel.
    """
    slices, size = config.lanes // config.basis, 8 * config.basis
    ctx.set(port.layer, {name: fields[name] for name in ("parameter_address", "chunk_beats", "chunks")})
    ctx.set(port.start, 1)
    await ctx.tick()
    ctx.set(port.start, 0)
    left, pause = words, rng.choice([0.0, 0.2])
    together = rng.randint(1, min(len(words), 1 << len(port.channel)))
    while left:
        channels, left = left[:together], left[together:]
        apart = latency.words_apart(slices, len(channels))
        for place in range(len(channels[0])):
            cycles = 0
            for channel, number in product(range(len(channels)), range(slices)):
                word = channels[channel][place]
                for name, value in {
                    "valid": 1,
                    "bytes": word >> number * size & (1 << size) - 1,
                    "slice": number,
                    "channel": channel,
                    "initial": int(place == number == 0),
                    "final": int(place == len(channels[0]) - 1 and number == slices - 1),
                }.items():
                    ctx.set(getattr(port, name), value)
                await ctx.tick()
                cycles += 1
                if number == slices - 1 and rng.random() < pause:
                    ctx.set(port.valid, 0)
                    await ctx.tick()
                    cycles += 1
            ctx.set(port.valid, 0)
            for _ in range(apart - cycles):
                await ctx.tick()
    for _ in range(8):
        await ctx.tick()
