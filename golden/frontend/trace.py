"""A traced network: its nodes, what kind each is, and the refusal of all that is not supported."""

import math
import operator
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.modules import name_of
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings

SUPPORTED = (
    "Conv2d, Linear, BatchNorm2d, ReLU, the addition of two tensors, global average pooling, "
    "Flatten, Dropout and Identity"
)

_ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}
_RELUS = {torch.relu, torch.relu_, nn.functional.relu, nn.functional.relu_, "relu", "relu_", nn.ReLU}
_FLATTENS = {torch.flatten, "flatten", "view", "reshape", torch.reshape, nn.Flatten}
_MEANS = {torch.mean, "mean", nn.functional.adaptive_avg_pool2d, nn.AdaptiveAvgPool2d}
_WINDOWS = {nn.functional.avg_pool2d, nn.AvgPool2d}
_NOTHINGS = {nn.functional.dropout, nn.Dropout, nn.Dropout2d, nn.Identity, "contiguous"}
_SIZES = {"size", "getattr", getattr, operator.getitem}
_KINDS: dict[str, set[Any]] = {
    "add": _ADDITIONS,
    "relu": _RELUS,
    "flatten": _FLATTENS,
    "mean": _MEANS,
    "window": _WINDOWS,
    "nothing": _NOTHINGS,
    "size": _SIZES,
    "conv": {nn.Conv2d},
    "linear": {nn.Linear},
    "norm": {nn.BatchNorm2d},
}


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
                with findings.collect():
                    self.check_flat(node)
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
            source = node.args[0] if node.args else None
            inner = self.modules.get(str(node.target)) if node.op == "call_module" else None
            found = source.meta.get("shape", ())[1:] if isinstance(source, torch.fx.Node) else ()
            if isinstance(inner, nn.Conv2d):
                takes = f"; Conv2d of {inner.in_channels} channels on a map of shape {found}"
            elif isinstance(inner, nn.Linear):
                takes = f"; Linear of {inner.in_features} features on a tensor of shape {found}"
        return UnsupportedError(
            f"{type(module).__name__}: does not accept images of shape "
            f"{tuple(sample.shape[1:])} (channels, height, width): {where}{reason}{takes}"
        )

    def check_flat(self, node: torch.fx.Node) -> None:
        """Raises UnsupportedError where a view mixes images, or a Linear takes more than features."""
        source = node.args[0] if node.args else node.kwargs.get("input")
        shape = source.meta.get("shape") if isinstance(source, torch.fx.Node) else None
        flat = node.meta.get("shape")
        if shape is None:
            return
        if self.kind(node) == "flatten" and flat and flat != (shape[0], math.prod(shape[1:])):
            raise self.refuse(
                node,
                f"{shape} becomes {flat} for two images",
                "flattening to (images, features), such as torch.flatten(x, 1)",
            )
        if self.kind(node) == "linear" and len(shape) != 2:
            raise self.refuse(node, f"Linear on a tensor of shape {shape[1:]}", "Linear after Flatten")

    def path(self, node: torch.fx.Node) -> str:
        """Dotted path of a module, or the name of a function's node."""
        return str(node.target) if node.op == "call_module" else f"node {node.name}"

    def what(self, node: torch.fx.Node) -> Any:
        """Class of a module, a function, or the name of a method."""
        return type(self.modules[str(node.target)]) if node.op == "call_module" else node.target

    def kind(self, node: torch.fx.Node) -> str | None:
        """Which of the supported kinds a node is."""
        what = self.what(node)
        return next((kind for kind, members in _KINDS.items() if what in members), None)

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
            what = self.what(node)
            if self.kind(node) is None:
                self.findings.add(self.refuse(node, f"found {name_of(what)}", SUPPORTED))
                self.refused.add(node)
            elif what in (nn.Conv2d, nn.Linear, nn.BatchNorm2d):
                self._check_module(node, self.modules[str(node.target)])

    def _check_module(self, node: torch.fx.Node, module: nn.Module) -> None:
        wrong: list[tuple[str, str]] = []
        if len([n for n in self.traced.graph.nodes if n.target == node.target]) > 1:
            wrong.append(("the module is used more than once", "one use of each layer"))
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
            wrong.append(("track_running_stats = False", "running statistics"))
            self.refused.add(node)
        if isinstance(module, nn.Conv2d):
            for name, legal in (("groups", 1), ("dilation", (1, 1)), ("padding_mode", "zeros")):
                if (value := getattr(module, name)) != legal:
                    wrong.append((f"Conv2d with {name} = {value!r}", f"{name} = {legal!r}"))
            if module.stride[0] != module.stride[1]:
                wrong.append((f"Conv2d with stride = {module.stride}", "equal strides"))
            with self.findings.collect():
                self.padding(node, module)
        for found, supported in wrong:
            self.findings.add(self.refuse(node, found, supported))

    def padding(self, node: torch.fx.Node, conv: nn.Conv2d) -> int:
        """Zeros on each side. Raises UnsupportedError where the sides differ."""
        if conv.padding == "valid":
            return 0
        zeros = [size - 1 for size in conv.kernel_size]
        if conv.padding != "same":
            zeros = [2 * int(side) for side in conv.padding]
        if zeros[0] != zeros[1] or zeros[0] % 2:
            raise self.refuse(node, f"Conv2d with padding = {conv.padding!r}", "equal paddings on all sides")
        return zeros[0] // 2


def map_shape(node: torch.fx.Node) -> tuple[int, int, int]:
    """(channels, height, width) of a node's value for one image; (0, 0, 0) where it has none."""
    shape = node.meta.get("shape", ())[1:]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (shape[0], 1, 1) if shape else (0, 0, 0)
