"""Points of a sweep: what is measured of one, and the file that keeps them."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.base.energy import network_energy
from flows.explore.space import Point
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.spec.errors import CapacityError, LightDealError, UnsupportedError

ROOT = Path(__file__).parent.parent.parent
CODE = ("golden", "flows/base/energy.py", "flows/explore/points.py")
"""What decides the cycles and energy of a point."""


@dataclass(frozen=True)
class Measured:
    """A finished point.

    Parameters
    ----------
    key: see `point_key`.
    reason: why the network does not fit the configuration; "" if it does.
    cycles: for one image, zero rows not skipped.
    energy: for one image, in pJ, by `flows.base.energy`; both 0 where it does not fit.
    """

    key: str
    reason: str
    cycles: int
    energy: float


def code_digest(names: Iterable[str] = CODE) -> str:
    """Digest of the sources that decide a result, so that results of other code are not taken for ours."""
    digest = hashlib.sha256()
    for name in names:
        path = ROOT / name
        for file in sorted([*path.rglob("*.py"), *path.rglob("*.v")]) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def point_key(point: Point, network_digest: str, code: str) -> str:
    """What a point is kept under: configuration (not its name), network file and code."""
    text = f"{sorted((k, str(v)) for k, v in asdict(point.config).items() if k != 'name')}"
    return hashlib.sha256(f"{text}\0{network_digest}\0{code}".encode()).hexdigest()[:24]


def measure_point(key: str, network: Network, point: Point) -> Measured:
    """Compile and count; a network that does not fit is a result, too."""
    try:
        program = compile_network(network, point.config)
    except (CapacityError, UnsupportedError) as error:
        return Measured(key, str(error), 0, 0.0)
    return Measured(key, "", count_cycles(program).cycles, network_energy(program).total)


def append_points(path: Path, measured: Iterable[Measured]) -> None:
    """Add one line for each, on the disk when this returns; several processes may do so at once.

    Raises LightDealError if the file cannot be written.
    """
    text = "".join(json.dumps(asdict(it)) + "\n" for it in measured).encode()
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            written = os.write(file, text)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise LightDealError(f"points {path}: cannot be written: {error.strerror}") from error
    if written < len(text):
        raise LightDealError(f"points {path}: cannot be written: only {written} of {len(text)} bytes went in")


def read_points(path: Path) -> tuple[dict[str, Measured], int]:
    """Key → kept point, and the number of lines that hold none: torn by a kill, or damaged.

    Raises LightDealError if the file exists and cannot be read.
    """
    found: dict[str, Measured] = {}
    strange = 0
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise LightDealError(f"points {path}: cannot be read: {error.strerror}") from error
    for line in lines:
        measured = _parse(line)
        if measured is None:
            strange += 1
        else:
            found[measured.key] = measured
    return found, strange


def _parse(line: bytes) -> Measured | None:
    try:
        measured = Measured(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    types = (str, str, int, float)
    values = (measured.key, measured.reason, measured.cycles, measured.energy)
    return measured if all(type(it) is kind for it, kind in zip(values, types, strict=True)) else None


def end_line(path: Path) -> None:
    """Close a line that a kill has torn, so that the next one does not continue it."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
