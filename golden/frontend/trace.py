"""A traced network: its nodes, what kind each is, and the refusal of all that is not supported."""

import operator
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.modules import name_of
from golden.graph.operations.operation import Operation
from golden.graph.operations.registry import meaning, supported
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings

_SIZES = {"size", "getattr", getattr, operator.getitem}
"""Arithmetic on shapes: no value of the network."""


class _Shapes(torch.fx.Interpreter):
    """Runs a network and notes the shape of every value; `at` is the node in hand."""

    def __init__(self, traced: torch.fx.GraphModule) -> None:
        super().__init__(traced)
        self.extra_traceback = False
        self.at: torch.fx.Node | None = None

    def run_node(self, n: torch.fx.Node) -> Any:
        """See torch.fx.Interpreter."""
        self.at = n
        value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            n.meta["shape"] = tuple(value.shape)
        return value


class Trace:
    """The nodes of a network for two images of one shape; what is not supported goes to `findings`.

    `refused` are the nodes that no layer can take in.
    Raises UnsupportedError, with all findings, where the nodes cannot be known.
    """

    def __init__(self, module: nn.Module, sample: torch.Tensor, findings: Findings) -> None:
        self.findings = findings
        self.refused: set[torch.fx.Node] = set()
        try:
            self.traced = torch.fx.symbolic_trace(module)
        except Exception as error:
            raise UnsupportedError(
                f"{type(module).__name__}: its forward cannot be traced ({error}); "
                "supported: a forward without control flow that depends on the data"
            ) from error
        self.modules = dict(self.traced.named_modules())
        self.traced.graph.eliminate_dead_code()
        self._check_nodes()
        # Two images: what counts on one alone, such as view(1, -1), must not pass.
        images = sample[:1].expand(2, *sample.shape[1:]).clone()
        shapes = _Shapes(self.traced)
        try:
            with torch.no_grad():
                shapes.run(images)
        except Exception as error:
            for node in self.traced.graph.nodes:
                operation = self.meaning(node)
                if operation is None or operation.stage is None:
                    with findings.collect():
                        self.check_shapes(node)
            if not findings.errors:
                findings.add(self._misfit(module, sample, shapes.at, error))
            findings.demand()

    def _misfit(
        self, module: nn.Module, sample: torch.Tensor, node: torch.fx.Node | None, error: Exception
    ) -> UnsupportedError:
        """A node does not take what comes to it."""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where, takes = "", "; supported: images that the network was made for"
        if node is not None:
            where = f"{self.path(node)}: "
            source = self.source(node)
            inner = self.modules.get(str(node.target)) if node.op == "call_module" else None
            found = () if source is None else source.meta.get("shape", ())[1:]
            if isinstance(inner, nn.Conv2d):
                takes = f"; Conv2d of {inner.in_channels} channels on a map of shape {found}"
            elif isinstance(inner, nn.Linear):
                takes = f"; Linear of {inner.in_features} features on a tensor of shape {found}"
        return UnsupportedError(
            f"{type(module).__name__}: does not accept images of shape "
            f"{tuple(sample.shape[1:])} (channels, height, width): {where}{reason}{takes}"
        )

    def check_shapes(self, node: torch.fx.Node) -> None:
        """Raises UnsupportedError where an operation does not take or give such shapes, as far as they are
        known."""
        operation, source = self.meaning(node), self.source(node)
        before = None if source is None else source.meta.get("shape")
        if operation is not None and before is not None:
            for found, supported in operation.check_shapes(before, node.meta.get("shape", ())):
                raise self.refuse(node, found, supported)

    def source(self, node: torch.fx.Node) -> torch.fx.Node | None:
        """The value that a node takes first."""
        source = node.args[0] if node.args else node.kwargs.get("input")
        return source if isinstance(source, torch.fx.Node) else None

    def path(self, node: torch.fx.Node) -> str:
        """Dotted path of a module, or the name of a function's node."""
        return str(node.target) if node.op == "call_module" else f"node {node.name}"

    def what(self, node: torch.fx.Node) -> Any:
        """Class of a module, a function, or the name of a method."""
        return type(self.modules[str(node.target)]) if node.op == "call_module" else node.target

    def meaning(self, node: torch.fx.Node) -> Operation | None:
        """Which of the supported operations a node is."""
        return meaning(self.what(node))

    def is_size(self, node: torch.fx.Node) -> bool:
        """Whether a node only calculates with shapes."""
        return self.what(node) in _SIZES

    def refuse(self, node: torch.fx.Node, found: str, supported: str) -> UnsupportedError:
        """The error that says where, what and what would be right."""
        return UnsupportedError(f"{self.path(node)}: {found}; supported: {supported}")

    def _check_nodes(self) -> None:
        inputs = [node for node in self.traced.graph.nodes if node.op == "placeholder"]
        if len(inputs) != 1:
            raise UnsupportedError(f"network: {len(inputs)} inputs; supported: one tensor of images")
        for node in self.traced.graph.nodes:
            if node.op in ("placeholder", "output"):
                continue
            operation = self.meaning(node)
            if operation is not None:
                self._check_use(node, operation)
            elif not self.is_size(node):
                self.findings.add(self.refuse(node, f"found {name_of(self.what(node))}", supported()))
                self.refused.add(node)

    def _check_use(self, node: torch.fx.Node, operation: Operation) -> None:
        if operation.once and len([n for n in self.traced.graph.nodes if n.target == node.target]) > 1:
            self.findings.add(self.refuse(node, "the module is used more than once", "one use of each layer"))
        if node.op != "call_module":
            return
        for found, legal in operation.check(self.modules[str(node.target)]):
            self.findings.add(self.refuse(node, found, legal))
            if operation.stage is not None:
                self.refused.add(node)


def map_shape(node: torch.fx.Node) -> tuple[int, int, int]:
    """(channels, height, width) of a node's value for one image; (0, 0, 0) where it has none."""
    shape = node.meta.get("shape", ())[1:]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (shape[0], 1, 1) if shape else (0, 0, 0)
