"""What an arithmetic must bring so that compiler, machine and cycle model can run it."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from golden.datapath.entries import Entries
from golden.datapath.progress import Instruction
from golden.graph.network import Layer
from golden.spec import arithmetics
from golden.spec.arithmetics import Arithmetic
from golden.spec.config import Config
from golden.spec.errors import MachineError
from golden.spec.program import Program

Int64 = npt.NDArray[np.int64]


class Block(Protocol):
    """A block of a stream, decoded: `value`·x[row] is added to the slot; int64, one for each weight."""

    @property
    def value(self) -> Int64: ...
    @property
    def slot(self) -> Int64: ...
    @property
    def row(self) -> Int64: ...


class Decoder(Protocol):
    """The stream of one engine, read block after block."""

    def block(self, rows: int) -> Block | None:
        """The next block, for jobs of that many rows; None where they do not fit together and the rest of
        the program decides what the machine says (`wrong`).

        Raises MachineError (STREAM) where nothing else can be said.
        """

    def wrong(
        self, rows: int, instructions: Sequence[Instruction], first: int, turns: int, engines: int
    ) -> MachineError | None:
        """What the machine says where `block` gave None; parameters as of `progress.wrong_block`."""


@dataclass(frozen=True)
class Job:
    """A job as an engine's cycles see it.

    Parameters
    ----------
    block: of its stream.
    zero: for each row of the job, whether it is all zero and skipping is on; None where it is off.
    again: the next job takes the same block.
    """

    block: Block
    zero: Sequence[bool] | None
    again: bool


class EngineModel(Protocol):
    """The cycles of one engine.

    `row` is the oldest row that it may still read; `held` are cycles in which it stands still; `full_at` and
    `released_at` the cycles in which the sums of each job stand, and are drained (written by the drain).
    """

    row: int
    held: deque[int]
    full_at: list[int]
    released_at: list[int]
    row_stalls: int
    bank_stalls: int

    def step(self, cycle: int, written: int) -> None:
        """One cycle in which the engine sees `written` rows."""


@dataclass(frozen=True)
class Datapath:
    """An arithmetic in golden.

    Parameters
    ----------
    arithmetic: what hardware and golden agree on.
    entries: a checked layer → its entries. Raises UnsupportedError for weights that it cannot take.
    blocks: layer, its entries, rounds, units of an engine in a round, rows of a job, configuration → the
        memory words: for each engine one int64 array for each round.
    kept: layer, steps of an output pixel → the weights that count as kept.
    decoder: program, engine → its stream.
    engine: the jobs of one engine → its cycles.
    """

    arithmetic: Arithmetic
    entries: Callable[[Layer], Entries]
    blocks: Callable[[Layer, Entries, int, int, int, Config], list[list[Int64]]]
    kept: Callable[[Layer, int], int]
    decoder: Callable[[Program, int], Decoder]
    engine: Callable[[Sequence[Job]], EngineModel]


_registered: dict[str, Datapath] = {}


def register(datapath: Datapath) -> None:
    """Makes a datapath known, and its arithmetic legal in configurations."""
    arithmetics.register(datapath.arithmetic)
    _registered[datapath.arithmetic.name] = datapath


def datapath(config: Config) -> Datapath:
    """The datapath of a configuration."""
    arithmetics.plug_in(config.arithmetic)
    return _registered[config.arithmetic]


def stands_still(held: deque[int], cycle: int) -> bool:
    """The drain reads a sum in place of the step of this cycle; `held` are such cycles, in order."""
    while held and held[0] < cycle:
        held.popleft()
    return bool(held) and held[0] == cycle
