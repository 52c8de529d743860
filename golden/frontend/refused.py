"""What a file holds that no torch layer stands for: it keeps its place, so that all of it is told at once."""

from typing import Any

import torch
from torch import nn

from golden.spec.errors import UnsupportedError

FILE = "lightdeal_file"
"""Key of a torch module's meta: it was read from a file; the value is what was done to it, in words."""


class Refused(nn.Module):
    """An operation that is not supported.

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
