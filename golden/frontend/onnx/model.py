"""The contents of an ONNX file, whole and of a version that is read."""

from pathlib import Path

import onnx
from onnx import external_data_helper, inliner

from golden.frontend.foreign import ForeignFileError

OPSETS = range(13, 28)
"""Versions of ONNX's own operators that are read."""


def open_model(path: Path, data: bytes) -> onnx.ModelProto:
    """The model of an ONNX file's contents, its weights fetched, its own functions put in place.

    Raises ForeignFileError if it is damaged, not ONNX, or of a version that is not read.
    """
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own, which has another name in each of its versions
        raise ForeignFileError(f"network {path}: damaged, or not an ONNX file") from error
    if not model.ir_version or not model.opset_import or not model.graph.node:
        what = "an ONNX file without nodes" if model.ir_version else "damaged, or not an ONNX file"
        raise ForeignFileError(f"network {path}: {what}")
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version not in OPSETS:
            raise ForeignFileError(
                f"network {path}: opset {opset.version}; supported: {OPSETS[0]}…{OPSETS[-1]}"
            )
    _load_external(path, model)
    if model.functions:
        model = inliner.inline_local_functions(model)
    return model


def _load_external(path: Path, model: onnx.ModelProto) -> None:
    """Fetches the weights that lie in files beside the network's."""
    missing: dict[str, list[str]] = {}
    for tensor in model.graph.initializer:
        if external_data_helper.uses_external_data(tensor):
            place = external_data_helper.ExternalDataInfo(tensor).location
            try:
                external_data_helper.load_external_data_for_tensor(tensor, str(path.resolve().parent))
            except Exception as error:  # of the file system, and onnx's own for places outside of the folder
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                if not (path.parent / place).is_file():
                    reason = "no such file"
                missing.setdefault(f"in {place!r} cannot be read: {reason}", []).append(repr(tensor.name))
    if missing:
        found = "; ".join(f"data of initialiser {', '.join(it)} {where}" for where, it in missing.items())
        raise ForeignFileError(f"network {path}: {found}")
