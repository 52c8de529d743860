"""A user's module before it is traced: wrappers taken off, values that cannot work refused."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings


def unwrapped(module: nn.Module) -> nn.Module:
    """The network itself where it, or a part of it, is compiled (torch.compile) or DataParallel.

    The user's module stays as it was: parts above a wrapper are shallow copies that share everything.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return module
    if (inner := _inside(module)) is not None:
        return unwrapped(inner)
    children = {name: None if child is None else unwrapped(child) for name, child in module._modules.items()}
    compiled = getattr(module, "_compiled_call_impl", None) is not None
    if not compiled and all(child is module._modules[name] for name, child in children.items()):
        return module
    # A copy of a module leaves its compiled call behind.
    plain = copy.copy(module)
    plain._modules = children
    return plain


def _inside(module: nn.Module) -> nn.Module | None:
    """What a wrapper wraps. torch.compile's class is not named here: importing it takes seconds."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return module._modules["module"]
    return module._modules.get("_orig_mod")


def check_module(module: nn.Module) -> None:
    """Raises UnsupportedError with everything that is wrong with its parts, layer by layer: TorchScript,
    quantised layers, dtypes and devices, values that are missing, not finite, or no variance."""
    findings = Findings()
    refused: list[str] = []
    for path, part in module.named_modules():
        if any(path.startswith(above) for above in refused):
            continue
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        where = path or "network"
        if isinstance(part, torch.jit.ScriptModule):
            _refuse(findings, where, "a TorchScript module", "the torch.nn.Module that it was made from")
            refused.append(f"{path}." if path else "")
        elif ".quantized." in kind:
            _refuse(findings, where, f"{kind}, quantised already", "the float network that it was made from")
            refused.append(f"{path}." if path else "")
    # What TorchScript and quantised layers hold is no news.
    findings.demand()
    for path, part in module.named_modules():
        values = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        for name, value in values:
            if name != "num_batches_tracked":
                _check_value(findings, path, name, value)
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d) and isinstance(part.running_var, torch.Tensor):
            wrong = torch.nonzero(part.running_var + part.eps <= 0)
            if len(wrong):
                found = f"running_var is {part.running_var[wrong[0]].item():.3g} in channel {wrong[0].item()}"
                _refuse(findings, path, found, "variances, not negative, and above 0 with eps")
    findings.demand()


def _check_value(findings: Findings, path: str, name: str, value: torch.Tensor) -> None:
    whole = f"{path}.{name}" if path else name
    if torch.nn.parameter.is_lazy(value):
        _refuse(findings, whole, "not initialised", "a network that has seen an image")
    elif value.dtype != torch.float32:
        _refuse(findings, whole, f"dtype {value.dtype}", "torch.float32")
    elif value.device.type != "cpu":
        _refuse(findings, whole, f"on device {value.device}", "a network on the cpu")
    elif not bool(torch.isfinite(value).all()):
        wrong = torch.nonzero(~torch.isfinite(value.detach()))
        first = wrong[0].tolist()
        where = f" in channel {first[0]}" if first else ""
        found = (
            f"{name} is {value.detach()[tuple(first)].item()}{where} ({len(wrong)} of {value.numel()} values)"
        )
        _refuse(findings, path or "network", found, "finite values")


def _refuse(findings: Findings, where: str, found: str, supported: str) -> None:
    findings.add(UnsupportedError(f"{where}: {found}; supported: {supported}"))


@contextmanager
def evaluation(module: nn.Module) -> Iterator[nn.Module]:
    """The module in eval mode; afterwards every part is in the mode that it had."""
    modes = {part: part.training for part in module.modules()}
    try:
        yield module.eval()
    finally:
        for part, training in modes.items():
            part.training = training


def name_of(what: Any) -> str:
    """A class, function or method as its user knows it: torch's own layers by their short name."""
    name = getattr(what, "__name__", str(what))
    if isinstance(what, type) and not what.__module__.startswith("torch.nn.modules."):
        return f"{what.__module__}.{what.__qualname__}"
    return str(name)


def results(value: Any) -> list[Any]:
    """What a network gives, in order: one tensor alone, or those of a tuple, list or dict."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


class FirstResult(nn.Module):
    """A network that gives the first of what another one gives: what labels are read from.

    Parameters
    ----------
    shape: of an image that the network takes, (C, H, W) or (C, L).
    """

    def __init__(self, network: nn.Module, shape: torch.Size) -> None:
        super().__init__()
        self.network = network
        self.shape = shape

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images, sequences also as maps of one row → the first result."""
        found: torch.Tensor = results(self.network(images.reshape(-1, *self.shape)))[0]
        return found
