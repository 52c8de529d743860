"""Everything that can be wrong with a Network itself, found before any work starts."""

from collections.abc import Iterator

import numpy as np

from golden.graph.network import Factored, Layer, Network, Plain, refuse
from golden.spec import formats
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS, Fold

_COEFFICIENTS = [0] + [sign << p for p in range(formats.EXPONENTS) for sign in (1, -1)]


def map_shape(network: Network, layer: Layer) -> tuple[int, int, int]:
    """(filters, height, width) of the map that a layer computes, before pooling."""
    _, height, width = network.features[layer.input].shape
    return (
        layer.filters,
        (height + 2 * layer.padding - layer.kernel[0]) // layer.stride + 1,
        (width + 2 * layer.padding - layer.kernel[1]) // layer.stride + 1,
    )


def check_network(network: Network, findings: Findings) -> set[str]:
    """Finds everything that no configuration can run; returns the paths of the layers that it is in.

    Raises UnsupportedError with all findings if names or maps do not fit together, so that nothing more
    can be said.
    """
    if network.input not in network.features:
        raise UnsupportedError(f"network input {network.input!r} is not one of its features")
    if not network.layers:
        raise UnsupportedError("the network has no layers; supported: at least one")
    known = {network.input}
    wrong = set()
    loose = False
    for layer in network.layers:
        before = len(findings.errors)
        with findings.collect():
            _check_names(network, layer, known)
            _check_window(network, layer)
        loose |= len(findings.errors) > before
        if not loose:
            for error in _shape_errors(network, layer):
                findings.add(error)
            with findings.collect():
                _check_weights(network, layer)
            with findings.collect():
                _check_arithmetic(layer)
        if len(findings.errors) > before:
            wrong.add(layer.path)
        known.add(layer.output)
    if network.output not in known - {network.input}:
        findings.add(UnsupportedError(f"network output {network.output!r} is written by no layer"))
        loose = True
    if loose:
        findings.demand()
    return wrong


def _check_names(network: Network, layer: Layer, known: set[str]) -> None:
    reads = [layer.input] + ([layer.residual.tensor] if layer.residual else [])
    for name in reads:
        if name not in known:
            raise refuse(layer, f"reads {name!r} before it is written", f"one of {sorted(known)}")
    if layer.output in known or layer.output not in network.features:
        raise refuse(layer, f"writes {layer.output!r}", "a declared feature that nothing else writes")


def _check_window(network: Network, layer: Layer) -> None:
    if layer.stride < 1 or layer.padding < 0:
        raise refuse(layer, f"stride {layer.stride}, padding {layer.padding}", "stride ≥ 1, padding ≥ 0")
    if min(layer.kernel) < 1:
        raise refuse(layer, f"kernel {layer.kernel}", f"1…{MAX_TAPS} kernel positions")
    if min((shape := map_shape(network, layer))[1:]) < 1:
        raise refuse(layer, f"an empty output map {shape[1:]}", "a kernel that fits the padded input")


def _shape_errors(network: Network, layer: Layer) -> Iterator[UnsupportedError]:
    channels = network.features[layer.input].shape[0]
    for what, value in (("filters", layer.filters), ("input channels", channels)):
        if not 1 <= value <= MAX_CHANNELS:
            yield refuse(layer, f"{value} {what}", f"1…{MAX_CHANNELS}")
    if layer.kernel[0] * layer.kernel[1] > MAX_TAPS:
        yield refuse(layer, f"kernel {layer.kernel}", f"1…{MAX_TAPS} kernel positions")
    shape = map_shape(network, layer)
    if layer.residual and network.features[layer.residual.tensor].shape != shape:
        found = network.features[layer.residual.tensor].shape
        yield refuse(layer, f"residual {layer.residual.tensor!r} of shape {found}", f"the map's {shape}")
    output = shape if layer.pool is None else (layer.filters, 1, 1)
    if network.features[layer.output].shape != output:
        found = network.features[layer.output].shape
        yield refuse(layer, f"output {layer.output!r} of shape {found}", f"{output}")


def _check_weights(network: Network, layer: Layer) -> None:
    weights, filters = layer.weights, layer.filters
    channels = network.features[layer.input].shape[0]
    dense = (filters, channels, *layer.kernel)
    if isinstance(weights, Plain):
        _demand_shape(layer, "weights", weights.weights, dense)
        _demand_shape(layer, "scale", weights.scale, (filters,))
        _demand_range(layer, "weights", weights.weights, -128, 127)
        _demand_range(layer, "scale", weights.scale, 1, 127)
        return
    if weights.fold == Fold.COLUMN:
        if layer.kernel[1] != formats.BASIS:
            raise refuse(layer, f"COLUMN folding of kernel {layer.kernel}", "a kernel width of 3")
        basis: tuple[int, ...] = (filters, formats.BASIS, formats.BASIS)
        expected: tuple[int, ...] = dense
    else:
        group = weights.coefficients.shape[-1]
        if group not in formats.GROUPS:
            raise refuse(layer, f"groups of {group} filters", f"{formats.GROUPS}")
        groups = -(-filters // group)
        basis, expected = (groups, group, group), (groups, channels, *layer.kernel, group)
    _demand_shape(layer, "coefficients", weights.coefficients, expected)
    _demand_shape(layer, "kept", weights.kept, expected)
    _demand_shape(layer, "basis", weights.basis, basis)
    _demand_range(layer, "basis", weights.basis, -128, 127)
    _check_coefficients(layer, weights)


def _check_coefficients(layer: Layer, weights: Factored) -> None:
    legal = np.isin(weights.coefficients, _COEFFICIENTS)
    if not legal.all():
        value = weights.coefficients[~legal][0]
        raise refuse(layer, f"coefficient {value}", f"0 or ±2**p, p in 0…{formats.EXPONENTS - 1}")
    if weights.coefficients[~weights.kept].any():
        raise refuse(layer, "a coefficient outside the kept ones", "zero there")
    beyond = weights.kept.shape[0] * weights.kept.shape[-1] - layer.filters
    if weights.fold == Fold.GROUP and beyond and weights.kept[-1, ..., -beyond:].any():
        raise refuse(layer, "kept coefficients of filters beyond the last", "none there")


def _check_arithmetic(layer: Layer) -> None:
    half = 1 << (formats.BIAS_BITS - 1)
    _demand_shape(layer, "bias", layer.bias, (layer.filters,))
    _demand_range(layer, "bias", layer.bias, -half, half - 1)
    _demand_shape(layer, "shift", layer.shift, (layer.filters,))
    _demand_range(layer, "shift", layer.shift, 0, (1 << formats.SHIFT_BITS) - 1)


def _demand_shape(layer: Layer, what: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise refuse(layer, f"{what} of shape {values.shape}", f"{shape}")


def _demand_range(layer: Layer, what: str, values: np.ndarray, low: int, high: int) -> None:
    if values.size and (values.min() < low or values.max() > high):
        raise refuse(layer, f"{what} in {values.min()}…{values.max()}", f"{low}…{high}")
