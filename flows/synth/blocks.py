"""Blocks of the accelerator: which part of the hierarchy counts as what."""

from collections import Counter
from collections.abc import Mapping

BLOCKS = {
    "accelerator": "control",
    "accumulators": "array",
    "basis": "basis",
    "arbiter": "control",
    "host": "control",
    "sequencer": "control",
    "drain": "drain",
    "engine": "array",
    "features": "buffers",
    "fetch": "fetch",
    "filters": "buffers",
    "instructions": "buffers",
    "loader": "control",
    "norm": "LightNorm",
    "lightnorm": "LightNorm",
    "batchnorm": "batch norm",
    "output": "output",
    "output_stage": "output",
    "pairs": "buffers",
    "stream": "stream",
    "taps": "buffers",
    "terms": "buffers",
    "window": "window",
}
"""Name of a submodule without its number → block; what has no name here belongs to what holds it."""


def block_of(path: str) -> str:
    """The block of a hierarchical name such as "accelerator.engine0.stream.pairs".

    The innermost known name decides; a design without known names is one block, "unit".
    """
    block = "unit"
    for part in path.split("."):
        name = part.partition("$")[0].rstrip("0123456789")
        block = BLOCKS.get(name, block)
    return block


def cells_by_block(modules: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Cells of every block, in the order of their names; Amaranth names a module by its path."""
    found: dict[str, Counter[str]] = {}
    for path, cells in modules.items():
        found.setdefault(block_of(path), Counter()).update(cells)
    return dict(sorted(found.items()))
