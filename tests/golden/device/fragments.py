"""Pieces of the controller's program, each run for many values."""

from collections.abc import Callable, Sequence

from golden.device.assembly import ZERO, Assembly, Register
from golden.machine.controller import Controller
from golden.spec.learning import seeded
from tests.sim.learning.devices import CONFIG

RANDOM = seeded(5, 4)
"""Where the random numbers of a run begin."""
COUNTS = 4000
"""Address of two numbers that a piece may count in."""


def run_program(
    write: Callable[[Assembly], None], data: list[int], rows: Sequence[list[int]] = ()
) -> list[int]:
    """The data memory afterwards; of what is not given it is 0. rows: first words of the feature memory."""
    it = Assembly(CONFIG)
    write(it)
    it.stop()
    memory = data + [0] * (CONFIG.controller_words - len(data))
    rest = CONFIG.feature_words - len(rows)
    features = [*rows, *([0] * CONFIG.lanes for _ in range(rest))]
    Controller(CONFIG, list(it.words()), memory, RANDOM, features, lambda *_: None).run()
    return memory


def for_each(
    rows: Sequence[tuple[int, ...]], write: Callable[..., None], constants: tuple[int, ...] = ()
) -> list[int]:
    """What a piece leaves in its first register, for each row.

    write: is given the assembly, a register with each number of the row, and one with each of the constants.
    """
    width = len(rows[0])

    def program(it: Assembly) -> None:
        with it.registers(2 + width + len(constants)) as (place, end, *rest):
            values: list[Register] = rest[:width]
            kept: list[Register] = rest[width:]
            for register, number in zip(kept, constants, strict=True):
                it.constant(register, number)
            it.constant(end, width * len(rows))
            it.add(place, ZERO, 0)
            again = it.here()
            for number, register in enumerate(values):
                it.load(register, place + number)
            write(it, *values, *kept)
            it.store(values[0], place)
            it.add(place, place, width)
            it.unequal(place, end, again)
        it.apart()

    assert width * len(rows) <= COUNTS
    return run_program(program, [number for row in rows for number in row])[: width * len(rows) : width]
