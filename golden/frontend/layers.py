"""A traced network with its weights in layers: of functions, calculated, used twice."""

import operator
from collections.abc import Callable
from operator import methodcaller
from typing import Any

import torch
import torch.fx
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from golden.frontend.edit import PATH, changed, constant_of, path_of, put_constant, put_layer, source_of
from golden.graph.operations.operation import Operation

_OLD_HOOKS = (WeightNorm, SpectralNorm, BasePruningMethod)
"""What torch hangs on a layer to make its weight before each call, in the ways without parametrize."""


def fold_constants(traced: torch.fx.GraphModule) -> None:
    """Calculates what follows from the network's own values alone, such as a standardised weight."""
    for node in list(traced.graph.nodes):
        inputs = node.all_input_nodes
        values = {it: constant_of(traced, it) for it in inputs}
        if node.op not in ("call_function", "call_method") or not inputs or None in values.values():
            continue
        args, kwargs = torch.fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
        with torch.no_grad():
            call = node.target if callable(node.target) else methodcaller(node.target, *args[1:], **kwargs)
            found = call(*args, **kwargs) if callable(node.target) else call(args[0])
        if isinstance(found, torch.Tensor):
            node.replace_all_uses_with(put_constant(traced, found.clone(), node))
            traced.graph.erase_node(node)


def layers_of_functions(traced: torch.fx.GraphModule) -> None:
    """Makes layers of functional convolutions, linear maps and batch norms whose weights are constants."""
    for node in list(traced.graph.nodes):
        maker = _MAKERS.get(node.target) if node.op == "call_function" else None
        if maker is None:
            continue
        values = torch.fx.node.map_arg(
            (node.args, node.kwargs), lambda it: it if (found := constant_of(traced, it)) is None else found
        )
        try:
            made = maker(*values[0], **values[1])
        except TypeError:  # called in a way that the maker does not know
            continue
        if made is not None:
            source, layer = made
            put_layer(traced, node, layer, source, _owner(node))


def _owner(node: torch.fx.Node) -> str:
    """Path of the module whose weight or bias a function takes, or their name, or that of the node."""
    for it in node.all_input_nodes:
        if it.op == "get_attr" and not str(it.target).startswith("constant"):
            return str(it.target).removesuffix(".weight").removesuffix(".bias")
    return str(node.name)


Made = tuple[torch.fx.Node, nn.Module] | None
"""(what a layer takes, the layer); None for what is no layer, such as a product of two values."""


def _convolution(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Made:
    if not isinstance(weight, torch.Tensor) or not isinstance(input, torch.fx.Node):
        return None
    if not _plain(bias):
        return None
    return input, convolution(weight, bias, stride, padding, dilation, groups)


def convolution(
    weight: torch.Tensor, bias: torch.Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> nn.Module:
    """A convolution layer of given weights; arguments as in torch.nn.functional.conv2d."""
    kind: Any = nn.Conv1d if weight.ndim == 3 else nn.Conv2d
    layer = nn.utils.skip_init(
        kind,
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride,
        padding,
        dilation,
        groups,
        bias is not None,
    )
    return _with(layer, weight=weight, bias=bias)


def _linear(input: Any, weight: Any, bias: Any = None) -> Made:
    if not isinstance(weight, torch.Tensor) or weight.ndim != 2 or not isinstance(input, torch.fx.Node):
        return None
    return (input, linear(weight, bias)) if _plain(bias) else None


def linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    """A linear layer of given weights (outputs, inputs)."""
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias is not None)
    return _with(layer, weight=weight, bias=bias)


def _product(input: Any, other: Any) -> Made:
    return _linear(input, other.T) if isinstance(other, torch.Tensor) and other.ndim == 2 else None


def _batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Made:
    values = (running_mean, running_var)
    if training or not all(isinstance(it, torch.Tensor) for it in values):
        return None
    if not _plain(weight) or not _plain(bias):
        return None
    rank = len(input.meta.get("shape", (0,) * 4))
    return input, batch_norm(running_mean, running_var, weight, bias, eps, rank)


def batch_norm(
    mean: torch.Tensor,
    variance: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
    rank: int,
) -> nn.Module:
    """A batch norm layer of given values, each (channels,), on tensors of `rank` axes."""
    layer: Any = (nn.BatchNorm2d if rank == 4 else nn.BatchNorm1d)(len(mean), eps=eps).eval()
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)
    ones, zeros = torch.ones(len(mean)), torch.zeros(len(mean))
    return _with(layer, weight=ones if weight is None else weight, bias=zeros if bias is None else bias)


def _pool(kind: type[nn.Module]) -> Callable[..., Made]:
    """Pooling by a function; arguments as of its module."""

    def make(input: Any, kernel_size: Any, stride: Any = None, *args: Any, **named: Any) -> Made:
        # torch's functions take an empty stride for none.
        stride = stride if isinstance(stride, int) or stride else None
        return (
            (input, kind(kernel_size, stride, *args, **named)) if isinstance(input, torch.fx.Node) else None
        )

    return make


