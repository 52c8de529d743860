"""README.md and docs/: every figure is a kept one, and no measurement stands elsewhere."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.base.plots import summary
from flows.figures.blocks import BLOCKS
from flows.figures.kept import RESULTS, read_all
from flows.figures.picture import panels
from flows.figures.verb import MARK, PICTURE, fill, texts
from tests.flows.figures.scan import measurements, numeric_cells

ROOT = Path(__file__).parents[3]
TEXTS = texts(ROOT)

MACHINE = "machine.md"
"""The contract to the bit and the cycle: its numbers are definitions, held by the tests of golden and hw."""

ALLOWED = {
    "README.md": {"powers of two times a": "arithmetic"},
    "batchnorm.md": {"5 cycles in bfloat16, 6 in FP32": "the unit's definition, in tests/hw/batchnorm"},
    "boards.md": {"clock of 25 MHz": "the board's clock", "half a cycle each way": "the other edge"},
    "explore.md": {
        "# 1,000 points on digits": "the default",
        "# three points of the front": "an option's value",
        "four times as many": "the definition of an axis",
        "an image is 0.28 points": "1 of the 360 test images",
        "more than four times in size": "tests/flows/explore/test_kept_model.py",
        "(434 sites each)": "24,288 sites and 56 block RAMs of the part",
    },
    "design.md": {"powers of two times a": "arithmetic"},
    "guide.md": {
        'bits a weight (`"1.8 bits"`), or points of accuracy lost (`"1 point"`)': "values of an option"
    },
    "lightnorm.md": {
        "three cycles a beat": "the definition of the streams",
        "0.5 % for `light`": "by the formula above it",
        "0.05 % for `wide`": "by the formula above it",
    },
}
"""File → phrase → why it is no measurement, or what else holds it."""

IN_CODE = re.compile(r"%|Hz|second|minute|hour|point|dB|cent|MAC")
"""Units of which comments and docstrings have no measurement; cycles and sites are definitions there."""

ALLOWED_IN_CODE = {"flows/explore/sweep.py": {"about half a second of work": "an aim"}}


def outside(path: Path) -> str:
    """A text without its blocks."""
    return MARK.sub("", path.read_text())


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_block_is_what_is_kept(path: Path) -> None:
    """Where this fails, `./run report readme` writes it anew."""
    assert path.read_text() == fill(path, read_all(ROOT / RESULTS))


def test_every_block_stands_in_one_text() -> None:
    found = [name for path in TEXTS for name, _ in MARK.findall(path.read_text())]
    assert sorted(found) == sorted(BLOCKS)


def test_the_picture_is_of_what_is_kept(tmp_path: Path) -> None:
    """By its words and numbers, which Matplotlib leaves as comments; on another machine shapes may be rounded
    otherwise."""
    kept = read_all(ROOT / RESULTS)
    summary(tmp_path / "it.svg", panels(kept))
    found, drawn = (
        re.findall("<!-- (.*?) -->", it.read_text()) for it in (ROOT / PICTURE, tmp_path / "it.svg")
    )
    assert found == drawn
    assert f"{kept['demo'].values['cycles.per_image']:,.0f}" in found


@pytest.mark.parametrize("path", [path for path in TEXTS if path.name != MACHINE], ids=lambda path: path.name)
def test_no_measurement_stands_outside_of_a_block(path: Path) -> None:
    """docs/results/README.md has the rule."""
    text = re.sub(r"\s+", " ", outside(path))
    allowed = ALLOWED.get(path.name, {})
    assert [phrase for phrase in allowed if phrase not in text] == []
    for phrase in allowed:
        text = text.replace(phrase, "")
    assert [*measurements(text), *numeric_cells(outside(path))] == []


def words(path: Path) -> Iterator[str]:
    """Comments and docstrings of a Python file."""
    text = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_no_measurement_stands_in_the_code() -> None:
    used = set()
    wrong = []
    for room in ("golden", "hw", "sim", "flows"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for text in words(path):
                flat = re.sub(r"\s+", " ", text)
                for phrase in ALLOWED_IN_CODE.get(name, {}):
                    if phrase in flat:
                        used.add(phrase)
                        flat = flat.replace(phrase, "")
                wrong += [(name, *it) for it in measurements(flat) if IN_CODE.search(it[0])]
    assert wrong == []
    assert used == {phrase for phrases in ALLOWED_IN_CODE.values() for phrase in phrases}


@pytest.mark.parametrize(
    "text",
    [
        "took 3 % off the digits network",
        "2.6 to 3.6 times batch norm's time",
        "83.8 MHz after place and route",
        "425 cycles for `light`",
        "one to four minutes on 2 cores",
        "half a\npoint",
        "the loss is 0.30 points",
        "117 LUT4 sites a shift-adder",
        "17 of the 30 block RAMs",
        "3.5× fewer",
        "a factor of 3.5",
        "| LightNorm | 817,198 |",
        "| seed | **86.52** |",
        "seven minutes",
    ],
)
def test_a_measurement_is_found(text: str) -> None:
    assert [*measurements(text), *numeric_cells(text)]


@pytest.mark.parametrize(
    "text",
    [
        "8 bits",
        "64 shift-adders",
        "3×3",
        "a 4-bit code",
        "360 images",
        "| 1, 2, 4 | bits |",
        "0.2, 0.15",
        "p = 0…6",
    ],
)
def test_a_definition_is_not(text: str) -> None:
    assert [*measurements(text), *numeric_cells(text)] == []
