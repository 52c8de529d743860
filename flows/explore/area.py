"""The area model: LUT4 sites, block RAMs and DSP blocks of an accelerator on ECP5, from its sizes alone.

Each term is an estimate of what a block takes, by the widths of its adders, shifters, selectors and
RAMs; one coefficient a term, fitted to syntheses, corrects it. The products of the basis stage are
built from LUTs, or lie in DSP blocks; one more coefficient says what the logic saves then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.explore.memories import LUT_RAM_WORDS, clocked_rams, lut_rams_of
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import log2

LUT_RAM_SITES = 6
"""Sites of a LUT RAM cell, as `flows.synth.area` counts it."""

PART_SITES, PART_BLOCK_RAMS = 24_288, 56
BLOCK_RAM_SITES = PART_SITES / PART_BLOCK_RAMS
"""Sites that a block RAM stands for where one number must say how large a design is: its share of
an LFE5U-25F (Lattice, ECP5 and ECP5-5G family data sheet, selection guide)."""

DSP_BITS = 18
"""Width of one factor of a DSP block (MULT18X18D), with its sign; a wider one takes a second block."""

SAVED = "saved by DSP blocks"
"""Name of the coefficient for products that lie in DSP blocks."""

ADDEND_BITS = formats.ACTIVATION_BITS + formats.EXPONENTS
POOL_BITS = 24
FLAG_BITS, FLAG_PORTS = 3, 2
"""Of `hw/fetch/window.py`."""
KEPT_SUMS = 4
"""Words that `hw/writeback/operands.py` holds."""


@dataclass(frozen=True)
class Term:
    """One part of the model.

    Parameters
    ----------
    block: what it belongs to, in the words of a report.
    size: its estimate in sites; one that is not fitted counts as it is.
    """

    block: str
    size: Callable[[Config], float]
    fitted: bool = True


def _lut_rams(words: int, bits: int) -> int:
    """Cells, and a switch per bit and further 16 words on the way out."""
    banks = -(-words // LUT_RAM_WORDS)
    return LUT_RAM_SITES * lut_rams_of(words, bits) + (banks - 1) * bits


def _lanes(config: Config) -> float:
    """A barrel shifter of three stages; an adder and a switch to zero before it."""
    return config.adders * (3 * ADDEND_BITS + 2 * config.accumulator_bits)


def _sums(config: Config) -> float:
    """Two banks in LUT RAM."""
    word = config.lanes * config.accumulator_bits
    return config.engines * _lut_rams(2 * config.accumulators, word)


def _select(config: Config) -> float:
    """From the sums of all engines to one slice with its neighbours."""
    return config.lanes * config.accumulator_bits * (config.engines + 3)


def _products(config: Config) -> float:
    """A row for every two bits of the term, and a tree of adders, as in `flows/synth/rows.v`."""
    rows = formats.ACTIVATION_BITS // 2
    return config.basis * (rows + rows - 1) * (config.accumulator_bits + 2)


def _basis(config: Config) -> float:
    """Products and their sums; requantiser with a shifter of five stages, residual."""
    return _products(config) + config.basis * 7 * formats.OUTPUT_BITS


def _small_rams(config: Config) -> float:
    """Row window and its flags, sums on their way to the basis, sums of pooling, few instructions."""
    row = _lut_rams(config.window, 8 * config.lanes) + FLAG_PORTS * _lut_rams(config.window, FLAG_BITS)
    channels = 1 << (config.engines * config.accumulators - 1).bit_length()
    return (
        config.engines * row
        + _lut_rams(KEPT_SUMS, config.lanes * config.accumulator_bits)
        + _lut_rams(channels, POOL_BITS)
        + LUT_RAM_SITES * clocked_rams(config).lut_rams
    )


TERMS = {
    "control": Term("control, loader, fetch, drain", lambda config: 1.0),
    "stream": Term("streams", lambda config: config.engines),
    "lanes": Term("array", _lanes),
    "sums": Term("array", _sums),
    "select": Term("basis", _select),
    "basis": Term("basis", _basis),
    "rotate": Term("fetch", lambda config: 8 * config.lanes * (log2(config.lanes) + 1), fitted=False),
    "small RAMs": Term("window and small memories", _small_rams, fitted=False),
}
FITTED = tuple(name for name, term in TERMS.items() if term.fitted)


def dsps_of(config: Config) -> int:
    """DSP blocks that the products of the basis stage take."""
    return config.basis * -(-config.accumulator_bits // DSP_BITS)


@dataclass(frozen=True)
class AreaModel:
    """Coefficients by name: of the fitted terms, and SAVED."""

    coefficients: Mapping[str, float]

    def parts(self, config: Config, dsp: bool = False) -> dict[str, float]:
        """Sites of every term; what DSP blocks save counts below zero."""
        parts = {
            name: term.size(config) * (self.coefficients[name] if term.fitted else 1.0)
            for name, term in TERMS.items()
        }
        if dsp:
            parts[SAVED] = -self.coefficients[SAVED] * _products(config)
        return parts

    def sites(self, config: Config, dsp: bool = False) -> float:
        """LUT4 sites of the flattened accelerator, its products in DSP blocks or not."""
        return sum(self.parts(config, dsp).values())

    def area(self, config: Config, dsp: bool = False) -> float:
        """Sites, and block RAMs in sites; DSP blocks are not in it."""
        return self.sites(config, dsp) + BLOCK_RAM_SITES * clocked_rams(config).block_rams


def least_squares(
    matrix: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], rounds: int = 20_000
) -> npt.NDArray[np.float64]:
    """Coefficients ≥ 0 that make ‖matrix · x − wanted‖² smallest, one coordinate at a time.

    Columns of zeros get zero.
    """
    scale = np.linalg.norm(matrix, axis=0)
    used = scale > 0
    columns = np.divide(matrix, scale, out=np.zeros_like(matrix), where=used)
    gram, right = columns.T @ columns, columns.T @ wanted
    found = np.zeros(matrix.shape[1])
    for _ in range(rounds):
        before = found.copy()
        for column in np.flatnonzero(used):
            rest = right[column] - gram[column] @ found + found[column]
            found[column] = max(0.0, rest)
        if np.abs(found - before).max() < 1e-12 * max(1.0, np.abs(found).max()):
            break
    return np.divide(found, scale, out=found, where=used)


def fit(configs: Sequence[Config], sites: Sequence[float], with_dsp: Mapping[Config, float]) -> AreaModel:
    """The model whose relative errors on these configurations have the smallest sum of squares.

    Parameters
    ----------
    sites: of the configurations, all in logic.
    with_dsp: some of the configurations → their sites with products in DSP blocks.
    """
    measured = np.array(sites, np.float64)
    known = np.array([sum(t.size(config) for t in TERMS.values() if not t.fitted) for config in configs])
    matrix = np.array([[TERMS[name].size(config) for name in FITTED] for config in configs])
    found = least_squares(matrix / measured[:, None], (measured - known) / measured)
    in_logic = dict(zip(configs, measured.tolist(), strict=True))
    products = np.array([[_products(config) / sites] for config, sites in with_dsp.items()])
    saved = np.array([(in_logic[config] - sites) / sites for config, sites in with_dsp.items()])
    names = (*FITTED, SAVED)
    return AreaModel(
        dict(zip(names, [*found.tolist(), *least_squares(products, saved).tolist()], strict=True))
    )
