"""Everything that can be wrong with a Network itself, found before any work starts.

What is legal stands with each operation (`golden.graph.operations`); here it is asked of all of them.
"""

from collections.abc import Iterator
from itertools import pairwise

from golden.graph.joined import SideBySide
from golden.graph.network import Layer, Network, refuse
from golden.graph.operations.integers import Problem, Shape, order_problems
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings


def map_shape(network: Network, layer: Layer) -> Shape:
    """(filters, height, width) of the map that a layer computes, before pooling."""
    return layer.product.shape(network.features[layer.input].shape)


def check_network(network: Network, findings: Findings) -> set[str]:
    """Finds everything that no configuration can run; returns the paths of the layers that it is in.

    Raises UnsupportedError with all findings if names or maps do not fit together, so that nothing more
    can be said.
    """
    if network.input not in network.features:
        raise UnsupportedError(f"network input {network.input!r} is not one of its features")
    if not network.layers:
        raise UnsupportedError("the network has no layers; supported: at least one")
    _check_joined(network)
    known = {network.input}
    wrong = set()
    loose = False
    for layer in network.layers:
        before = len(findings.errors)
        with findings.collect():
            _check_names(network, layer, known)
            for found, supported in layer.product.window_problems(network.features[layer.input].shape):
                raise refuse(layer, found, supported)
        loose |= len(findings.errors) > before
        if not loose:
            for found, supported in _problems(network, layer):
                findings.add(refuse(layer, found, supported))
        if len(findings.errors) > before:
            wrong.add(layer.path)
        known.add(layer.output)
        known |= {name for name, parts in network.joined.items() if known.issuperset(parts)}
    for found, supported in _output_problems(network):
        findings.add(UnsupportedError(f"network output {found}; supported: {supported}"))
        loose = True
    if loose:
        findings.demand()
    return wrong


def _check_names(network: Network, layer: Layer, known: set[str]) -> None:
    for name in (layer.input, *layer.gates, *layer.reads):
        if name not in known:
            raise refuse(layer, f"reads {name!r} before it is written", f"one of {sorted(known)}")
    for name in layer.gates:
        shape = network.features[name].shape
        alone = any(it.output == name for it in network.layers) and shape[1:] == (1, 1)
        if not alone or shape[0] != layer.product.filters:
            raise refuse(
                layer,
                f"the factors {name!r} of shape {shape}",
                f"what one layer gives, of shape {(layer.product.filters, 1, 1)}",
            )
    if layer.output in known or layer.output not in network.features:
        raise refuse(layer, f"writes {layer.output!r}", "a declared feature that nothing else writes")


def _output_problems(network: Network) -> Iterator[Problem]:
    written = {layer.output for layer in network.layers}
    for name in network.outputs:
        if name not in written:
            yield f"{name!r} is written by no layer", "outputs of layers"
    if len(set(network.outputs)) != len(network.outputs) or not network.outputs:
        yield f"names {network.outputs}", "at least one, each once"


def _check_joined(network: Network) -> None:
    """Raises UnsupportedError for a concatenation whose parts cannot lie side by side."""
    side = SideBySide()
    written = {layer.output for layer in network.layers}
    for name, parts in network.joined.items():
        for found, supported in _joined_problems(network, name, parts, written):
            raise UnsupportedError(f"concatenation {name!r}: {found}; supported: {supported}")
        for one, other in pairwise(parts):
            if not side.fits(one, other):
                raise UnsupportedError(
                    f"concatenation {name!r}: {other!r} behind {one!r}, one of which has another neighbour "
                    "there; supported: one place for each tensor"
                )
            side.put(one, other)


def _joined_problems(
    network: Network, name: str, parts: tuple[str, ...], written: set[str]
) -> Iterator[Problem]:
    if name in written or name == network.input or name not in network.features:
        yield f"the name {name!r}", "that of a declared feature that no layer writes"
        return
    if unknown := [it for it in parts if it not in written or it not in network.features]:
        yield f"{unknown[0]!r}, which no layer writes", "outputs of layers"
        return
    if len(set(parts)) != len(parts) or not parts:
        yield f"the parts {parts}", "at least one, each once"
        return
    whole, each = network.features[name], [network.features[it] for it in parts]
    shape = (sum(it.shape[0] for it in each), *each[0].shape[1:])
    if any(it.shape[1:] != shape[1:] for it in each) or whole.shape != shape:
        yield f"shapes {[it.shape for it in each]} as {whole.shape}", "maps of one size, all their channels"
    elif any(it.scale != whole.scale for it in each):
        yield f"steps of {[it.scale for it in each]} as {whole.scale}", "one scale for all"


def _problems(network: Network, layer: Layer) -> Iterator[Problem]:
    shapes = {name: feature.shape for name, feature in network.features.items()}
    yield from layer.product.problems(shapes[layer.input])
    yield from order_problems(layer.epilogue)
    shape = map_shape(network, layer)
    for operation in layer.epilogue:
        yield from operation.problems(shape, shapes)
        shape = operation.shape(shape)
    if (found := shapes[layer.output]) != shape:
        yield f"output {layer.output!r} of shape {found}", f"{shape}"
