"""Arbiter of passes: channels whole, at most two waiting, a pass that cannot begin in nobody's way."""

from typing import Any

import pytest

from golden.spec import block
from hw.lightnorm.layouts import Op
from hw.lightnorm.pass_arbiter import PassArbiter
from tests.hw.bench import seeded, simulate

CHANNELS, LANES = 12, 4


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("delay", [0, 12])
def test_a_tensor(stall: float, delay: int) -> None:
    """The host offers every APPLY at once; the unit finds a channel's words `delay` cycles after its STAT
    and after the words before have been used."""
    rng = seeded(delay)
    dut = PassArbiter(block.light(), LANES)
    lengths = [rng.randint(1, 5) for _ in range(CHANNELS)]
    queues = {
        op: [(op, channel, beat) for channel in range(CHANNELS) for beat in range(lengths[channel])]
        for op in (Op.STAT, Op.APPLY)
    }
    left = {op: list(beats) for op, beats in queues.items()}
    went: list[tuple[Op, int, int]] = []

    async def bench(ctx: Any) -> None:
        solved, free, due = 0, True, 0
        offered: tuple[Op, int, int] | None = None
        show = {Op.STAT: False, Op.APPLY: False}
        for _ in range(2000):
            for op, port in ((Op.STAT, dut.i_array), (Op.APPLY, dut.i_host)):
                show[op] = bool(left[op]) and (show[op] or rng.random() >= stall)
                ctx.set(port.valid, show[op])
                if show[op]:
                    _, channel, beat = left[op][0]
                    codes = {"codes": [channel, beat, 0, 0]}
                    last = beat == lengths[channel] - 1
                    ctx.set(port.payload, {"op": op, "x": codes, "mask": 1, "last": last})
            ctx.set(dut.o.ready, rng.random() >= stall)
            ended = sum(op == Op.STAT and beat == lengths[channel] - 1 for op, channel, beat in went)
            due = due + 1 if ended > solved and free else 0
            pulse = due > delay
            ctx.set(dut.solved, pulse)
            _, _, valid, ready, payload, *taken = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload, dut.i_array.ready, dut.i_host.ready
            )
            now = (Op(payload.op), int(payload.x.codes[0]), int(payload.x.codes[1]))
            assert offered is None or (valid and now == offered), "what has been offered stays"
            offered = now if valid and not ready else None
            if valid and now[0] == Op.APPLY:
                assert now[1] < solved, "words of the channel are there"
            for op, ready_in in zip((Op.STAT, Op.APPLY), taken, strict=True):
                if show[op] and ready_in:
                    assert valid
                    assert ready
                    assert now == left[op].pop(0)
                    show[op] = False
            if valid and ready:
                went.append(now)
                free = free or (now[0] == Op.APPLY and bool(payload.last))
            if pulse:
                solved, free, due = solved + 1, False, 0
            if not left[Op.STAT] and not left[Op.APPLY]:
                return
        raise AssertionError(f"stuck after {went[-1]}")

    simulate(dut, bench)
    assert {op: [beat for beat in went if beat[0] == op] for op in queues} == queues
    order = [(op, channel) for op, channel, beat in went if beat == 0]
    assert went == [(op, channel, b) for op, channel in order for b in range(lengths[channel])]
    waiting = 0
    for op, channel in order:
        waiting += 1 if op == Op.STAT else -1
        assert waiting <= 2, f"{op.name} {channel} began too early"
    if stall == 0 and delay:
        # STAT 1 goes by while the words of channel 0 are found.
        assert order[:3] == [(Op.STAT, 0), (Op.STAT, 1), (Op.APPLY, 0)]
