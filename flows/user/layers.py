"""The table of what a network may consist of, from the operations' own files."""

import operator
from collections.abc import Callable, Iterator
from itertools import zip_longest
from textwrap import wrap
from typing import Any

import torch

from flows.user.commands import Layers
from golden.graph.operations.integers import Stage
from golden.graph.operations.operation import Operation
from golden.graph.operations.registry import OPERATIONS, layer_parts

_WIDTHS = (22, 40, 60, 30)
_SIGNS: dict[Callable[..., Any], str] = {
    operator.add: "+",
    operator.iadd: "+=",
    operator.mul: "*",
    operator.imul: "*=",
}


def layers(_: Layers) -> str:
    """Every operation with what torch calls it, its limits and its cost."""
    heads = ("operation", "in torch", "what it does; limits", "cost")
    rule = tuple("-" * width for width in _WIDTHS)
    rows = [heads, rule]
    for operation in OPERATIONS:
        rows += _rows(operation)
    lines = [" | ".join(f"{it:<{width}}" for it, width in zip(row, _WIDTHS, strict=True)) for row in rows]
    stages = ", ".join(stage.name.lower() for stage in Stage)
    notes = [
        f"A layer is: {layer_parts()}.",
        f"The hardware does what follows the sums in this order, each at most once: {stages}.",
    ]
    words = [line for note in notes for line in wrap(note, sum(_WIDTHS))]
    return "\n".join([*(line.rstrip() for line in lines), "", *words])


def _rows(operation: Operation) -> Iterator[tuple[str, ...]]:
    """An operation's rows of the table, its long words in several."""
    words = ", ".join(dict.fromkeys(spelled(what) for what in operation.torch()))
    cells = (operation.name, words, f"{operation.says}; {operation.limits}", operation.cost)
    columns = [wrap(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    yield from zip_longest(*columns, fillvalue="")


def spelled(what: Any) -> str:
    """A module class, a function or the name of a method as a user writes it."""
    if isinstance(what, str):
        return f".{what}()"
    if isinstance(what, type):
        return f"nn.{what.__name__}"
    name = what.__name__
    return _SIGNS.get(what) or (
        f"torch.{name}" if getattr(torch, name, None) is what else f"functional.{name}"
    )
