"""From a user's `torch.nn.Module` to a `FloatGraph`, or one clear error before any work starts."""

from typing import Any

import torch
import torch.fx
from torch import nn

from golden.compress.graph import INPUT, FloatGraph, FloatLayer, Norm
from golden.compress.import_check import check_values
from golden.compress.trace import Trace, map_shape
from golden.spec.errors import UnsupportedError
from golden.train.loop import Labelled


def import_module(module: nn.Module, sample: torch.Tensor) -> FloatGraph:
    """The graph of a network in eval mode; the module itself is left as it was.

    Parameters
    ----------
    module: the network; parameters float32; one tensor in, one tensor (N, classes) or
        (N, C, H, W) out.
    sample: images, float32 (N, C, H, W), at least one; the shapes are taken from the first.

    Raises UnsupportedError naming the layer path, what was found and what is supported.
    """
    check_images(sample, "sample images")
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if value.dtype != torch.float32 and not name.endswith("num_batches_tracked"):
            raise UnsupportedError(f"{name}: dtype {value.dtype}; supported: torch.float32")
    training = module.training
    module.eval()
    try:
        graph = _Importer(Trace(module, sample[:1])).graph
        check_values(module, graph, sample)
        return graph
    finally:
        module.train(training)


def check_images(images: Any, what: str) -> None:
    """Raises UnsupportedError unless `images` is a float32 tensor (N, C, H, W) with N ≥ 1."""
    found = f"{type(images).__name__}"
    if isinstance(images, torch.Tensor):
        if images.dtype == torch.float32 and images.ndim == 4 and len(images) > 0:
            if bool(torch.isfinite(images).all()):
                return
            found = "values that are not finite"
        else:
            found = f"{images.dtype} of shape {tuple(images.shape)}"
    raise UnsupportedError(
        f"{what}: found {found}; supported: a torch.float32 tensor of shape "
        "(images, channels, height, width) with at least one image and finite values"
    )


def check_training(data: Labelled, graph: FloatGraph) -> None:
    """Raises UnsupportedError unless labelled images fit a network."""
    check_images(data.images, "training images")
    shape, wanted = tuple(data.images.shape[1:]), graph.shapes[graph.input]
    if shape != wanted:
        raise UnsupportedError(f"training images: found shape {shape}; the sample images have {wanted}")
    labels, classes = data.labels, graph.shapes[graph.output][0]
    if labels.dtype != torch.int64 or labels.shape != data.images.shape[:1]:
        raise UnsupportedError(
            f"training labels: found {labels.dtype} of shape {tuple(labels.shape)}; supported: "
            f"torch.int64 of shape ({len(data.images)},), one for each image"
        )
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise UnsupportedError(
            f"training labels: found {int(labels.min())}…{int(labels.max())}; the network's last layer "
            f"{graph.output!r} has classes 0…{classes - 1}"
        )


