"""Liberty files: the cells of an ASIC library, as far as synthesis and simulation need them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flows.base.tools import MissingTool
from golden.spec.errors import LightDealError

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Where the Debian package qflow-tech-osu018 puts its library (0.18 µm, 1.8 V, 25 °C, typical)."""

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\\\r?\n|\s+|"(?:\\.|[^"\\])*"|[(){};:,]|[^\s(){};:,"]+', re.DOTALL)


@dataclass
class Group:
    """A group of a Liberty file: kind(arguments) { attributes, groups }; all values as text."""

    kind: str
    arguments: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first argument."""
        return self.arguments[0] if self.arguments else ""

    def all(self, kind: str) -> Iterator["Group"]:
        """The groups inside of one kind."""
        return (group for group in self.groups if group.kind == kind)


@dataclass(frozen=True)
class Cell:
    """A cell of a library.

    Parameters
    ----------
    area: in the units of the library (µm² in those we know).
    inputs: input pin → capacitance, in femtofarads.
    outputs: output pin → its function, in the words of the Liberty file.
    three_state: output pin → condition in which it does not drive.
    state: the cell's ff or latch group, or None.
    """

    name: str
    area: float
    inputs: dict[str, float]
    outputs: dict[str, str]
    three_state: dict[str, str]
    state: Group | None

    @property
    def is_flip_flop(self) -> bool:
        """It keeps a bit at a clock edge."""
        return self.state is not None and self.state.kind == "ff"


@dataclass(frozen=True)
class Library:
    """The cells of a Liberty file by name; `volts` is its nominal voltage."""

    name: str
    path: Path
    cells: dict[str, Cell]
    volts: float

    def inverter(self) -> Cell:
        """The inverter of median area, which stands for what drives the inputs of a design."""
        found = []
        for cell in self.cells.values():
            functions = [text.replace(" ", "").strip("()") for text in cell.outputs.values()]
            if len(cell.inputs) == 1 and functions in ([f"!{next(iter(cell.inputs))}"],):
                found.append(cell)
        if not found:
            raise LightDealError(f"Liberty file {self.path}: no inverter among its cells")
        found.sort(key=lambda cell: (cell.area, cell.name))
        return found[len(found) // 2]


def _tokens(text: str) -> list[str]:
    skip = ("/*", "//", "\\\n", "\\\r")
    found = (match.group() for match in _TOKEN.finditer(text))
    return [token for token in found if not token.isspace() and not token.startswith(skip)]


def parse(text: str, what: str) -> Group:
    """The outermost group of a Liberty text. Raises LightDealError where it breaks off."""
    tokens = _tokens(text)
    root = Group("file", ())
    open_groups = [root]
    at = 0
    try:
        while at < len(tokens):
            token = tokens[at]
            if token == "}":
                open_groups.pop()
                at += 1
            elif token == ";":
                at += 1
            elif tokens[at + 1] == ":":
                end = at + 2
                while tokens[end] not in (";", "}"):
                    end += 1
                open_groups[-1].attributes[token] = " ".join(t.strip('"') for t in tokens[at + 2 : end])
                at = end
            elif tokens[at + 1] == "(":
                end = tokens.index(")", at)
                arguments = tuple(t.strip('"') for t in tokens[at + 2 : end] if t != ",")
                at = end + 1
                if at < len(tokens) and tokens[at] == "{":
                    group = Group(token, arguments)
                    open_groups[-1].groups.append(group)
                    open_groups.append(group)
                    at += 1
                else:
                    open_groups[-1].attributes[token] = ",".join(arguments)
            else:
                raise ValueError(f"{token!r} is followed by {tokens[at + 1]!r}")
        if len(open_groups) != 1 or len(root.groups) != 1 or root.groups[0].kind != "library":
            raise ValueError("it does not hold one whole library")
    except (ValueError, IndexError) as error:
        raise LightDealError(f"Liberty file {what}: cannot be understood: {error}") from error
    return root.groups[0]


def _cell(group: Group, farads: float) -> Cell:
    inputs: dict[str, float] = {}
    outputs: dict[str, str] = {}
    three_state: dict[str, str] = {}
    for pin in group.all("pin"):
        if pin.attributes.get("direction") == "input":
            inputs[pin.name] = float(pin.attributes.get("capacitance", "0")) * farads
        elif "function" in pin.attributes:
            outputs[pin.name] = pin.attributes["function"]
            if "three_state" in pin.attributes:
                three_state[pin.name] = pin.attributes["three_state"]
    states = [inner for inner in group.groups if inner.kind in ("ff", "latch")]
    area = float(group.attributes.get("area", "0"))
    return Cell(group.name, area, inputs, outputs, three_state, states[0] if states else None)


def read_liberty(path: Path | None) -> Library:
    """The library of a Liberty file; None for osu018 from its Debian package.

    Raises MissingTool if osu018 is not installed, LightDealError for a file that cannot be read.
    """
    if path is None and not OSU018.is_file():
        raise MissingTool(
            "target osu018 needs a Liberty file: install the Debian package qflow-tech-osu018, "
            "or name a file of your own with --liberty FILE"
        )
    path = path or OSU018
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise LightDealError(f"Liberty file {path}: cannot be read: {error.strerror}") from error
    library = parse(text, str(path))
    number, unit = (library.attributes.get("capacitive_load_unit", "1,pf") + ",").split(",")[:2]
    farads = float(number) * {"ff": 1.0, "pf": 1000.0}[unit.lower()]
    cells = {group.name: _cell(group, farads) for group in library.all("cell")}
    return Library(library.name, path, cells, float(library.attributes.get("nom_voltage", "0")))
