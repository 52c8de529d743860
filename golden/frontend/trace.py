"""A traced network: its nodes, what kind each is, and the refusal of all that is not supported."""

import copy
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.affine import fold_input, fold_into_layers
from golden.frontend.edit import path_of, said_of, shape_of, source_of, what_of
from golden.frontend.exported.program import module_by_export
from golden.frontend.foreign import Refused, foreign
from golden.frontend.gates import settle_gates
from golden.frontend.hard import settle_hard
from golden.frontend.layers import effective_layers, fold_constants, layers_of_functions, separate_uses
from golden.frontend.layout import straighten
from golden.frontend.padding import fold_padding
from golden.frontend.pools import settle_pools
from golden.frontend.sequences import as_maps, lay_features, lay_sequences
from golden.frontend.sizes import merge_reshapes, settle_sizes
from golden.graph.operations.operation import Operation
from golden.graph.operations.registry import meaning, supported
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings

_SIZES = {"size", "dim", "numel", "ndimension", "getattr", getattr}
"""What gives sizes: no value of the network."""


IMAGES = 2
"""That shapes are noted for: what counts on one alone, such as view(1, -1), must not pass."""


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
        elif isinstance(value, int):
            n.meta["number"] = value
        return value

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """See torch.fx.Interpreter; what a file has and nobody knows is zeros here."""
        layer = self.fetch_attr(target)
        return layer.zeros(args) if isinstance(layer, Refused) else super().call_module(target, args, kwargs)


