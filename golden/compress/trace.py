"""A traced network: its nodes, what kind each is, and the refusal of all that is not supported."""

import operator
from typing import Any

import torch
import torch.fx
from torch import nn
from torch.fx.passes.shape_prop import ShapeProp

from golden.spec.errors import UnsupportedError

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


class Trace:
    """The nodes of a network for images of one shape; every node is of a supported kind.

    Raises UnsupportedError naming the layer path, what was found and what is supported.
    """

    def __init__(self, module: nn.Module, sample: torch.Tensor) -> None:
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
        try:
            ShapeProp(self.traced).propagate(sample)
        except Exception as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise UnsupportedError(
                f"{type(module).__name__}: does not accept images of shape "
                f"{tuple(sample.shape[1:])} (channels, height, width): {reason}"
            ) from error

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
                raise self.refuse(node, f"found {getattr(what, '__name__', what)}", SUPPORTED)
            if what in (nn.Conv2d, nn.Linear, nn.BatchNorm2d):
                self._check_module(node, self.modules[str(node.target)])

    def _check_module(self, node: torch.fx.Node, module: nn.Module) -> None:
        if len([n for n in self.traced.graph.nodes if n.target == node.target]) > 1:
            raise self.refuse(node, "the module is used more than once", "one use of each layer")
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
            raise self.refuse(node, "track_running_stats = False", "running statistics")
        if isinstance(module, nn.Conv2d):
            for name, legal in (("groups", 1), ("dilation", (1, 1)), ("padding_mode", "zeros")):
                if (value := getattr(module, name)) != legal:
                    raise self.refuse(node, f"Conv2d with {name} = {value!r}", f"{name} = {legal!r}")
            if module.stride[0] != module.stride[1]:
                raise self.refuse(node, f"Conv2d with stride = {module.stride}", "equal strides")
            self.padding(node, module)

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
    """(channels, height, width) of a node's value for one image."""
    shape = tuple(node.meta["tensor_meta"].shape)[1:]
    channels, height, width = shape if len(shape) == 3 else (shape[0], 1, 1)
    return channels, height, width
