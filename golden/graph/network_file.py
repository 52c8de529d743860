"""Networks in files: what `compress` writes and `compile` reads.

A file is a line that names the format, the SHA-256 of the rest, and the rest: a NumPy archive of
the integer arrays with one JSON description, and the float networks that the integers are measured
against, where there are any. Nothing in it is code, so a foreign file is safe to open.
"""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.gate import Gate
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.registry import OPERATIONS
from golden.graph.operations.uneven_pool import UnevenPool
from golden.graph.operations.weights import Factored, Plain
from golden.graph.operations.window import Window
from golden.graph.plain import made, plain
from golden.spec.errors import LightDealError

VERSION = 4
_MAGIC = b"LightDeal network\n"
_KINDS = {
    kind.__name__: kind
    for kind in (
        Convolution,
        Gate,
        MaxPool,
        UnevenPool,
        Window,
        Factored,
        Plain,
        *(it.integers for it in OPERATIONS if it.integers is not None),
    )
}


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
    layers = [
        {
            "path": layer.path,
            "input": layer.input,
            "output": layer.output,
            "product": plain(layer.product, f"{number}.product", arrays),
            "epilogue": [plain(it, f"{number}.{place}", arrays) for place, it in enumerate(layer.epilogue)],
        }
        for number, layer in enumerate(network.layers)
    ]
    description = {
        "version": VERSION,
        "features": [asdict(feature) for feature in network.features.values()],
        "layers": layers,
        "input": network.input,
        "outputs": network.outputs,
        "joined": network.joined,
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
    layers = [
        Layer(
            path=entry["path"],
            input=entry["input"],
            output=entry["output"],
            product=made(entry["product"], f"{number}.product", arrays, _KINDS),
            epilogue=tuple(
                made(it, f"{number}.{place}", arrays, _KINDS) for place, it in enumerate(entry["epilogue"])
            ),
        )
        for number, entry in enumerate(description["layers"])
    ]
    return Network(
        features={feature.name: feature for feature in features},
        layers=tuple(layers),
        input=description["input"],
        outputs=tuple(description["outputs"]),
        joined={name: tuple(parts) for name, parts in description["joined"].items()},
        floats=arrays["floats"].tobytes() if "floats" in arrays else b"",
    )
