"""Re-training that was interrupted goes on from its last whole epoch, to the same bits."""

import hashlib
import os
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from golden.compress.quantized import QuantizedNet
from golden.graph.operations.floats import QuantizedOperation
from golden.spec.errors import LightDealError

_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError),
    *(pickle.UnpicklingError, struct.error),
)
"""What torch raises for a file that is missing or damaged: it reads some damage as an old pickle."""


def training_key(net: QuantizedNet, *parts: object) -> str:
    """A digest of a network before its training and of all else that decides on the result."""
    found = hashlib.sha256()
    for value in (*net.state_dict().values(), *parts):
        found.update(_bytes(value))
    return found.hexdigest()


def _bytes(value: object) -> bytes:
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode()


@dataclass(frozen=True)
class Resume:
    """A file that holds a training after its last whole epoch.

    Parameters
    ----------
    path: of the file; what it holds of another training, or damaged, counts as nothing.
    key: of this training, see `training_key`.
    net: what is trained.
    also: what else belongs to the state, as values that torch can save.  adopt: gives it back.
    """

    path: Path
    key: str
    net: QuantizedNet
    also: Callable[[], dict[str, Any]]
    adopt: Callable[[dict[str, Any]], None]

    def load(self) -> dict[str, Any] | None:
        """Puts the network in its state; returns what `save` was given, or None where nothing is kept."""
        try:
            with torch.serialization.safe_globals(_operations(QuantizedOperation)):
                found = torch.load(self.path, weights_only=True)
            if found["key"] != self.key:
                return None
        except _UNREADABLE:
            return None
        self.net.load_state_dict(found["net"])
        self.net.input_grid, self.net.norm_mode = found["input_grid"], found["norm_mode"]
        for stage, chosen in zip(self.net.stages, found["chosen"], strict=True):
            stage.chosen = chosen
        self.adopt(found["also"])
        state: dict[str, Any] = found["state"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keeps the network and `state`; the file is whole, or the one before. Raises LightDealError."""
        whole = {
            "key": self.key,
            "net": self.net.state_dict(),
            "input_grid": self.net.input_grid,
            "norm_mode": self.net.norm_mode,
            "chosen": [stage.chosen for stage in self.net.stages],
            "also": self.also(),
            "state": state,
        }
        beside = self.path.with_name(self.path.name + ".partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(whole, beside)
            os.replace(beside, self.path)
        except (OSError, RuntimeError) as error:
            raise LightDealError(f"{self.path}: the training cannot be kept there: {error}") from error
        finally:
            with suppress(OSError):
                beside.unlink()


def _operations(kind: type[QuantizedOperation]) -> list[Any]:
    """All operations in re-training."""
    return [it for child in kind.__subclasses__() for it in (child, *_operations(child))]
