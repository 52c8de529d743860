"""Entries and streams of a layer for the arithmetic of a configuration."""

import numpy as np
import numpy.typing as npt

from golden.compiler import rebuilt, weights
from golden.compiler.entries import Entries, layer_entries
from golden.compiler.jobs import Jobs
from golden.compiler.streams import layer_blocks
from golden.network import Layer
from golden.spec.config import Arithmetic, Config

Int64 = npt.NDArray[np.int64]


def entries_for(layer: Layer, config: Config) -> Entries:
    """The entries of a checked layer. Raises UnsupportedError for weights that it cannot take."""
    if config.arithmetic == Arithmetic.SHIFT_ADD:
        return layer_entries(layer)
    if config.arithmetic == Arithmetic.REBUILD:
        return rebuilt.layer_entries(layer)
    return weights.layer_entries(layer, config.arithmetic)


def blocks_for(layer: Layer, entries: Entries, jobs: Jobs, rows: int, config: Config) -> list[list[Int64]]:
    """The memory words of a layer: for each engine, one int64 array for each round."""
    if config.arithmetic == Arithmetic.SHIFT_ADD:
        return layer_blocks(entries, jobs, rows, config)
    if config.arithmetic == Arithmetic.REBUILD:
        return rebuilt.layer_blocks(layer, entries, jobs, rows, config)
    return weights.layer_blocks(layer, jobs, rows, config)