class _Importer:
    """Walks through the traced nodes once; `feature` maps a node to the feature that it is."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.feature: dict[torch.fx.Node, str] = {}
        self.shapes: dict[str, tuple[int, int, int]] = {}
        self.maps: dict[str, tuple[int, int]] = {}
        self.layers: list[FloatLayer] = []
        self.depths: dict[torch.fx.Node, int] = {}
        nodes = [node for node in self.trace.traced.graph.nodes if self.trace.kind(node) != "size"]
        self.absorbs = {self._absorber(node): node for node in nodes if self.trace.kind(node) == "add"}
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
                output = self._output(node)
            else:
                self._resolve(node)
        self.graph = FloatGraph(tuple(self.layers), self.shapes, self.maps, INPUT, output)

    def _output(self, node: torch.fx.Node) -> str:
        value = node.args[0]
        if not isinstance(value, torch.fx.Node):
            raise UnsupportedError("network: several outputs; supported: one tensor")
        if not self.layers or self.feature.get(value) != self.layers[-1].output:
            raise UnsupportedError(
                "network: its output is not its last layer; supported: a network that ends in "
                "its last convolution or linear layer (without softmax)"
            )
        return self.layers[-1].output

    def _resolve(self, node: torch.fx.Node) -> str:
        """The feature that a node is; emits the layers that make it."""
        if node not in self.feature:
            kind = self.trace.kind(node)
            source = node.args[0] if node.args else node.kwargs.get("input")
            if node.op == "placeholder":
                self.shapes[INPUT] = map_shape(node)
                self.feature[node] = INPUT
            elif node in self.chains:
                # Inside a chain the value has no name of its own; whoever else wanted it was refused.
                self.feature[node] = self._emit(self.chains[node])
            elif kind == "nothing" and isinstance(source, torch.fx.Node):
                self.feature[node] = self._resolve(source)
            elif kind == "flatten" and isinstance(source, torch.fx.Node):
                shape, flat = source.meta["tensor_meta"].shape, node.meta["tensor_meta"].shape
                if tuple(flat) != (shape[0], torch.Size(shape[1:]).numel()):
                    raise self.trace.refuse(
                        node, f"{tuple(shape)} becomes {tuple(flat)}", "flattening to (images, features)"
                    )
                self.feature[node] = self._resolve(source)
            else:
                name = getattr(self.trace.what(node), "__name__", self.trace.what(node))
                raise self.trace.refuse(
                    node,
                    f"{name} that does not directly follow a convolution, or follows a value that is "
                    "used elsewhere too",
                    "convolution or linear, then batch norm, addition, ReLU, global average pooling, "
                    "each optional and in this order",
                )
        return self.feature[node]

    def _absorber(self, addition: torch.fx.Node) -> torch.fx.Node:
        """The convolution that adds the other operand to its result: that of the deeper branch.

        The shallower branch then runs before it, while the results that the deeper one waits for
        leave the array.
        """
        operands = [value for value in addition.args if isinstance(value, torch.fx.Node)]
        if len(operands) != 2 or operands[0] is operands[1] or addition.kwargs:
            found = f"the addition of {addition.args} {addition.kwargs or ''}".strip()
            raise self.trace.refuse(addition, found, "the addition of two different tensors")
        shapes = [tuple(value.meta["tensor_meta"].shape) for value in operands]
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
        elif node.args[0].meta["tensor_meta"].shape[1:].numel() != weight.shape[1]:  # type: ignore[union-attr]
            raise self.trace.refuse(
                node, f"Linear on a tensor of shape {tuple(self.shapes[source])}", "Linear after Flatten"
            )
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
            bare = not (self.relu or self.pool or self.other)
            if kind == "norm" and bare and self.norm is None:
                self.norm = _norm(importer.trace.modules[str(node.target)])
            elif kind == "add" and bare and importer.absorbs.get(conv) == node:
                (self.other,) = set(node.all_input_nodes) - {self.nodes[-1]}
            elif kind == "relu" and not self.pool:
                self.relu = True
            elif kind in ("mean", "window") and not self.pool:
                self._check_pool(node)
                self.pool = True
            elif kind != "nothing":
                return
            self.nodes.append(node)

    def _next(self) -> torch.fx.Node | None:
        users = [user for user in self.nodes[-1].users if self.importer.trace.kind(user) != "size"]
        return users[0] if len(users) == 1 and users[0].op != "output" else None

    def _check_pool(self, node: torch.fx.Node) -> None:
        before = map_shape(self.nodes[-1])
        after = node.meta["tensor_meta"].shape
        whole = tuple(after[:2]) == (1, before[0]) and after.numel() == before[0]
        if not whole:
            raise self.importer.trace.refuse(
                node,
                f"average pooling from {before} to {tuple(after[1:])}",
                "global average pooling to one pixel per channel",
            )


def _norm(module: Any) -> Norm:
    size = module.num_features
    gamma = module.weight.detach().clone() if module.affine else torch.ones(size)
    beta = module.bias.detach().clone() if module.affine else torch.zeros(size)
    return Norm(gamma, beta, module.running_mean.clone(), module.running_var.clone(), module.eps)
