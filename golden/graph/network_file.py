"""Networks in files: what `compress` writes and `compile` reads.

A file is a line that names the format, the SHA-256 of the rest, and the rest: a NumPy archive of
the integer arrays with one JSON description, and the float networks that the integers are measured
against, where there are any. Nothing in it is code, so a foreign file is safe to open.
"""

import hashlib
import io
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from golden.graph.network import Factored, Feature, Layer, Network, Plain, Residual
from golden.spec.errors import LightDealError
from golden.spec.memories import Fold

VERSION = 1
_MAGIC = b"LightDeal network\n"
_ARRAYS = {Factored: ("coefficients", "kept", "basis"), Plain: ("weights", "scale")}


class NetworkFileError(LightDealError):
    """A network file is missing, foreign, damaged or of another version."""


def save(network: Network, path: Path | str) -> None:
    """Write a network to a file; the file appears whole or not at all."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(to_bytes(network))
    partial.replace(path)


def to_bytes(network: Network) -> bytes:
    """The contents of a network file; the same network gives the same bytes."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    layers = []
    for number, layer in enumerate(network.layers):
        kind = type(layer.weights)
        for name in _ARRAYS[kind]:
            arrays[f"{number}.{name}"] = getattr(layer.weights, name)
        arrays[f"{number}.bias"], arrays[f"{number}.shift"] = layer.bias, layer.shift
        plain = {
            field.name: getattr(layer, field.name)
            for field in fields(Layer)
            if field.name not in ("weights", "bias", "shift", "residual")
        }
        plain["kernel"] = list(layer.kernel)
        plain["residual"] = asdict(layer.residual) if layer.residual else None
        plain["fold"] = layer.weights.fold.name if isinstance(layer.weights, Factored) else "PLAIN"
        layers.append(plain)
    description = {
        "version": VERSION,
        "features": [asdict(feature) for feature in network.features.values()],
        "layers": layers,
        "input": network.input,
        "output": network.output,
    }
    arrays["description"] = np.frombuffer(json.dumps(description).encode(), np.uint8)
    if network.floats:
        arrays["floats"] = np.frombuffer(network.floats, np.uint8)
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
    body = archive.getvalue()
    return _MAGIC + hashlib.sha256(body).digest() + body


def load(path: Path | str) -> Network:
    """Read a network file.

    Raises NetworkFileError if the file is missing, foreign, damaged or of another version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NetworkFileError(f"network {path}: cannot be read: {error.strerror}") from error
    return from_bytes(data, f"network {path}")


def from_bytes(data: bytes, where: str) -> Network:
    """The network of `to_bytes`; `where` begins the texts of errors, which are those of `load`."""
    if not data.startswith(_MAGIC):
        raise NetworkFileError(f"{where}: not a LightDeal network file")
    digest, body = data[len(_MAGIC) :][:32], data[len(_MAGIC) + 32 :]
    if hashlib.sha256(body).digest() != digest:
        raise NetworkFileError(f"{where}: damaged: its checksum does not match its contents")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        description = json.loads(arrays["description"].tobytes())
        if description["version"] != VERSION:
            raise NetworkFileError(f"{where}: version {description['version']}; this release reads {VERSION}")
        return _network(description, arrays)
    except NetworkFileError:
        raise
    except Exception as error:  # zip, NumPy and JSON raise almost anything on what another program wrote
        raise NetworkFileError(f"{where}: its contents are incomplete: {error}") from error


def _network(description: dict[str, Any], arrays: dict[str, Any]) -> Network:
    features = [Feature(**{**entry, "shape": tuple(entry["shape"])}) for entry in description["features"]]
    layers = []
    for number, entry in enumerate(description["layers"]):
        fold = entry.pop("fold")
        kind = Plain if fold == "PLAIN" else Factored
        weights: Factored | Plain
        values = {name: arrays[f"{number}.{name}"] for name in _ARRAYS[kind]}
        weights = Plain(**values) if kind is Plain else Factored(fold=Fold[fold], **values)
        residual = Residual(**entry.pop("residual")) if entry["residual"] else entry.pop("residual")
        layers.append(
            Layer(
                **{**entry, "kernel": tuple(entry["kernel"])},
                weights=weights,
                bias=arrays[f"{number}.bias"],
                shift=arrays[f"{number}.shift"],
                residual=residual,
            )
        )
    return Network(
        features={feature.name: feature for feature in features},
        layers=tuple(layers),
        input=description["input"],
        output=description["output"],
        floats=arrays["floats"].tobytes() if "floats" in arrays else b"",
    )
