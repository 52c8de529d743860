"""A network from a file of another tool, by the file's name."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch.fx

from golden.frontend.foreign import ForeignFileError

READERS = {
    ".onnx": ("golden.frontend.onnx.file", "read_onnx"),
    ".tflite": ("golden.frontend.tflite.file", "read_tflite"),
    ".pt2": ("golden.frontend.exported.program", "read_exported"),
}
"""Ending → (module, function) that reads such a file; loaded when there is one, with the tool's packages."""

LARGEST = 1 << 28
"""Bytes of a file that is read; networks that fit an accelerator are far below."""


def is_foreign(path: Path | str) -> bool:
    """Whether a file is a network of another tool, by its name."""
    return Path(path).suffix.lower() in READERS


def read_network(path: Path | str) -> torch.fx.GraphModule:
    """The network of a file as a torch module, whose layers have the names of the file's nodes.

    Parameters
    ----------
    path: ends in one of `READERS`.

    Images are (N, C, H, W), also where the file has channels last. `golden.frontend.foreign.foreign` of the
    module says what of the file is not in it. Raises ForeignFileError for a file that cannot be read,
    UnsupportedError for a network that cannot be taken at all; what is wrong with its nodes the importer
    tells, all at once.
    """
    path = Path(path)
    if not is_foreign(path):
        raise ForeignFileError(f"network {path}: expected a name that ends in {', '.join(READERS)}")
    try:
        if not path.is_file():
            raise ForeignFileError(f"network {path}: no such file")
        if (size := path.stat().st_size) > LARGEST:
            raise ForeignFileError(f"network {path}: {size >> 20} MB; supported: up to {LARGEST >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise ForeignFileError(f"network {path}: cannot be read: {error.strerror}") from error
    if not data:
        raise ForeignFileError(f"network {path}: empty")
    module, name = READERS[path.suffix.lower()]
    read: Any = getattr(import_module(module), name)
    found: torch.fx.GraphModule = read(path, data)
    return found
