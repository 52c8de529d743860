"""Streams of int8 weights, dense and without zero rows (docs/machine.md, section 9)."""

import numpy as np
import numpy.typing as npt

from golden.datapath.entries import Entries
from golden.graph.network import Layer, refuse
from golden.graph.operations.weights import Plain
from golden.numerics.records import pack_words
from golden.spec.baselines import WEIGHT_RECORD
from golden.spec.config import Config
from golden.spec.memories import Fold

Int64 = npt.NDArray[np.int64]


def layer_entries(layer: Layer, arithmetic: str, whole_rows: bool) -> Entries:
    """One entry for each weight; with `whole_rows` only for those that are not zero.

    Raises UnsupportedError for weights that are not plain.
    """
    weights = layer.convolution.weights
    if not isinstance(weights, Plain):
        raise refuse(layer, f"factored weights in arithmetic {arithmetic!r}", "plain int8 weights")
    if layer.product.groups > 1:
        raise refuse(layer, f"{layer.product.groups} groups in arithmetic {arithmetic!r}", "one group")
    flat = weights.weights.astype(np.int64).reshape(layer.product.filters, -1)
    unit, row = np.nonzero(flat if whole_rows else np.ones_like(flat))
    return Entries(
        fold=Fold.GROUP,
        name=arithmetic,
        group=1,
        unit_slots=1,
        filter_terms=1,
        units=layer.product.filters,
        unit=unit,
        slot=np.zeros_like(unit),
        row=row,
        value=flat[unit, row],
        terms=weights.scale.astype(np.int64)[:, None],
        whole_rows=whole_rows,
    )


def layer_blocks(
    layer: Layer, sparse: bool, rounds: int, units: int, rows: int, config: Config
) -> list[list[Int64]]:
    """The words of a layer: for each engine, one int64 array for each round of `units` filters an engine.

    sparse: rows of zeros are left out.
    """
    weights = layer.convolution.weights
    assert isinstance(weights, Plain)
    flat = weights.weights.astype(np.int64).reshape(layer.product.filters, -1)
    count = rounds * config.engines
    parts = [flat[i * units : (i + 1) * units] for i in range(count)]
    blocks = [_words(_sparse(part, rows, config.window - 1) if sparse else _dense(part)) for part in parts]
    return [blocks[engine :: config.engines] for engine in range(config.engines)]


def _words(values: Int64) -> Int64:
    padded = np.append(values, 0) if len(values) % 2 else values
    return pack_words(WEIGHT_RECORD, first=padded[0::2] & 0xFF, second=padded[1::2] & 0xFF)


def _dense(part: Int64) -> Int64:
    """Head, then the weights of row 0 for all slots, of row 1, …"""
    return np.concatenate([[len(part), 0], part.T.reshape(-1)])


def _sparse(part: Int64, rows: int, largest: int) -> Int64:
    """Head, then for each kept row its advance and weights, padded to whole words; END.

    A row of zeros stands wherever a gap is longer than `largest` (the window could not hold both its
    ends); for an engine without filters, in one slot.
    """
    if not len(part):
        part = np.zeros((1, rows), np.int64)
    pieces = [np.array([len(part), 0])]
    at = 0
    kept = part.any(axis=0)
    for row in [*np.flatnonzero(kept).tolist(), rows]:
        while row - at > largest:
            at += largest
            pieces.append(_row(largest, part[:, at]))
        weights = part[:, row] if row < rows else np.zeros(1, np.int64)
        pieces.append(_row(row - at, weights))
        at = row
    return np.concatenate(pieces)


def _row(advance: int, weights: Int64) -> Int64:
    padding = np.zeros((len(weights) + 1) % 2, np.int64)
    return np.concatenate([[advance], weights, padding])
