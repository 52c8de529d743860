"""Plans from operation counts: SmartDeal, the same without a basis, dense int8."""

from contextlib import suppress
from dataclasses import replace

from golden.compiler.degrees import map_name, phase_degrees
from golden.compiler.folding import ConvShape, Folding, choose_folding, fold_cycles
from golden.compiler.pitches import row_pitches
from golden.compress.integer import skeleton
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.graph.floats import FloatGraph
from golden.graph.operations.convolution import FloatConvolution
from golden.spec.config import SMALL, Config
from golden.spec.errors import UnsupportedError
from golden.spec.memories import Fold

SMALL_SHARE = 0.03
"""A first or last layer with at most this share of weights and work keeps all its coefficients."""

LARGE_SHARE = 0.1
"""A first or last layer with more than this share of the work has the density of the others."""

TUNED_SHARE = 0.05
"""Layers with at least this share of the network's cycles get groups of the best size."""

BASIS_WORTH = 0.02
"""Share of the network's cycles that such a layer must save to go without a basis."""

NO_BASIS = Folding(Fold.GROUP, 1)

_GROUPED = LayerPlan("scale", density=1.0)
"""A convolution in groups: few weights, and fetching its rows takes longer than adding all of them."""

UNKNOWN = (0, 0)
"""Degree of a map that has none: no folding but GROUP takes it."""


def default_plan(graph: FloatGraph, density: float = 0.2, config: Config = SMALL) -> CompressionPlan:
    """SmartDeal for every layer but the first and the last ones.

    Those see few channels, or decide alone on the classes, and are mostly a small share of the
    work: they run without a basis, at full density where that costs little, else at twice the
    density; with a large share of the work at the density of the others. All others take the folding
    that costs the fewest cycles (`golden.compiler.choose_folding`), and a large one has no basis where
    the network waits for its basis stage.

    Parameters
    ----------
    density: kept fraction of the coefficients of the layers in between, above 0, up to 1.
    config: the accelerator whose cycles count.

    Where the network's strides do not fit together, all of them take GROUP folding; the compiler refuses it.
    For a configuration without `bases`, the plan is that of `no_basis_plan`.
    """
    if not config.bases:
        return no_basis_plan(graph, density)
    shapes = conv_shapes(graph, config)
    foldings = {path: choose_folding(it, density, config, groups=False) for path, it in shapes.items()}
    costs = {path: fold_cycles(shapes[path], it, density, config) for path, it in foldings.items()}
    # Each layer that is mended makes the others larger shares of what is left.
    settled = False
    while not settled:
        settled = True
        total = sum(costs.values())
        for path, shape in shapes.items():
            if costs[path] >= TUNED_SHARE * total:
                it = choose_folding(shape, density, config)
                cycles, bare = (fold_cycles(shape, folding, density, config) for folding in (it, NO_BASIS))
                it, cycles = (NO_BASIS, bare) if cycles - bare > BASIS_WORTH * total else (it, cycles)
                settled &= cycles >= costs[path]
                foldings[path], costs[path] = it, min(cycles, costs[path])
    layers = {path: _plan(it, density) for path, it in foldings.items()}
    return CompressionPlan(layers | _grouped(graph) | _ends(graph, density), LayerPlan(density=density))


def _plan(folding: Folding, density: float) -> LayerPlan:
    if folding == NO_BASIS:
        return LayerPlan("scale", density=density)
    if folding.fold == Fold.COLUMN:
        return LayerPlan("column", density=density)
    return LayerPlan("group", folding.group, density)


def folding_of(plan: LayerPlan) -> Folding:
    """The folding of a layer with coefficients."""
    if plan.kind == "column":
        return Folding(Fold.COLUMN)
    return Folding(Fold.GROUP, plan.size)


def conv_shapes(graph: FloatGraph, config: Config) -> dict[str, ConvShape]:
    """The convolutions that take a folding, by path."""
    network = skeleton(graph)
    places = {layer.path: index for index, layer in enumerate(network.layers)}
    degrees: dict[str, tuple[int, int]] = {}
    pitches: dict[str, int] = {}
    with suppress(UnsupportedError):
        degrees = phase_degrees(network)
        pitches = row_pitches(network, degrees, config.lanes)
    shapes = {}
    for layer in graph.layers:
        product = layer.product
        if isinstance(product, FloatConvolution) and not _single(product):
            filters, channels, *_ = product.weight.shape
            height, width = graph.maps[layer.path]
            name = map_name(network, places[layer.path])
            degree, pitch = degrees.get(name, UNKNOWN), pitches.get(name, width)
            shapes[layer.path] = ConvShape(channels, filters, product.window, height, width, degree, pitch)
    return shapes


def _grouped(graph: FloatGraph) -> dict[str, LayerPlan]:
    """Plans of convolutions in groups."""
    return {
        layer.path: _GROUPED
        for layer in graph.layers
        if isinstance(layer.product, FloatConvolution) and _single(layer.product)
    }


def no_basis_plan(graph: FloatGraph, density: float = 0.2) -> CompressionPlan:
    """The same densities without a basis: power-of-two coefficients and a scale per filter."""
    return CompressionPlan(_grouped(graph) | _ends(graph, density), LayerPlan("scale", density=density))


def _single(product: FloatConvolution) -> bool:
    """Whether it is in groups, or so small that there is nothing to leave out."""
    return product.groups > 1 or product.weight[0].numel() == 1


def int8_plan() -> CompressionPlan:
    """Dense int8 weights everywhere."""
    return CompressionPlan({}, LayerPlan("plain"))


def _ends(graph: FloatGraph, density: float) -> dict[str, LayerPlan]:
    """Plans of the first and the last layer."""
    total = sum(graph.weights(layer) for layer in graph.layers)
    work = sum(graph.macs(layer) for layer in graph.layers)
    plans = {}
    convolutions = [it for it in graph.layers if isinstance(it.product, FloatConvolution)]
    for layer in (convolutions[0], convolutions[-1]) if convolutions else ():
        share = graph.macs(layer) / work
        small = graph.weights(layer) <= SMALL_SHARE * total and share <= SMALL_SHARE
        kept = 1.0 if small else density if share > LARGE_SHARE else min(1.0, 2.0 * density)
        plans[layer.path] = replace(LayerPlan("scale"), density=kept)
    return plans
