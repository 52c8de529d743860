"""Boards: their part, clock and LEDs, as amaranth-boards knows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from flows.base.tools import MissingTool
from golden.spec.errors import LightDealError
from hw.tops.selftest import SelfTest

_LEDS = ("passed", "failed", "busy")


@dataclass(frozen=True)
class Board:
    """What a flow needs of an ECP5 board.

    Parameters
    ----------
    device, package, speed: of the part, in the words of its maker.
    mhz: the board's clock.
    pins: port of `BoardTop` → site of the part.
    attributes: port → attributes of its pin.
    inverted: ports whose LED lights at 0.
    """

    name: str
    device: str
    package: str
    speed: str
    mhz: float
    pins: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]]
    inverted: frozenset[str]

    def constraints(self) -> str:
        """The LPF file: where the pins are, and the clock."""
        lines = [f'FREQUENCY PORT "clk" {self.mhz:g} MHZ;']
        for port, site in self.pins.items():
            lines.append(f'LOCATE COMP "{port}" SITE "{site}";')
            pairs = " ".join(f"{name}={value}" for name, value in self.attributes[port].items())
            lines.append(f'IOBUF PORT "{port}" {pairs};')
        return "\n".join(lines) + "\n"


BOARDS = {"ulx3s": ("ulx3s", "ULX3S_85F_Platform")}
"""Name → module and class in amaranth_boards. The ULX3S is the common board with the largest ECP5; the
configuration `small` has room on it."""


def find_board(name: str) -> Board:
    """The board of that name. LEDs 0, 1, 2 show passed, failed, busy.

    Raises LightDealError for an unknown name, MissingTool if amaranth-boards is not installed.
    """
    if name not in BOARDS:
        raise LightDealError(f"board {name!r} is unknown; legal: {', '.join(BOARDS)}")
    module, platform_class = BOARDS[name]
    try:
        platform = getattr(import_module(f"amaranth_boards.{module}"), platform_class)
    except ModuleNotFoundError as error:
        raise MissingTool(
            f"{error.name} is missing: install amaranth-boards with pip install 'lightdeal[route]'"
        ) from error
    resources = {(it.name, it.number): it for it in platform.resources}
    clock = resources[platform.default_clk, 0]
    chosen: dict[str, Any] = {"clk": clock}
    chosen |= {port: resources["led", number] for number, port in enumerate(_LEDS)}
    return Board(
        name=name,
        device=platform.device,
        package=platform.package,
        speed=platform.speed,
        mhz=clock.clock.frequency / 1e6,
        pins={port: it.ios[0].names[0] for port, it in chosen.items()},
        attributes={port: {k: str(v) for k, v in it.attrs.items()} for port, it in chosen.items()},
        inverted=frozenset(port for port, it in chosen.items() if it.ios[0].invert),
    )


class BoardTop(wiring.Component):
    """A self-test between the clock and the LEDs of a board.

    Members: clk: In.  passed, failed, busy: Out, LEDs.
    """

    clk: Signal

    def __init__(self, board: Board, test: SelfTest) -> None:
        self._board, self._test = board, test
        super().__init__({"clk": In(1), **{name: Out(1) for name in _LEDS}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # An ECP5 sets every flip-flop when it is configured; `SelfTest` waits for the clock to settle.
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.test = self._test
        m.d.comb += ClockSignal().eq(self.clk)
        for name in _LEDS:
            value = getattr(self._test, name)
            m.d.comb += getattr(self, name).eq(~value if name in self._board.inverted else value)
        return m
