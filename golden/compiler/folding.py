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


def own_columns(window: Window) -> bool:
    """Whether each column of the map looks at its own column of the input and the two beside it."""
    sides = window.padding[2:]
    return (window.kernel[1], window.stride[1], window.dilation[1], sides) == (formats.BASIS, 1, 1, (1, 1))


def legal_folds(shape: ConvShape, config: Config) -> tuple[Fold, ...]:
    """The foldings that the machine can run for this layer; GROUP is always one of them."""
    column = own_columns(shape.window) and shape.degree == (1, 1) and config.lanes % shape.pitch == 0
    return (Fold.GROUP, Fold.COLUMN) if column else (Fold.GROUP,)


def fold_cycles(shape: ConvShape, fold: Fold, density: float, group: int, config: Config) -> float:
    """Estimated cycles: the slowest of adding, fetching and the basis products.

    Both foldings keep density · weights coefficients and add each once for every output pixel. A
    filter costs `group` products for each pixel in GROUP (one group of `group` partial sums shared by
    as many filters) and 9 in COLUMN, whose partial sums serve one filter each; COLUMN fetches one row
    for each kernel row, GROUP one for each kernel position.
    """
    tiles = -(-shape.height * shape.pitch // config.lanes)
    height, width = shape.window.kernel
    kept = density * shape.channels * shape.filters * height * width
    if fold == Fold.COLUMN:
        taps, products = height, formats.BASIS**2
        engine_filters = config.accumulators // formats.BASIS
    else:
        taps, products = height * width, group
        engine_filters = config.accumulators // group * group
    rounds = -(-shape.filters // (engine_filters * config.engines))
    adding = kept * tiles / config.engines
    fetching = rounds * tiles * shape.channels * taps
    multiplying = shape.filters * products * tiles * config.lanes / config.basis
    return max(adding, fetching, multiplying)


def choose_fold(shape: ConvShape, density: float, config: Config, group: int = formats.BASIS) -> Fold:
    """The legal folding with the fewest estimated cycles; GROUP, with fewer products, where equal.

    Parameters
    ----------
    density: kept coefficients ÷ weights, 0…1.
    group: filters that would share a basis in GROUP folding, one of `formats.GROUPS`.
    """
    return min(legal_folds(shape, config), key=lambda fold: fold_cycles(shape, fold, density, group, config))