class Trace:
    """The nodes of a network for two images of one shape; what is not supported goes to `findings`.

    Weights that are calculated, layers called as functions or spelled out, layers used twice, axes in another
    order, zeros added around maps and factors of channels are put into layers on the way, sequences become
    maps of one row; `module` stays as it was.
    `refused` are the nodes that no layer can take in; `incomplete` if a file had some that are not there.
    Raises UnsupportedError, with all findings, where the nodes cannot be known.
    """

    def __init__(self, module: nn.Module, sample: torch.Tensor, findings: Findings) -> None:
        self.module = module
        self.findings = findings
        known = foreign(module)
        self.incomplete = known is not None and bool(known.problems)
        for problem in known.problems if known is not None else ():
            findings.add(problem)
        self.refused: set[torch.fx.Node] = set()
        self._took: tuple[int, ...] = ()
        self.traced = traced(module, sample)
        images = sample[:1].expand(IMAGES, *sample.shape[1:]).clone()
        failed = self._run(images)
        self._tidy()
        if failed is None:
            failed = self._run(as_maps(images))
        self.refresh()
        self._check_nodes()
        if failed is not None:
            self._tell(module, sample, *failed)

    def refresh(self) -> None:
        """Finds the modules anew, after a change."""
        self.modules = dict(self.traced.named_modules(remove_duplicate=False))

    def _run(self, images: torch.Tensor) -> tuple[torch.fx.Node | None, Exception] | None:
        """Notes the shapes; returns the node that does not take what comes to it, and its error."""
        shapes = _Shapes(self.traced)
        try:
            with torch.no_grad():
                shapes.run(images)
        except Exception as error:
            source = None if shapes.at is None else self.source(shapes.at)
            self._took = () if source is None else shape_of(source)[1:]
            return shapes.at, error
        return None

    def _tidy(self) -> None:
        """Weights into layers, axes into order, zeros and factors into the layers beside them."""
        lay_features(self.traced)
        effective_layers(self.traced)
        fold_constants(self.traced)
        layers_of_functions(self.traced)
        settle_sizes(self.traced, self.is_size, IMAGES)
        settle_hard(self.traced)
        settle_gates(self.traced, self._note)
        merge_reshapes(self.traced, IMAGES)
        self.refused |= straighten(self.traced, self._note)
        lay_sequences(self.traced, self._note)
        settle_pools(self.traced, self._note)
        fold_padding(self.traced, self._note)
        fold_into_layers(self.traced)
        fold_input(self.traced)
        separate_uses(self.traced, self.meaning)
        self.traced.graph.eliminate_dead_code()

    def _note(self, node: torch.fx.Node, found: str, supported: str) -> None:
        self.findings.add(self.refuse(node, found, supported))
        self.refused.add(node)

    def _tell(
        self, module: nn.Module, sample: torch.Tensor, node: torch.fx.Node | None, error: Exception
    ) -> None:
        """Raises what is wrong with a network that does not run."""
        for it in self.traced.graph.nodes:
            operation = self.meaning(it)
            if operation is None or operation.stage is None:
                with self.findings.collect():
                    self.check_shapes(it)
        if not self.findings.errors:
            self.findings.add(self._misfit(module, sample, node, error))
        self.findings.demand()

    def _misfit(
        self, module: nn.Module, sample: torch.Tensor, node: torch.fx.Node | None, error: Exception
    ) -> UnsupportedError:
        """A node does not take what comes to it."""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where, takes = "", "; supported: images that the network was made for"
        if node is not None:
            where = f"{self.path(node)}: "
            inner = self.modules.get(str(node.target)) if node.op == "call_module" else None
            if isinstance(inner, nn.Conv2d | nn.Conv1d):
                kind, what = type(inner).__name__, "map" if isinstance(inner, nn.Conv2d) else "sequence"
                takes = f"; {kind} of {inner.in_channels} channels on a {what} of shape {self._took}"
            elif isinstance(inner, nn.Linear):
                takes = f"; Linear of {inner.in_features} features on a tensor of shape {self._took}"
        sizes = ("(features)", "(channels, length)", "(channels, height, width)")[sample.ndim - 2]
        return UnsupportedError(
            f"{type(module).__name__}: does not accept images of shape "
            f"{tuple(sample.shape[1:])} {sizes}: {where}{reason}{takes}"
        )

    def check_shapes(self, node: torch.fx.Node) -> None:
        """Raises UnsupportedError where an operation does not take or give such shapes, as far as they are
        known."""
        operation, source = self.meaning(node), self.source(node)
        before = () if source is None else shape_of(source)
        if operation is not None and before:
            for found, supported in operation.check_shapes(before, shape_of(node)):
                raise self.refuse(node, found, supported)

    def source(self, node: torch.fx.Node) -> torch.fx.Node | None:
        """The value that a node takes first."""
        return source_of(node)

    def path(self, node: torch.fx.Node) -> str:
        """How errors and layers name a node."""
        return path_of(node)

    def layer_path(self, node: torch.fx.Node) -> str:
        """The same for a layer, whose name needs no words around it."""
        return path_of(node).removeprefix("node ")

    def meaning(self, node: torch.fx.Node) -> Operation | None:
        """Which of the supported operations a node is."""
        if node.op == "output":
            return None
        what = what_of(self.traced, node)
        operation = meaning(what)
        if operation is not None and operation.product and node.op != "call_module":
            return None  # a function that no layer could be made of
        if operation is None or operation.otherwise is None or what not in operation.otherwise.torch():
            return operation
        source = self.source(node)
        before = () if source is None else source.meta.get("shape", ())
        if before and any(operation.check_shapes(before, node.meta.get("shape", ()))):
            return operation.otherwise
        return operation

    def is_product(self, node: torch.fx.Node) -> bool:
        """Whether a layer begins with a node."""
        operation = self.meaning(node)
        return operation is not None and operation.product

    def is_size(self, node: torch.fx.Node) -> bool:
        """Whether a node only calculates with shapes."""
        if node.op not in ("call_function", "call_method"):
            return False
        inputs = node.all_input_nodes
        return node.target in _SIZES or (bool(inputs) and all(map(self.is_size, inputs)))

    def refuse(self, node: torch.fx.Node, found: str, supported: str) -> UnsupportedError:
        """The error that says where, what and what would be right."""
        return UnsupportedError(f"{self.path(node)}: {found}; supported: {supported}")

    def _check_nodes(self) -> None:
        inputs = [node for node in self.traced.graph.nodes if node.op == "placeholder"]
        if len(inputs) != 1:
            raise UnsupportedError(f"network: {len(inputs)} inputs; supported: one tensor of images")
        for node in self.traced.graph.nodes:
            if node.op in ("placeholder", "output", "get_attr") or node in self.refused:
                continue
            operation, layer = self.meaning(node), self.modules.get(str(node.target))
            if operation is not None:
                self._check_use(node, operation)
            elif isinstance(layer, Refused):
                self._note(node, layer.found, layer.supported or supported())
            elif not self.is_size(node):
                self._note(node, f"found {said_of(self.traced, node)}", supported())

    def _check_use(self, node: torch.fx.Node, operation: Operation) -> None:
        shape = shape_of(node)
        if not operation.passes and "shape" in node.meta and shape[:1] != (IMAGES,):
            found = f"{said_of(self.traced, node)} that gives {shape} for two images"
            self._note(node, found, "what keeps the images apart")
        self._check_module(node, operation)

    def _check_module(self, node: torch.fx.Node, operation: Operation) -> None:
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


def traced(module: nn.Module, sample: torch.Tensor) -> torch.fx.GraphModule:
    """The nodes of a module, or a copy of them where they come from a file.

    Where a forward asks for sizes, torch.export knows the way that it takes for images like the samples.
    Raises UnsupportedError if they cannot be known.
    """
    if isinstance(module, torch.fx.GraphModule) and foreign(module) is not None:
        return torch.fx.GraphModule(module, copy.deepcopy(module.graph), type(module).__name__)
    try:
        found = torch.fx.symbolic_trace(module)
    except Exception as error:
        images = sample[:1].expand(IMAGES, *sample.shape[1:]).clone()
        if (exported := module_by_export(module, images)) is not None:
            return exported
        raise UnsupportedError(
            f"{type(module).__name__}: its forward cannot be traced ({error}); "
            "supported: a forward without control flow that depends on the data"
        ) from error
    found.graph.eliminate_dead_code()
    return found
