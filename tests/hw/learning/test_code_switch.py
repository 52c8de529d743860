"""CodeSwitch: every code with every counter and move, against golden's rule."""

from typing import Any

from golden.spec import formats
from golden.spec.learning import switched
from golden.spec.memories import COUNTER_BITS
from hw.learning.code_switch import CodeSwitch
from tests.hw.bench import simulate


def test_every_code_and_total() -> None:
    dut = CodeSwitch()
    bar = 1 << COUNTER_BITS - 1

    async def bench(ctx: Any) -> None:
        for code in range(formats.CODE_END):
            if code & formats.CODE_ZERO == formats.CODE_ZERO and code != formats.CODE_ZERO:
                continue
            value = formats.decode_coefficient(code)
            for counter in range(1 - bar, bar):
                for move in range(-2 * bar, 2 * bar + 1):
                    ctx.set(dut.code, code)
                    ctx.set(dut.total, counter + move)
                    new, left = switched(value, counter, move, COUNTER_BITS)
                    assert ctx.get(dut.new_counter) == left
                    assert ctx.get(dut.moved) == (new != value)
                    assert ctx.get(dut.new_code) == formats.encode_coefficient(new)

    simulate(dut, bench)
