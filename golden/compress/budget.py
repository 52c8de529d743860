"""Budgets: what a compressed network may cost at most, instead of what each layer keeps."""

import re
from contextlib import suppress
from dataclasses import dataclass

from golden.cycles.timing import count_cycles
from golden.spec.errors import UnsupportedError
from golden.spec.program import Program

CYCLES, BITS, POINTS = "cycles", "bits", "points"
KINDS = (CYCLES, BITS, POINTS)

_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}
_WRITTEN = re.compile(r"\s*([0-9.]+)\s*([kM]?)\s*(cycle|bit|point)s?\s*")


@dataclass(frozen=True)
class Budget:
    """What a compressed network may cost.

    Parameters
    ----------
    most: so many of them, above 0.
    kind: CYCLES of an image, zero rows not skipped; BITS of the program's memories for each weight; POINTS:
        percent of the images (of accuracy where there are labels, else of agreement with the float network)
        that are lost.

    Raises UnsupportedError for another kind or number.
    """

    most: float
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not 0 < self.most < float("inf"):
            raise UnsupportedError(
                f"budget: {self.most:g} {self.kind}; supported: a number above 0 of {', '.join(KINDS)}"
            )

    @staticmethod
    def parse(text: str) -> "Budget":
        """As a person writes it, see the error's text. Raises UnsupportedError for anything else."""
        if found := _WRITTEN.fullmatch(text):
            number, unit, kind = found.groups()
            with suppress(ValueError):
                return Budget(float(number) * _UNITS[unit], f"{kind}s")
        raise UnsupportedError(
            f"budget {text[:40]!r}; supported: such as '500k cycles', '1.8 bits', '1 point'"
        )

    def __str__(self) -> str:
        return f"at most {self.most:,g} {self.kind}"


def cost_of(kind: str, program: Program) -> float:
    """Cycles of an image, or bits for each weight, of a compiled network."""
    if kind == CYCLES:
        return count_cycles(program).cycles
    return sum(it.weight_bits for it in program.layers) / sum(it.weights for it in program.layers)
