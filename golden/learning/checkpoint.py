"""A training on disk: a state as an .npz file that goes on to the same bits."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from golden.learning.network import Network
from golden.learning.state import HeadState, LayerState, State, check_state
from golden.lightnorm.scalars import Scalars
from golden.spec.learning import Generator, LearningError, Lfsr

_VERSION = 2
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    SyntaxError,
    AttributeError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on bytes that are no archive of arrays."""
_TENSORS = ("codes", "mask", "counters", "gamma", "beta")
_SCALARS = ("mean", "spread")
_EXPONENTS = ("activation", "map_error", "error", "gradient")


def save_state(path: Path, network: Network, state: State) -> None:
    """Writes the state; the file is whole or, where writing fails, the one before."""
    arrays: dict[str, np.ndarray] = {
        "version": np.array(_VERSION),
        "network": np.array(network.digest),
        "generators": np.array([[it.before, it.last] for it in state.generators], np.uint64),
        "steps": np.array(state.steps, np.int64),
        "head.weights": state.head.weights.numpy(),
        "head.bias": state.head.bias.numpy(),
        "head.exponents": np.array([getattr(state.head, name) for name in _EXPONENTS[:3]], np.int64),
    }
    for index, it in enumerate(state.layers):
        for name in _TENSORS:
            arrays[f"{index}.{name}"] = getattr(it, name).numpy()
        for name in _SCALARS:
            value: Scalars = getattr(it, name)
            arrays[f"{index}.{name}"] = np.stack([value.mantissa, value.exponent])
        arrays[f"{index}.exponents"] = np.array([getattr(it, name) for name in _EXPONENTS], np.int64)
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load_state(path: Path, network: Network) -> State:
    """The state that `save_state` wrote.

    Raises LearningError naming file and part where it is missing, damaged, of another network or version,
    or holds what no training could have left (NaN, codes outside the mask, exponents beyond their ends).
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise LearningError(f"{path}: missing; legal: a checkpoint of this network") from error
    except _DAMAGE as error:
        raise LearningError(f"{path}: damaged ({error}); legal: a checkpoint as it was written") from error
    try:
        state = _read(arrays, network)
        check_state(network, state)
    except KeyError as error:
        raise LearningError(f"{path}: has no part {error}; legal: a checkpoint as it was written") from error
    except LearningError as error:
        raise LearningError(f"{path}: {error}") from error
    return state


def _read(arrays: dict[str, np.ndarray], network: Network) -> State:
    version, owner = str(arrays["version"]), str(arrays["network"])
    if version != str(_VERSION):
        raise LearningError(f"version {version}; legal: {_VERSION}")
    if owner != network.digest:
        raise LearningError(f"of network {owner}; legal: this one's, {network.digest}")
    layers = []
    for index in range(len(network.layers)):
        parts: dict[str, Any] = {name: torch.from_numpy(arrays[f"{index}.{name}"]) for name in _TENSORS}
        for name in _SCALARS:
            mantissa, exponent = _integers(arrays, f"{index}.{name}", (2, network.layers[index].filters))
            parts[name] = Scalars(mantissa, exponent)
        numbers = _integers(arrays, f"{index}.exponents", (len(_EXPONENTS),)).tolist()
        layers.append(LayerState(**parts, **dict(zip(_EXPONENTS, numbers, strict=True))))
    found = _integers(arrays, "head.exponents", (3,)).tolist()
    weights, bias = (torch.from_numpy(arrays[f"head.{name}"]) for name in ("weights", "bias"))
    head = HeadState(weights, bias, *found)
    words = _integers(arrays, "generators", (len(Generator), 2), np.uint64).tolist()
    steps = int(_integers(arrays, "steps", ()))
    return State(tuple(layers), head, tuple(Lfsr(*each) for each in words), steps)


def _integers(
    arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...], kind: type[np.generic] = np.int64
) -> np.ndarray:
    value = arrays[name]
    if value.dtype != kind or value.shape != shape:
        nan = ", with NaN" if value.dtype.kind == "f" and np.isnan(value).any() else ""
        raise LearningError(f"{name}: {value.dtype} {value.shape}{nan}; legal: {kind.__name__} {shape}")
    return value
