"""Waveforms in VCD files: what they say, as integers, and how often each bit toggles."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class Variable:
    """A variable of a VCD file: scopes and name, width in bits, and the code of its changes."""

    scopes: tuple[str, ...]
    name: str
    width: int
    code: str

    @property
    def path(self) -> str:
        """Scopes and name with spaces between, without the range of a vector."""
        return " ".join([*self.scopes, self.name])


def _header(file: TextIO) -> list[Variable]:
    scopes: list[str] = []
    found = []
    for line in file:
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"]:
            names = [word for word in words[4:-1] if not word.startswith("[")]
            found.append(Variable(tuple(scopes), " ".join(names).lstrip("\\"), int(words[2]), words[3]))
        elif words[:1] == ["$enddefinitions"]:
            return found
    raise LightDealError(f"waveform {file.name}: its header does not end")


def _changes(file: TextIO) -> Iterator[tuple[str, str]]:
    """(code, value) of every change; ("", time) as time goes on."""
    for line in file:
        first = line[0]
        if first in "01xzXZ":
            yield line[1:].rstrip(), first
        elif first in "bB":
            value, _, code = line[1:].partition(" ")
            yield code.rstrip(), value
        elif first == "#":
            yield "", line[1:].rstrip()


def _integer(value: str) -> int:
    """Bits that are unknown or not driven count as 0."""
    return int(value.translate(str.maketrans("xzXZ", "0000")), 2)


def variables(path: Path) -> list[Variable]:
    """The variables of a VCD file."""
    with path.open() as file:
        return _header(file)


def samples(path: Path, clock: str, wanted: list[str]) -> Iterator[list[int]]:
    """Values of the variables with the paths `wanted` just before each rising edge of `clock`.

    Raises LightDealError if the file lacks one.
    """
    with path.open() as file:
        by_path = {variable.path: variable.code for variable in _header(file)}
        for name in (clock, *wanted):
            if name not in by_path:
                raise LightDealError(f"waveform {path}: it has no variable {name!r}")
        codes = [by_path[name] for name in wanted]
        clock_code = by_path[clock]
        values = dict.fromkeys((*codes, clock_code), 0)
        before = [0] * len(codes)
        was_low = True
        for code, value in _changes(file):
            if not code:
                if was_low and values[clock_code]:
                    yield before
                was_low = not values[clock_code]
                before = [values[code] for code in codes]
            elif code in values:
                values[code] = _integer(value)
        if was_low and values[clock_code]:
            yield before


def toggles(path: Path) -> dict[str, list[int]]:
    """Name of every variable → changes of each of its bits, lowest bit first; unknown counts as 0."""
    with path.open() as file:
        header = _header(file)
        counts = {variable.code: [0] * variable.width for variable in header}
        values: dict[str, int] = {}
        # Most changes are of single bits, of which there are millions.
        single = dict.fromkeys(counts, 0)
        known: dict[str, str] = {}
        for line in file:
            first = line[0]
            if first in "01xzXZ":
                code = line[1:-1]
                bit = "1" if first == "1" else "0"
                if known.get(code, bit) != bit:
                    single[code] += 1
                known[code] = bit
            elif first in "bB":
                text, _, code = line[1:].rstrip().partition(" ")
                new = _integer(text)
                changed = values.get(code, new) ^ new
                values[code] = new
                bits = counts[code]
                while changed:
                    low = changed & -changed
                    bits[low.bit_length() - 1] += 1
                    changed ^= low
        return {
            variable.name: [counts[variable.code][0] + single[variable.code], *counts[variable.code][1:]]
            for variable in header
        }
