"""From a user's `torch.nn.Module` to a `FloatGraph`, or one clear error before any work starts."""

from dataclasses import replace
from functools import partial
from math import prod

import torch
import torch.fx
from torch import nn

from golden.frontend.additions import Additions
from golden.frontend.chain import Chain
from golden.frontend.edit import GRID, said_of, shape_of
from golden.frontend.foreign import check_foreign, foreign
from golden.frontend.import_check import check_values
from golden.frontend.inputs import check_images
from golden.frontend.joining import Joining, operands
from golden.frontend.modules import check_module, evaluation, results
from golden.frontend.networks import module_of
from golden.frontend.sequences import as_maps
from golden.frontend.standing import can_stand, stand
from golden.frontend.trace import Trace, map_shape
from golden.graph.floats import INPUT, FloatGraph, FloatLayer, float_features
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.gate import FloatGate
from golden.graph.operations.registry import layer_parts
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings

LARGEST = 2.0**60
"""Of all values in a network: their squares must fit float32."""


def import_module(module: nn.Module, sample: torch.Tensor) -> FloatGraph:
    """The graph of a network in eval mode; the module itself is left as it was.

    Parameters
    ----------
    module: the network, also as a program of torch.export; parameters float32; one tensor in, one or
        several (N, classes) or (N, C, H, W) out, in a tuple, list or dict.
    sample: images, float32 (N, C, H, W), sequences (N, C, L), which count as maps of one row, or features
        (N, F), which count as maps of one pixel; at least one, and the shapes are taken from the first.

    A network that is compiled or DataParallel counts as what it wraps.
    Raises UnsupportedError with all problems, each with the layer path, what was found and what is supported.
    """
    check_images(sample, "sample images")
    module = module_of(module)
    if foreign(module) is not None:
        # Those of files take maps of one row as well.
        sample = as_maps(sample)
    check_module(module)
    with evaluation(module):
        check_foreign(module, sample)
        trace = Trace(module, sample, Findings())
        graph = _Importer(trace).graph
        _check_sizes(graph, as_maps(sample[:2]))
        check_values(trace, graph, sample)
    return graph


def _check_sizes(graph: FloatGraph, images: torch.Tensor) -> None:
    """Refuses values that are not finite, or whose squares are not."""
    with torch.no_grad():
        features = float_features(graph, images)
    for name, values in features.items():
        size = float(values.abs().max())
        if not size <= LARGEST:
            raise UnsupportedError(
                f"{name}: values up to {size:.3g} on the sample images; "
                f"supported: finite ones, up to {LARGEST:.3g}"
            )


