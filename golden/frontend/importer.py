"""From a user's `torch.nn.Module` to a `FloatGraph`, or one clear error before any work starts."""

from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.import_check import check_values
from golden.frontend.inputs import check_images
from golden.frontend.modules import check_module, evaluation, name_of, unwrapped
from golden.frontend.trace import Trace, map_shape
from golden.graph.floats import INPUT, FloatGraph, FloatLayer, Norm, float_features
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings

LARGEST = 2.0**60
"""Of all values in a network: their squares must fit float32."""


def import_module(module: nn.Module, sample: torch.Tensor) -> FloatGraph:
    """The graph of a network in eval mode; the module itself is left as it was.

    Parameters
    ----------
    module: the network; parameters float32; one tensor in, one tensor (N, classes) or
        (N, C, H, W) out.
    sample: images, float32 (N, C, H, W), at least one; the shapes are taken from the first.

    A network that is compiled or DataParallel counts as what it wraps.
    Raises UnsupportedError with all problems, each with the layer path, what was found and what is supported.
    """
    check_images(sample, "sample images")
    module = unwrapped(module)
    check_module(module)
    with evaluation(module):
        graph = _Importer(Trace(module, sample, Findings())).graph
        _check_sizes(graph, sample[:2])
        check_values(module, graph, sample)
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
        self.depths: dict[torch.fx.Node, int] = {}
        nodes = [node for node in self.trace.traced.graph.nodes if self.trace.kind(node) != "size"]
        # What was refused stands for itself, so that the walk can go on and find the rest.
        self.refused = set(trace.refused)
        self.absorbs: dict[torch.fx.Node, torch.fx.Node] = {}
        for node in nodes:
            if self.trace.kind(node) == "add":
                try:
                    self.absorbs[self._absorber(node)] = node
                except UnsupportedError as error:
                    self.refuse(node, error)
        self.chains = {
            node: chain
            for conv in nodes
            if self.trace.kind(conv) in ("conv", "linear")
            for chain in [_Chain(self, conv)]
            for node in chain.nodes
        }
        output = ""
        for node in nodes:
            if node.op == "output":
                with self.findings.collect():
                    output = self._output(node)
            else:
                self._resolve(node)
        self.findings.demand()
        self.graph = FloatGraph(tuple(self.layers), self.shapes, self.maps, INPUT, output)

    def refuse(self, node: torch.fx.Node, error: UnsupportedError) -> None:
        """Note an error; the node counts as a feature of its own from now on."""
        self.findings.add(error)
        self.refused.add(node)

    def _output(self, node: torch.fx.Node) -> str:
        value = node.args[0]
        if not isinstance(value, torch.fx.Node):
            raise UnsupportedError("network: several outputs; supported: one tensor")
        if value not in self.refused and (
            not self.layers or self.feature.get(value) != self.layers[-1].output
        ):
            raise UnsupportedError(
                "network: its output is not its last layer; supported: a network that ends in "
                "its last convolution or linear layer (without softmax)"
            )
        return self.feature.get(value, "")

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
        kind = self.trace.kind(node)
        source = node.args[0] if node.args else node.kwargs.get("input")
        if node.op == "placeholder":
            self.shapes[INPUT] = map_shape(node)
            return INPUT
        if node in self.chains:
            # Inside a chain the value has no name of its own; whoever else wanted it was refused.
            return self._emit(self.chains[node])
        if kind == "nothing" and isinstance(source, torch.fx.Node):
            return self._resolve(source)
        if kind == "flatten" and isinstance(source, torch.fx.Node):
            self.trace.check_flat(node)
            return self._resolve(source)
        if not self.refused.isdisjoint(node.all_input_nodes):
            # Follows from what was refused before it.
            self.refused.add(node)
            return node.name
        raise self.trace.refuse(
            node,
            f"{name_of(self.trace.what(node))} that does not directly follow a convolution, or follows a "
            "value that is used elsewhere too",
            "convolution or linear, then batch norm, addition, ReLU, global average pooling, "
            "each optional and in this order",
        )

    def _absorber(self, addition: torch.fx.Node) -> torch.fx.Node:
        """The convolution that adds the other operand to its result: that of the deeper branch.

        The shallower branch then runs before it, while the results that the deeper one waits for
        leave the array.
        """
        operands = [value for value in addition.args if isinstance(value, torch.fx.Node)]
        if len(operands) != 2 or operands[0] is operands[1] or addition.kwargs:
            found = f"the addition of {addition.args} {addition.kwargs or ''}".strip()
            raise self.trace.refuse(addition, found, "the addition of two different tensors")
        shapes = [value.meta.get("shape") for value in operands]
        if shapes[0] != shapes[1]:
            raise self.trace.refuse(
                addition, f"the addition of shapes {shapes[0]} and {shapes[1]}", "equal shapes"
            )
        candidates = []
        for node in operands:
            while self.trace.kind(node) in ("norm", "nothing") and len(node.users) == 1:
                node = node.args[0]  # type: ignore[assignment]
            if self.trace.kind(node) in ("conv", "linear") and len(node.users) == 1:
                candidates.append(node)
        if not candidates:
            raise self.trace.refuse(
                addition,
                "the addition of two tensors neither of which comes from a convolution for it alone",
                "at least one operand that is a convolution (and batch norm) used nowhere else",
            )
        return max(candidates, key=self._depth)

    def _depth(self, node: torch.fx.Node) -> int:
        """Layers on the longest path from the images to a node."""
        if node not in self.depths:
            own = self.trace.kind(node) in ("conv", "linear")
            self.depths[node] = own + max((self._depth(n) for n in node.all_input_nodes), default=0)
        return self.depths[node]

    def _emit(self, chain: "_Chain") -> str:
        node = chain.nodes[0]
        self.trace.check_flat(node)
        module = self.trace.modules[str(node.target)]
        source = self._resolve(node.args[0])  # type: ignore[arg-type]
        residual = None if chain.other is None else self._resolve(chain.other)
        if any(layer.pool and layer.output == residual for layer in self.layers):
            raise self.trace.refuse(
                node, f"the addition of the pooled {residual!r}", "additions before pooling"
            )
        weight = module.weight.detach().clone()
        stride, padding = 1, 0
        if isinstance(module, nn.Conv2d):
            stride, padding = module.stride[0], self.trace.padding(node, module)
        else:
            weight = weight.reshape(len(weight), *self.shapes[source])
        bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach().clone()
        path = str(node.target)
        self.maps[path] = map_shape(node)[1:]
        self.shapes[path] = map_shape(chain.nodes[-1])
        self.layers.append(
            FloatLayer(
                path=path,
                input=source,
                output=path,
                weight=weight,
                bias=bias,
                norm=chain.norm,
                stride=stride,
                padding=padding,
                relu=chain.relu,
                residual=residual,
                pool=chain.pool,
            )
        )
        self.feature |= dict.fromkeys(chain.nodes, path)
        return path


