"""Plans from operation counts: SmartDeal, the same without a basis, dense int8."""

from contextlib import suppress
from dataclasses import replace

from golden.compiler.degrees import map_name, phase_degrees
from golden.compiler.folding import ConvShape, choose_fold
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

_GROUPED = LayerPlan("scale", density=1.0)
"""A convolution in groups: few weights, and fetching its rows takes longer than adding all of them."""

UNKNOWN = (0, 0)
"""Degree of a map that has none: no folding but GROUP takes it."""


def default_plan(graph: FloatGraph, density: float = 0.2, config: Config = SMALL) -> CompressionPlan:
    """SmartDeal for every layer but the first and the last ones.

    Those see few channels, or decide alone on the classes, and are mostly a small share of the
    work: they run without a basis, at full density where that costs little, else at twice the
    density. All others take the folding that costs the fewest cycles (`golden.compiler.choose_fold`).

    Parameters
    ----------
    density: kept fraction of the coefficients of the layers in between, above 0, up to 1.
    config: the accelerator whose cycles count.

    Where the network's strides do not fit together, all of them take GROUP folding; the compiler refuses it.
    """
    layers = {}
    network = skeleton(graph)
    places = {layer.path: index for index, layer in enumerate(network.layers)}
    degrees: dict[str, tuple[int, int]] = {}
    pitches: dict[str, int] = {}
    with suppress(UnsupportedError):
        degrees = phase_degrees(network)
        pitches = row_pitches(network, degrees, config.lanes)
    for layer in graph.layers:
        product = layer.product
        if not isinstance(product, FloatConvolution):
            continue
        if product.groups > 1:
            layers[layer.path] = _GROUPED
            continue
        filters, channels, *_ = product.weight.shape
        height, width = graph.maps[layer.path]
        name = map_name(network, places[layer.path])
        shape = ConvShape(
            channels,
            filters,
            product.window,
            height,
            width,
            degrees.get(name, UNKNOWN),
            pitches.get(name, width),
        )
        fold = choose_fold(shape, density, config)
        layers[layer.path] = LayerPlan("column" if fold == Fold.COLUMN else "group", density=density)
    return CompressionPlan(layers | _ends(graph, density), LayerPlan(density=density))


def no_basis_plan(graph: FloatGraph, density: float = 0.2) -> CompressionPlan:
    """The same densities without a basis: power-of-two coefficients and a scale per filter."""
    grouped = {
        layer.path: _GROUPED
        for layer in graph.layers
        if isinstance(layer.product, FloatConvolution) and layer.product.groups > 1
    }
    return CompressionPlan(grouped | _ends(graph, density), LayerPlan("scale", density=density))


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
        small = graph.weights(layer) <= SMALL_SHARE * total and graph.macs(layer) <= SMALL_SHARE * work
        kept = 1.0 if small else min(1.0, 2.0 * density)
        plans[layer.path] = replace(LayerPlan("scale"), density=kept)
    return plans
