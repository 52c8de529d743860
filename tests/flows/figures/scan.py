"""Measurements that stand in a text: a number with a unit that is measured."""

import re
from collections.abc import Iterator

_NUMBER = (
    r"(?:(?<![\w.])\d[\d,]*(?:\.\d+)?|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|"
    r"forty|fifty|hundred|half an?|half a|a third|a quarter|a fifth)\b)"
)
_UNIT = (
    r"(?:%|per cent\b|[kMG]?Hz\b|k?cycles?\b|[mµn]?s\b|seconds?\b|minutes?\b|hours?\b|points?\b|times\b|"
    r"(?:LUT4? )?sites?\b|LUTs?\b|LUT4s?\b|µm²|[pnµ]J\b|m?W\b|block RAMs?\b|flip-flops?\b|"
    r"DSPs?\b|DSP blocks?\b|logic cells\b|dB\b|[MGT]MACs?\b)"
)
WITH_UNIT = re.compile(rf"{_NUMBER}(?: to {_NUMBER})?[ \u00a0-]?{_UNIT}")
RATIO = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:×(?! ?\d)|-fold\b)|\bfactor of \d+(?:\.\d+)?")
OF = re.compile(r"\b\d[\d,]* of (?:the )?\d[\d,]*\b")
CELL = re.compile(r"(?<=\|) *\*{0,2}[−-]?\d[\d,]*(?:\.\d+)?\*{0,2} *(?=\|)")


def measurements(text: str) -> Iterator[tuple[str, str]]:
    """(what was found, its surroundings on one line) of each measurement."""
    flat = re.sub(r"\s+", " ", text)
    for pattern in (WITH_UNIT, RATIO, OF):
        for found in pattern.finditer(flat):
            yield found.group(), flat[max(0, found.start() - 60) : found.end() + 40]


def numeric_cells(text: str) -> Iterator[tuple[str, str]]:
    """(number, line) of each cell of a Markdown table that is a number and nothing else."""
    for line in text.splitlines():
        if line.startswith("|"):
            for found in CELL.finditer(line):
                yield found.group().strip(), line