def _adaptive(kind: type[nn.Module]) -> Callable[..., Made]:
    """The same for pooling to a size."""

    def make(input: Any, output_size: Any) -> Made:
        return (input, kind(output_size)) if isinstance(input, torch.fx.Node) else None

    return make


def _interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> Made:
    return (input, nn.Upsample(size, scale_factor, mode)) if isinstance(input, torch.fx.Node) else None


def _leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Made:
    return (input, nn.LeakyReLU(negative_slope)) if isinstance(input, torch.fx.Node) else None


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, torch.Tensor)


def _with(layer: nn.Module, **parameters: torch.Tensor | None) -> nn.Module:
    for name, value in parameters.items():
        setattr(layer, name, None if value is None else nn.Parameter(value.detach().clone()))
    return layer


_MAKERS: dict[Any, Callable[..., Made]] = {
    nn.functional.conv1d: _convolution,
    nn.functional.conv2d: _convolution,
    nn.functional.interpolate: _interpolate,
    nn.functional.leaky_relu: _leaky_relu,
    nn.functional.linear: _linear,
    nn.functional.batch_norm: _batch_norm,
    nn.functional.max_pool2d: _pool(nn.MaxPool2d),
    torch.max_pool2d: _pool(nn.MaxPool2d),
    nn.functional.max_pool1d: _pool(nn.MaxPool1d),
    torch.max_pool1d: _pool(nn.MaxPool1d),
    nn.functional.avg_pool2d: _pool(nn.AvgPool2d),
    nn.functional.avg_pool1d: _pool(nn.AvgPool1d),
    torch.avg_pool1d: _pool(nn.AvgPool1d),
    nn.functional.adaptive_avg_pool2d: _adaptive(nn.AdaptiveAvgPool2d),
    nn.functional.adaptive_avg_pool1d: _adaptive(nn.AdaptiveAvgPool1d),
    torch.adaptive_avg_pool1d: _adaptive(nn.AdaptiveAvgPool1d),
    torch.matmul: _product,
    torch.mm: _product,
    operator.matmul: _product,
}


def effective_layers(traced: torch.fx.GraphModule) -> None:
    """Layers whose weights are made anew at each call become layers of the weights that they make."""
    for node in list(traced.graph.nodes):
        source = source_of(node)
        if node.op != "call_module" or source is None:
            continue
        if (made := _effective(traced.get_submodule(node.target))) is not None:
            put_layer(traced, node, made, source, node.meta.get(PATH, node.target))


def _effective(layer: nn.Module) -> nn.Module | None:
    hooks = [it for it in layer._forward_pre_hooks.values() if isinstance(it, _OLD_HOOKS)]
    parametrised = parametrize.is_parametrized(layer)
    if not hooks and not parametrised:
        return None
    kind: Any = type(layer).__bases__[0] if parametrised else type(layer)
    with torch.no_grad():
        for hook in hooks:
            hook(layer, None)
    names = [getattr(it, "name", getattr(it, "_tensor_name", "")) for it in hooks]
    if parametrised:
        names += list(layer.parametrizations)  # type: ignore[arg-type]
    made = kind.__new__(kind)
    made.__dict__ = {name: it for name, it in layer.__dict__.items() if name not in names}
    parts = tuple(f"{name}_" for name in names)
    for held in ("_parameters", "_buffers"):
        kept = {name: it for name, it in layer.__dict__[held].items() if not name.startswith(parts)}
        made.__dict__[held] = kept
    made._modules = {name: it for name, it in layer._modules.items() if name != "parametrizations"}
    others = ((key, it) for key, it in layer._forward_pre_hooks.items() if it not in hooks)
    made._forward_pre_hooks = type(layer._forward_pre_hooks)(others)
    with torch.no_grad():
        made._parameters |= {name: nn.Parameter(getattr(layer, name).clone()) for name in names}
    return made


def separate_uses(traced: torch.fx.GraphModule, meaning: Callable[[torch.fx.Node], Operation | None]) -> None:
    """A layer with weights that is used again counts as another layer each time: `path#2`, `path#3`, …"""
    uses: dict[str, int] = {}
    for node in list(traced.graph.nodes):
        source = source_of(node)
        if node.op != "call_module" or source is None:
            continue
        path = path_of(node)
        count = uses[path] = uses.get(path, 0) + 1
        operation = meaning(node)
        if count > 1 and operation is not None and (operation.product or operation.floats is not None):
            layer = traced.get_submodule(node.target)
            if layer._parameters or operation.product:
                put_layer(traced, node, changed(layer), source, f"{path}#{count}")