class _Chain:
    """A convolution and the nodes that follow it without a fork, as far as one layer can hold them."""

    def __init__(self, importer: _Importer, conv: torch.fx.Node) -> None:
        self.importer = importer
        self.nodes = [conv]
        self.norm: Norm | None = None
        self.other: torch.fx.Node | None = None
        self.relu = False
        self.pool = False
        while (node := self._next()) is not None:
            kind = importer.trace.kind(node)
            if node in importer.refused:
                return
            bare = not (self.relu or self.pool or self.other)
            if kind == "norm" and bare and self.norm is None:
                self.norm = _norm(importer.trace.modules[str(node.target)])
            elif kind == "add" and bare and importer.absorbs.get(conv) == node:
                (self.other,) = set(node.all_input_nodes) - {self.nodes[-1]}
            elif kind == "relu" and not self.pool:
                self.relu = True
            elif kind in ("mean", "window") and not self.pool:
                if not self._is_global(node):
                    return
                self.pool = True
            elif kind != "nothing":
                return
            self.nodes.append(node)

    def _next(self) -> torch.fx.Node | None:
        users = [user for user in self.nodes[-1].users if self.importer.trace.kind(user) != "size"]
        return users[0] if len(users) == 1 and users[0].op != "output" else None

    def _is_global(self, node: torch.fx.Node) -> bool:
        """Whether a pooling leaves one pixel per channel; what does not is refused."""
        before, after = map_shape(self.nodes[-1]), node.meta["shape"]
        if after[1:] in ((before[0],), (before[0], 1, 1)):
            return True
        error = self.importer.trace.refuse(
            node,
            f"average pooling from {before} to {after[1:]}",
            "global average pooling to one pixel per channel",
        )
        self.importer.refuse(node, error)
        return False


def _norm(module: Any) -> Norm:
    size = module.num_features
    gamma = module.weight.detach().clone() if module.affine else torch.ones(size)
    beta = module.bias.detach().clone() if module.affine else torch.zeros(size)
    return Norm(gamma, beta, module.running_mean.clone(), module.running_var.clone(), module.eps)
