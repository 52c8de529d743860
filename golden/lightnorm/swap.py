"""LightNorm2d in the place of a network's batch norms, and back; the flags of all of them."""

from typing import Any, TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from golden.lightnorm.checks import NormError, check_settings, check_state
from golden.lightnorm.module import LightNorm2d
from golden.lightnorm.record import NormFlags
from golden.lightnorm.tensors import LightNormOptions

Norm = TypeVar("Norm", bound=nn.BatchNorm2d)


def _like(norm: nn.BatchNorm2d, kind: type[Norm], **more: Any) -> Norm:
    """A layer of another kind with a layer's settings, parameters (the same objects), buffers and mode."""
    to = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, **more)
    to.weight, to.bias = norm.weight, norm.bias
    to.running_mean, to.running_var = norm.running_mean, norm.running_var
    to.num_batches_tracked = norm.num_batches_tracked
    return to.train(norm.training)


def _swap(module: nn.Module, new: dict[nn.Module, nn.Module]) -> nn.Module:
    """Puts the new layer into every place of an old one, a layer that is used twice included."""
    if module in new:
        return new[module]
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if child in new:
                setattr(parent, name, new[child])
    return module


def swap_batch_norm(module: nn.Module, options: LightNormOptions | None = None) -> nn.Module:
    """Every BatchNorm2d inside becomes a LightNorm2d with its parameters, statistics and mode.

    Parameters
    ----------
    module: changed in place, unless it is itself a BatchNorm2d. options: of all new layers.

    Returns the module. Optimisers stay valid: parameters are the same objects. The statistics of a
    network trained with BatchNorm2d are variances, those of LightNorm2d ranges: a few steps of
    training follow, or the calibration of running statistics.

    Raises NormError, and changes nothing, if a parameter or statistic is not finite, or the network
    has batch norms of another kind (BatchNorm1d, SyncBatchNorm …), which would stay in floating point.
    """
    new: dict[nn.Module, nn.Module] = {}
    others = []
    for path, norm in module.named_modules():
        name = path or "the module"
        if type(norm) is nn.BatchNorm2d:
            check_settings(norm, f"BatchNorm2d at {name}")
            check_state(norm, f"BatchNorm2d at {name}")
            light = new[norm] = _like(norm, LightNorm2d, options=options)
            light.path = path
        elif isinstance(norm, _BatchNorm) and not isinstance(norm, LightNorm2d):
            others.append(f"{name} ({type(norm).__name__})")
    if others:
        raise NormError(f"no LightNorm for {', '.join(others)}; legal: BatchNorm2d alone")
    return _swap(module, new)


def restore_batch_norm(module: nn.Module) -> nn.Module:
    """Every LightNorm2d inside becomes a BatchNorm2d: in eval mode the same function, ready to be folded."""
    norms = [norm for norm in module.modules() if isinstance(norm, LightNorm2d)]
    return _swap(module, {norm: _like(norm, nn.BatchNorm2d) for norm in norms})


def collect_flags(module: nn.Module) -> dict[str, NormFlags]:
    """Path → `all_flags` of every LightNorm2d of a network, in its order; "" where it is one itself."""
    layers = module.named_modules()
    return {path: layer.all_flags for path, layer in layers if isinstance(layer, LightNorm2d)}


def reset_flags(module: nn.Module) -> None:
    """`LightNorm2d.reset_flags` for every LightNorm2d of a network."""
    for layer in module.modules():
        if isinstance(layer, LightNorm2d):
            layer.reset_flags()
