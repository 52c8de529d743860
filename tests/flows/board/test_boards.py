"""Boards: part, clock and pins are those of the board, and the LEDs show how the self-test ends."""

import importlib
from dataclasses import replace
from typing import Any

import pytest
from amaranth.sim import Simulator

from flows.base.tools import MissingTool
from flows.board import boards
from flows.board.boards import BoardTop, find_board
from flows.board.contents import make_contents
from golden.spec.config import TINY
from golden.spec.errors import LightDealError
from hw.tops.selftest import SelfTest
from tests.sim.programs import random_case


def test_the_ulx3s_is_as_its_makers_say() -> None:
    """Constraint file of the board, version 2.0: emard/ulx3s, ulx3s_v20.lpf."""
    board = find_board("ulx3s")
    assert (board.device, board.package, board.speed, board.mhz) == ("LFE5U-85F", "BG381", "6", 25.0)
    lines = board.constraints().splitlines()
    assert 'FREQUENCY PORT "clk" 25 MHZ;' in lines
    for port, site in {"clk": "G2", "passed": "B2", "failed": "C2", "busy": "C1"}.items():
        assert f'LOCATE COMP "{port}" SITE "{site}";' in lines
        assert any(line.startswith(f'IOBUF PORT "{port}" IO_TYPE=LVCMOS33') for line in lines)


def test_an_unknown_board_is_refused() -> None:
    with pytest.raises(LightDealError, match="board 'ulx4s' is unknown; legal: ulx3s"):
        find_board("ulx4s")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        return importlib.import_module(f"not_there_{name}")

    monkeypatch.setattr(boards, "import_module", missing)
    with pytest.raises(MissingTool, match=r"install amaranth-boards with pip install 'lightdeal\[route\]'"):
        find_board("ulx3s")


@pytest.mark.parametrize("right", [True, False])
def test_leds_show_the_outcome(right: bool) -> None:
    """The whole board with its own clock pin; the failed LED of this one lights at 0."""
    print("seed 34")
    case = random_case(34, TINY, 1)
    contents = make_contents(case.program, case.images)
    if not right:
        contents = replace(contents, results=[contents.results[0] ^ 1, *contents.results[1:]])
    board = replace(find_board("ulx3s"), inverted=frozenset({"failed"}))
    dut = BoardTop(board, SelfTest(TINY, contents))
    seen: list[tuple[int, int, int]] = []

    async def bench(ctx: Any) -> None:
        for _ in range(4000):
            seen.append((ctx.get(dut.passed), ctx.get(dut.failed), ctx.get(dut.busy)))
            if not ctx.get(dut.busy):
                return
            ctx.set(dut.clk, 1)
            await ctx.delay(1e-6)
            ctx.set(dut.clk, 0)
            await ctx.delay(1e-6)

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen[0] == (0, 1, 1)
    assert seen[-1] == ((1, 1, 0) if right else (0, 0, 0))
