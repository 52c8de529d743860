"""Streams of rows of Ce with their bases: the engine rebuilds the weights (docs/machine.md, section 9)."""

import numpy as np
import numpy.typing as npt

from golden.datapath.entries import Entries
from golden.graph.network import Layer, refuse
from golden.graph.operations.weights import Factored, rebuild
from golden.numerics.records import pack_words
from golden.spec import formats
from golden.spec.baselines import REBUILD_COLUMN, REBUILD_GROUPS, REBUILD_HEAD, REBUILD_RECORD
from golden.spec.config import Config
from golden.spec.memories import Fold

Int64 = npt.NDArray[np.int64]

_CODES = {value: code for code in range(15) if (value := formats.decode_coefficient(code)) or code == 7}


def layer_entries(layer: Layer) -> Entries:
    """One entry for each rebuilt weight; their terms only pick the partial sums.

    Raises UnsupportedError for plain weights and for groups of more than 3 filters.
    """
    weights = layer.convolution.weights
    if layer.product.groups > 1:
        raise refuse(layer, f"{layer.product.groups} groups in arithmetic 'rebuild'", "one group")
    if not isinstance(weights, Factored) or weights.coefficients.shape[-1] not in REBUILD_GROUPS:
        found = "plain weights"
        if isinstance(weights, Factored):
            found = f"groups of {weights.coefficients.shape[-1]} filters"
        raise refuse(
            layer, f"{found} in arithmetic 'rebuild'", f"factored weights, groups of {REBUILD_GROUPS}"
        )
    size = weights.coefficients.shape[-1]
    dense = rebuild(weights, layer.product.filters)
    mask = weights.mask.any(axis=-1).reshape(len(weights.mask), -1)
    if weights.fold == Fold.COLUMN:
        unit, row = np.nonzero(mask)
        values = dense.reshape(layer.product.filters, -1, size)[unit, row].reshape(-1)
        unit, row = np.repeat(unit, size), np.repeat(row, size)
        slot = np.tile(np.arange(size), len(unit) // size)
        terms = np.tile(np.eye(size, dtype=np.int64).reshape(-1), (layer.product.filters, 1))
        slots, together = size, 1
    else:
        unit, row = np.nonzero(np.repeat(mask, size, axis=0)[: layer.product.filters])
        values = dense.reshape(layer.product.filters, -1)[unit, row]
        slot = np.zeros_like(unit)
        terms = np.ones((layer.product.filters, 1), np.int64)
        slots, together = 1, size
    return Entries(
        fold=weights.fold,
        name="rebuild",
        group=1,
        unit_slots=slots,
        filter_terms=terms.shape[1],
        units=layer.product.filters,
        unit=unit,
        slot=slot,
        row=row,
        value=values,
        terms=terms,
        together=together,
    )


def layer_blocks(
    layer: Layer, entries: Entries, rounds: int, units: int, rows: int, config: Config
) -> list[list[Int64]]:
    """The words of a layer: for each engine, one int64 array for each round of `units` units an engine."""
    weights = layer.convolution.weights
    assert isinstance(weights, Factored)
    bases = units // entries.together
    size = weights.coefficients.shape[-1]
    matrices = weights.coefficients.astype(np.int64).reshape(len(weights.coefficients), -1, size)
    mask = weights.mask.any(axis=-1).reshape(len(matrices), -1)
    pieces = [slice(i * bases, (i + 1) * bases) for i in range(rounds * config.engines)]
    blocks = [
        _block(matrices[p], mask[p], weights.basis[p].astype(np.int64), rows, config.window - 1)
        for p in pieces
    ]
    return [blocks[engine :: config.engines] for engine in range(config.engines)]


def _block(matrices: Int64, mask: npt.NDArray[np.bool_], basis: Int64, rows: int, largest: int) -> Int64:
    """Head, a column of B for each slot, the rows in order, END; rows of zeros in gaps over `largest`."""
    units, _, size = matrices.shape
    columns = np.zeros((units * size, formats.BASIS), np.int64)
    columns[:, :size] = basis.transpose(0, 2, 1).reshape(-1, size)
    head = pack_words(REBUILD_HEAD, slots=np.array([units * size]), size=np.array([size]))
    column = pack_words(REBUILD_COLUMN, **{f"b{k}": columns[:, k] for k in range(formats.BASIS)})
    codes, slots, advances = [], [], []
    at = 0
    zero = _pack_codes(np.zeros(1, np.int64))
    for row, unit in [*np.argwhere(mask.T).tolist(), (rows, 0)]:
        while row - at > largest:
            at += largest
            codes.append(zero)
            slots.append(0)
            advances.append(largest)
        codes.append(_pack_codes(matrices[unit, row]) if row < rows else zero)
        slots.append(unit * size)
        advances.append(row - at)
        at = row
    entries = pack_words(
        REBUILD_RECORD, codes=np.array(codes), slot=np.array(slots), advance=np.array(advances)
    )
    return np.concatenate([head, column, entries])


def _pack_codes(values: Int64) -> int:
    """Codes of up to three coefficients side by side, the first one low; zero beyond."""
    padded = [*values.tolist(), 0, 0, 0][: formats.BASIS]
    return sum(_CODES[value] << formats.CODE_BITS * k for k, value in enumerate(padded))
