"""The verb board: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from flows.base.option_kinds import (
    Count,
    Decibels,
    Output,
    ReadFile,
    Share,
)
from flows.base.verb import Verb


@dataclass(frozen=True)
class Board:
    """A self-test of a program on an FPGA board; `images`, `data`, `snr` and `changed` as for Run.

    Parameters
    ----------
    board: a name of `flows.board.boards`.
    """

    program: ReadFile
    data: str
    images: Count = 8
    board: str = "ulx3s"
    out: Annotated[Path, Output(folder=True, sign="about.json")] = Path("build/board")
    snr: Decibels = 15.0
    changed: Share = 0.1
    also: ClassVar[tuple[Path, ...]] = (Path("build/synth"),)


BOARD = Verb(
    "board",
    "a self-test of a program on an FPGA board, down to the bitstream",
    Board,
    "flows.board.verb:board",
    {"board": "FPGA board: ulx3s"},
    takes="minutes, most of them synthesis, place and route",
)
