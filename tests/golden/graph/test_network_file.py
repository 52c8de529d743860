import hashlib
import io
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from golden.graph import network_file
from golden.graph.network import Network
from golden.graph.network_file import NetworkFileError
from golden.graph.operations.weights import Factored
from golden.spec.config import TINY
from tests.golden.layers import altered
from tests.golden.networks import random_network


def same(one: object, other: object) -> bool:
    """Deep equality of dataclasses with arrays."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and bool(np.array_equal(one, other))
    if isinstance(one, dict):
        if not isinstance(other, dict) or list(one) != list(other):
            return False
        return all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        names = [field.name for field in fields(one)]  # type: ignore[arg-type]
        return type(one) is type(other) and all(same(getattr(one, n), getattr(other, n)) for n in names)
    return type(one) is type(other) and one == other


def some_network(seed: int) -> Network:
    return random_network(np.random.default_rng(seed), TINY)


@pytest.mark.parametrize("seed", range(20))
def test_a_network_comes_back_as_it_was(seed: int, tmp_path: Path) -> None:
    network = some_network(seed)
    path = tmp_path / "x.net"
    network_file.save(network, path)
    assert same(network_file.load(path), network)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.net"]


def test_float_networks_travel(tmp_path: Path) -> None:
    network = replace(some_network(2), floats=bytes(range(256)))
    network_file.save(network, tmp_path / "x.net")
    assert same(network_file.load(tmp_path / "x.net"), network)
    assert network_file.to_bytes(network) == (tmp_path / "x.net").read_bytes()


def test_equality_is_deep() -> None:
    """The oracle of the test above sees one coefficient."""
    network = some_network(0)
    index, layer = next(
        (i, it) for i, it in enumerate(network.layers) if isinstance(it.convolution.weights, Factored)
    )
    assert isinstance(layer.convolution.weights, Factored)
    coefficients = layer.convolution.weights.coefficients.copy()
    coefficients.flat[0] += 1
    other = altered(layer, weights=replace(layer.convolution.weights, coefficients=coefficients))
    layers = (*network.layers[:index], other, *network.layers[index + 1 :])
    assert not same(network, replace(network, layers=layers))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.net"
    network_file.save(some_network(1), path)
    data = bytearray(path.read_bytes())
    for place in range(60, len(data), 97):
        wrong = bytearray(data)
        wrong[place] ^= 4
        path.write_bytes(wrong)
        with pytest.raises(NetworkFileError, match=r"x\.net: damaged: its checksum does not match"):
            network_file.load(path)
    path.write_bytes(data[:-1])
    with pytest.raises(NetworkFileError, match="damaged"):
        network_file.load(path)


def test_a_foreign_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.net"
    with pytest.raises(NetworkFileError, match=r"x\.net: cannot be read: No such file or directory"):
        network_file.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(NetworkFileError, match=r"x\.net: not a LightDeal network file"):
        network_file.load(path)


@pytest.mark.parametrize(
    ("description", "words"),
    [({"version": 99}, "version 99; this release reads 4"), ({}, "contents are incomplete: 'version'")],
)
def test_another_version_is_refused(description: dict[str, int], words: str, tmp_path: Path) -> None:
    archive = io.BytesIO()
    np.savez(archive, description=np.frombuffer(json.dumps(description).encode(), np.uint8))
    body = archive.getvalue()
    path = tmp_path / "x.net"
    path.write_bytes(b"LightDeal network\n" + hashlib.sha256(body).digest() + body)
    with pytest.raises(NetworkFileError, match=words):
        network_file.load(path)
