"""Networks that were read from a file: what is known of them, and what of them no torch layer stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.spec.errors import LightDealError, UnsupportedError

FOREIGN = "lightdeal_foreign"
"""Key of a torch module's meta: it was read from a file; the value is a `Foreign`."""


class ForeignFileError(LightDealError):
    """A network's file is missing, damaged, too large, or of a kind or version that is not read."""


@dataclass(frozen=True)
class Foreign:
    """A network from a file.

    Parameters
    ----------
    shape: (channels, height, width) of the images that it takes.
    notes: what of the file is not in the network, a line each.
    problems: nodes that left nothing behind that could stand in the network, and why.
    check: raises UnsupportedError if the file, run by another program on one image (1, C, H, W), gives other
        values than the torch module; None where there is no other program.
    """

    shape: tuple[int, int, int]
    notes: tuple[str, ...] = ()
    problems: tuple[UnsupportedError, ...] = ()
    check: Callable[[torch.fx.GraphModule, torch.Tensor], None] | None = None


def foreign(module: nn.Module) -> Foreign | None:
    """What is known of a module that was read from a file; None for any other."""
    found: Foreign | None = module.meta.get(FOREIGN) if isinstance(module, torch.fx.GraphModule) else None
    return found


def check_foreign(module: nn.Module, images: torch.Tensor) -> None:
    """Raises UnsupportedError if a network from a file takes other images, or is not what the file says.

    Parameters
    ----------
    images: float32 (N, C, H, W); the first one is run.
    """
    known = foreign(module)
    if known is None:
        return
    if tuple(images.shape[1:]) != known.shape:
        raise UnsupportedError(
            f"{type(module).__name__}: takes images of shape {known.shape} (channels, height, width); "
            f"found {tuple(images.shape[1:])}"
        )
    refused = known.problems or any(isinstance(it, Refused) for it in module.modules())
    if known.check is not None and not refused:
        assert isinstance(module, torch.fx.GraphModule)
        known.check(module, images[:1])


class Refused(nn.Module):
    """An operation that is not supported; it keeps its place, so that all problems are told at once.

    Parameters
    ----------
    found: in words. supported: in words; None for the list of all operations.
    shape: of what it gives, for one image.
    """

    def __init__(self, found: str, supported: str | None, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.found = found
        self.supported = supported
        self.shape = shape

    def zeros(self, args: Any) -> torch.Tensor:
        """A tensor as it would give, for shapes."""
        count = next((len(it) for it in args if isinstance(it, torch.Tensor)), 1)
        return torch.zeros(count, *self.shape)

    def forward(self, *_: Any) -> torch.Tensor:
        """Raises UnsupportedError."""
        raise UnsupportedError(f"{self.found}; this part of the network cannot run")
