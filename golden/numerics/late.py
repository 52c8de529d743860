"""torch, loaded when something of it is first used: what is compiled already runs where there is none.

A file that takes `torch` or `nn` from here needs `from __future__ import annotations`, as an annotation that
is evaluated would load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn
else:

    class _Late:
        """A module that is imported for the first attribute that is asked of it."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self._name), name)

    torch, nn = _Late("torch"), _Late("torch.nn")


def present() -> bool:
    """Whether torch is installed; loads it."""
    try:
        import_module("torch")
    except ImportError:
        return False
    return True


__all__ = ["nn", "present", "torch"]