class _Importer:
    """Walks through the traced nodes once; `feature` maps a node to the feature that it is."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.findings = trace.findings
        self.feature: dict[torch.fx.Node, str] = {}
        self.shapes: dict[str, tuple[int, int, int]] = {}
        self.maps: dict[str, tuple[int, int]] = {}
        self.layers: list[FloatLayer] = []
        self.grids: dict[str, int] = {}
        self.additions = Additions(trace)
        self.joining = Joining(self.layers, self.shapes, self.maps)
        # What was refused stands for itself, so that the walk can go on and find the rest.
        self.refused = set(trace.refused)
        self.absorbs: dict[torch.fx.Node, torch.fx.Node] = {}
        for node in self._nodes():
            if (operation := self.trace.meaning(node)) is not None and operation.joins:
                try:
                    self.absorbs[self.additions.absorber(node)] = node
                except UnsupportedError as error:
                    self.refuse(node, error)
        self.chains = self._chains()
        while (alone := self._alone()) is not None:
            stand(trace.traced, *alone)
            trace.refresh()
            self.chains = self._chains()
        nodes = self._nodes()
        outputs: tuple[str, ...] = ()
        for node in nodes:
            if node.op == "output":
                with self.findings.collect():
                    outputs = self._outputs(node)
            else:
                self._resolve(node)
        self.findings.demand()
        joined = self.joining.joined
        self.graph = FloatGraph(
            tuple(self.layers), self.shapes, self.maps, INPUT, outputs, joined, self.grids
        )

    def _nodes(self) -> list[torch.fx.Node]:
        """All that compute with images, in order."""
        nodes = self.trace.traced.graph.nodes
        return [node for node in nodes if node.op != "get_attr" and not self.trace.is_size(node)]

    def _chains(self) -> dict[torch.fx.Node, Chain]:
        """The layer that takes in a node, for each that one does."""
        return {
            node: found
            for product in self._nodes()
            if self.trace.is_product(product)
            for found in [Chain(self.trace, product, self.absorbs, self.refused, self.refuse)]
            for node in found.nodes
        }

    def _alone(self) -> tuple[torch.fx.Node, torch.fx.Node] | None:
        """The first node that needs a layer before it, and what it takes."""
        for node in self._nodes():
            operation, source = self.trace.meaning(node), self.trace.source(node)
            if operation is None or operation.stage is None or source is None or node in self.chains:
                continue
            if self.refused.isdisjoint({node, *node.all_input_nodes}) and can_stand(source):
                return node, source
        return None

    def refuse(self, node: torch.fx.Node, error: UnsupportedError) -> None:
        """Note an error; the node counts as a feature of its own from now on."""
        self.findings.add(error)
        self.refused.add(node)

    def _outputs(self, node: torch.fx.Node) -> tuple[str, ...]:
        """The features that the network gives; what is no layer's alone is copied."""
        values = results(node.args[0])
        if self.trace.incomplete:
            return ()
        if not values or not all(isinstance(it, torch.fx.Node) for it in values):
            found = "nothing" if not values else "what is no tensor of its own"
            raise UnsupportedError(
                f"network: it gives {found}; supported: tensors, alone or in a tuple, list or dict"
            )
        names: list[str] = []
        for value in values:
            if value in self.refused:
                continue
            name = self.feature[value]
            if name == INPUT:
                raise UnsupportedError(
                    "network: its output is the images; supported: outputs of layers (without softmax)"
                )
            if name in names or name in self.joining.joined:
                name = self.joining.copy(name, f"output {len(names) + 1}")
            names.append(name)
        return tuple(names)

    def _resolve(self, node: torch.fx.Node) -> str:
        """The feature that a node is; emits the layers that make it."""
        if node not in self.feature:
            try:
                if node not in self.refused:
                    self.feature[node] = self._feature(node)
            except UnsupportedError as error:
                self.refuse(node, error)
            if node in self.refused:
                self.feature[node] = node.name
                self.shapes[node.name] = map_shape(node)
        return self.feature[node]

    def _feature(self, node: torch.fx.Node) -> str:
        operation, source = self.trace.meaning(node), self.trace.source(node)
        if node.op == "placeholder":
            self.shapes[INPUT] = map_shape(node)
            self._keep_grid(INPUT, node)
            return INPUT
        if node in self.chains:
            # Inside a chain the value has no name of its own; whoever else wanted it was refused.
            return self._emit(self.chains[node])
        if operation is not None and operation.passes and source is not None:
            self.trace.check_shapes(node)
            return self._resolve(source)
        if not self.refused.isdisjoint(node.all_input_nodes):
            # Follows from what was refused before it.
            self.refused.add(node)
            return node.name
        if operation is not None and operation.concatenates:
            refuse = partial(self.trace.refuse, node)
            features = [self._resolve(it) for it in operands(node, refuse)]
            return self.joining.join(self._name(node), features, refuse)
        raise self.trace.refuse(
            node,
            f"{said_of(self.trace.traced, node)} that does not directly follow a convolution, or follows a "
            "value that is used elsewhere too",
            layer_parts(),
        )

    def _name(self, node: torch.fx.Node) -> str:
        """A name for what is no layer, which no other feature has."""
        name = self.trace.layer_path(node)
        while name in self.shapes:
            name += " again"
        return name

    def _keep_grid(self, name: str, node: torch.fx.Node) -> None:
        """The steps that a file gives the value of a node are those of a feature."""
        if GRID in node.meta:
            self.grids[name] = node.meta[GRID]

    def _with_gate(self, node: torch.fx.Node, product: FloatGate) -> FloatGate:
        """The product of a gate with the name of its factors, copied where no layer alone gives them."""
        taken = node.args[1]
        assert isinstance(taken, torch.fx.Node)
        name = self._resolve(taken)
        if name == INPUT or name in self.joining.joined:
            name = self.joining.copy(name, f"{self.trace.layer_path(node)} copy")
        return replace(product, gate=name)

    def _emit(self, chain: Chain) -> str:
        node = chain.nodes[0]
        self.trace.check_shapes(node)
        taken = self.trace.source(node)
        assert taken is not None
        source = self._resolve(taken)
        if self.findings.errors and prod(self.shapes[source]) != prod(shape_of(taken)[1:]):
            # Behind what was refused there may be a tensor that is no map.
            self.refused.add(node)
            return str(node.name)
        residual = None if chain.other is None else self._resolve(chain.other)
        if residual is not None and not self.joining.power_of_two(residual):
            raise self.trace.refuse(
                node, f"the addition of the pooled {residual!r}", "additions before pooling"
            )
        path, operation = self.trace.layer_path(node), self.trace.meaning(node)
        assert operation is not None
        assert operation.convolution is not None
        product = operation.convolution(self.trace.modules[str(node.target)], self.shapes[source])
        if isinstance(product, FloatGate):
            product = self._with_gate(node, product)
        epilogue = chain.epilogue(residual)
        if not isinstance(product, FloatConvolution) and any(it.folded for it in epilogue):
            raise self.trace.refuse(node, "pooling with a batch norm behind it", "the batch norm before it")
        self.maps[path] = map_shape(node)[1:]
        self.shapes[path] = map_shape(chain.nodes[-1])
        self.layers.append(
            FloatLayer(
                path=path,
                input=source,
                output=path,
                product=product,
                epilogue=epilogue,
            )
        )
        if isinstance(product, FloatConvolution) and all(it.power_of_two for it in epilogue):
            self._keep_grid(path, chain.nodes[-1])
        self.feature |= dict.fromkeys(chain.nodes, path)
        return path
