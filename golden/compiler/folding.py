"""The choice of folding of a layer, from operation counts."""

from dataclasses import dataclass

from golden.graph.operations.window import Window
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Fold


@dataclass(frozen=True)
class ConvShape:
    """A convolution as far as its folding depends on it.

    Parameters
    ----------
    channels, filters: input and output channels.
    window: on the input.
    height, width: of the output map.
    degree: phase degrees of the output map: the products of the strides that follow.
    pitch: pixels from one of its rows to the next.
    """

    channels: int
    filters: int
    window: Window
    height: int
    width: int
    degree: tuple[int, int]
    pitch: int

    def tiles(self, lanes: int) -> int:
        """Words of the map; of one whose degree is not known, as if no stride followed."""
        down, across = (max(1, degree) for degree in self.degree)
        rows, columns = -(-self.height // down), -(-self.width // across)
        return down * across * -(-((rows - 1) * self.pitch + columns) // lanes)


def own_columns(window: Window) -> bool:
    """Whether each column of the map looks at its own column of the input and the two beside it."""
    sides = window.padding[2:]
    found = (window.kernel[1], window.stride[1], window.dilation[1], sides, window.enlarge)
    return found == (formats.BASIS, 1, 1, (1, 1), (1, 1))


def legal_folds(shape: ConvShape, config: Config) -> tuple[Fold, ...]:
    """The foldings that the machine can run for this layer; GROUP is always one of them."""
    column = own_columns(shape.window) and shape.degree == (1, 1) and config.lanes % shape.pitch == 0
    return (Fold.GROUP, Fold.COLUMN) if column else (Fold.GROUP,)


@dataclass(frozen=True)
class Folding:
    """What becomes of the partial sums of a layer.

    Parameters
    ----------
    fold: GROUP or COLUMN.
    group: filters that share a basis in GROUP, one of `formats.GROUPS`; 1: no basis, a scale per filter.
    """

    fold: Fold
    group: int = formats.BASIS


JOB_CYCLES = 8
"""Rough cost of changing from one job to the next."""

WORTH = 0.05
"""Share of a layer's cycles that another folding than groups of BASIS must save."""


def fold_cycles(shape: ConvShape, folding: Folding, density: float, config: Config) -> float:
    """Estimated cycles, with the best number of filters in a round.

    In every round the slowest of adding (the busiest engine), fetching and the basis products counts. All
    foldings keep density · weights coefficients and add each once for every output pixel. A filter costs
    `group` products for each pixel in GROUP (one group of `group` partial sums shared by as many filters) and
    9 in COLUMN, whose partial sums serve one filter each; COLUMN fetches one row for each kernel row, GROUP
    one for each kernel position.
    """
    height, width = shape.window.kernel
    if folding.fold == Fold.COLUMN:
        unit, slots, taps, products = 1, formats.BASIS, height, formats.BASIS**2
    else:
        unit = slots = products = folding.group
        taps = height * width
    tiles = shape.tiles(config.lanes)
    adding = density * shape.channels * height * width * unit
    fetching = shape.channels * taps
    multiplying = products * config.lanes // config.basis
    units = -(-shape.filters // unit)

    def cycles(most: int) -> float:
        total = 0.0
        for first in range(0, units, most * config.engines):
            left = units - first
            filters = min(shape.filters - first * unit, most * config.engines * unit)
            filling = max(adding * min(left, most), fetching) + JOB_CYCLES
            total += max(filling, filters * multiplying)
        return total * tiles

    return min(cycles(most) for most in range(1, config.accumulators // slots + 1))


def choose_folding(shape: ConvShape, density: float, config: Config, *, groups: bool = True) -> Folding:
    """The legal folding with a basis that takes the fewest estimated cycles.

    Groups of BASIS filters, or COLUMN, unless groups of another size save WORTH of their cycles: 16 filters
    are 6 groups of 3 for 4 engines, of which two have twice as much to do, but 4 groups of 4. Where equal,
    GROUP, with fewer products.

    Parameters
    ----------
    density: kept coefficients ÷ weights, 0…1.
    groups: False: groups of another size are not asked for.
    """

    def cycles(folding: Folding) -> float:
        return fold_cycles(shape, folding, density, config)

    usual = min((Folding(fold) for fold in legal_folds(shape, config)), key=cycles)
    others = [Folding(Fold.GROUP, group) for group in reversed(formats.GROUPS[1:])] if groups else []
    best = min([usual, *others], key=cycles)
    return best if cycles(best) <= (1 - WORTH) * cycles(usual) else usual
