"""What a LightNorm2d refuses: each error names the layer, the tensor and the channel."""

import math

import torch
from torch import nn

from golden.spec.errors import LightDealError


class NormError(LightDealError):
    """A LightNorm2d met a setting, a shape or a value that it cannot work with, or work on truthfully."""


def check_settings(norm: nn.BatchNorm2d, where: str) -> None:
    """Raises NormError unless eps and momentum are legal."""
    if not (math.isfinite(norm.eps) and norm.eps >= 0):
        raise NormError(f"{where}: eps = {norm.eps}; legal: finite, 0 or more")
    if norm.momentum is not None and not 0 <= norm.momentum <= 1:
        raise NormError(f"{where}: momentum = {norm.momentum}; legal: 0…1, or None for plain averages")


def check_input(norm: nn.BatchNorm2d, x: torch.Tensor, own: bool, where: str) -> None:
    """Raises NormError unless x is (N, num_features, H, W), with two values a channel or more where the batch
    has its `own` statistics.
    """
    shape = tuple(x.shape)
    if x.dim() != 4:
        raise NormError(
            f"{where}: expected 4D input (got {x.dim()}D input of shape {shape}); legal: N, C, H, W"
        )
    if not x.is_floating_point():
        raise NormError(f"{where}: input of {x.dtype}; legal: a floating-point type")
    if shape[1] != norm.num_features:
        raise NormError(f"{where}: input has {shape[1]} channels; expected {norm.num_features}")
    values = shape[0] * shape[2] * shape[3]
    if own and values < 2:
        raise NormError(
            f"{where}: input of shape {shape} has n = {values} values a channel; "
            "legal with statistics of the batch: 2 or more (a single value has no range)"
        )


def check_state(norm: nn.BatchNorm2d, where: str) -> None:
    """Raises NormError if gamma, beta or a running statistic is not a number that the layer can use."""
    for name, values in (
        ("gamma (weight)", norm.weight),
        ("beta (bias)", norm.bias),
        ("running_mean", norm.running_mean),
        ("running_var", norm.running_var),
    ):
        if values is None:
            continue
        values = values.detach()
        _refuse(values, ~values.isfinite(), name, where, "finite; has the training diverged?")
        if name == "running_var":
            _refuse(values, values < 0, name, where, "0 or more")
        elif values.dtype == torch.float64 and name != "running_mean":
            _refuse(values, ~values.float().isfinite(), name, where, "a float32, as which the unit reads it")


def check_divisor(norm: nn.BatchNorm2d, where: str) -> None:
    """Raises NormError if eval mode would divide by zero."""
    values = norm.running_var
    assert values is not None
    values = values.detach().to(torch.promote_types(values.dtype, torch.float32))
    _refuse(
        values,
        values + torch.tensor(norm.eps, dtype=values.dtype) == 0,
        "running_var",
        where,
        f"above 0 in eval mode with eps = {norm.eps}",
    )


def check_arrived(x: torch.Tensor, where: str) -> None:
    """Raises NormError naming the first NaN or infinity of an input (N, C, H, W) that holds some."""
    image, channel, row, column = (int(i) for i in (~x.detach().isfinite()).nonzero()[0])
    raise NormError(
        f"{where}: input is {float(x[image, channel, row, column])} in channel {channel} (image {image}, "
        f"row {row}, column {column}); legal in training: finite. Has the training diverged?"
    )


def check_fits(exact: torch.Tensor, kind: torch.dtype, where: str) -> None:
    """Raises NormError if an output (C, n) is beyond the type that it must be given in."""
    largest = exact.abs().amax(1)
    _refuse(largest, largest > torch.finfo(kind).max, "output", where, f"within {kind}; give float32 images")


def check_followed(moved: torch.Tensor, values: torch.Tensor, name: str, where: str) -> None:
    """Raises NormError if a running statistic (C,) left its type; values: what it should be, float64."""
    most = torch.finfo(moved.dtype).max
    legal = f"within {moved.dtype}, ±{most:.3g}: scale the input, or keep no running statistics"
    _refuse(values, ~moved.isfinite(), f"the next {name}", where, legal)


def _refuse(values: torch.Tensor, wrong: torch.Tensor, name: str, where: str, legal: str) -> None:
    if bool(wrong.any()):
        channel = int(wrong.nonzero()[0])
        raise NormError(
            f"{where}: {name} is {float(values[channel]):.6g} in channel {channel}; legal: {legal}"
        )
