"""The ways of an image, of a weight and of a gradient: units and functions one after the other.

What stands in a box comes from the code: the name, and the first sentence of its docstring.
"""

import inspect
import re
import textwrap
from collections.abc import Sequence
from html import escape
from importlib import import_module

from flows.site.docstrings import LITERAL
from flows.site.layers import picture

WAYS: dict[str, tuple[str, ...]] = {
    "image": (
        "golden.machine.tensors:quantise",
        "hw.core.host_port:HostPort",
        "hw.parts.memory:FeatureMemory",
        "hw.fetch.fetch:Fetch",
        "hw.fetch.window:RowWindow",
        "hw.engine.engine:Engine",
        "hw.writeback.drain:Drain",
        "hw.writeback.output:OutputPipeline",
    ),
    "weight": (
        "golden.frontend.importer:import_module",
        "golden.compress:compress",
        "golden.compiler:compile_network",
        "golden.spec.program:Program",
        "hw.core.loader:Loader",
        "hw.engine.stream:CoefficientStream",
        "hw.engine.accumulators:Accumulators",
    ),
    "gradient": (
        "golden.learning.softmax:softmax",
        "hw.learning.norm_passes:NormPasses",
        "hw.learning.map_writer:MapWriter",
        "hw.learning.error_loader:ErrorLoader",
        "hw.learning.engine:LearningEngine",
        "hw.learning.gradient:GradientUnit",
        "hw.learning.update:UpdateUnit",
    ),
}
"""Name → module:name of each station."""

WIDE, LETTERS = 640, 96
_CODE = '<tspan font-family="monospace">'


def way(title: str, stations: Sequence[str]) -> str:
    """Stations below each other, with what each is."""
    parts, y = [], 16
    for number, station in enumerate(stations):
        name, lines = station.replace(":", "."), textwrap.wrap(said(station), LETTERS)
        high = 26 + 15 * len(lines)
        parts.append(
            f'<rect x="16" y="{y}" width="{WIDE - 32}" height="{high}" rx="6" '
            'fill="#eef3f9" stroke="#4c78a8"/>'
        )
        parts.append(f'<text x="28" y="{y + 17}" font-weight="bold">{escape(name)}</text>')
        parts += [
            f'<text x="28" y="{y + 33 + 15 * row}" font-size="11">{_marked(line)}</text>'
            for row, line in enumerate(lines)
        ]
        y += high
        if number + 1 < len(stations):
            parts.append(f'<path class="a" d="M{WIDE / 2:.0f},{y} v15"/>')
            y += 18
    return picture(title, WIDE, y + 16, parts)


def said(station: str) -> str:
    """The first sentence of a docstring, with backticks around what is code, without the page that it names.

    Raises AttributeError or ImportError for what is not there.
    """
    module, _, name = station.partition(":")
    text = " ".join((inspect.getdoc(getattr(import_module(module), name)) or "").split("\n\n")[0].split())
    first, dot, _ = re.sub(r" \(docs/[^)]*\)", "", text).partition(". ")
    return f"{first}{dot.strip()}"


def _marked(line: str) -> str:
    """A line in which what stands in backticks is drawn as code."""
    parts = (escape(part.replace("`", "")) for part in LITERAL.split(line))
    return "".join(f"{_CODE}{part}</tspan>" if number % 2 else part for number, part in enumerate(parts))
