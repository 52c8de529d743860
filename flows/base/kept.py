"""Steps of a measurement whose metrics are kept under a digest of all that they depend on."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.base.files import read_json, write_whole
from flows.base.metrics import Metric
from flows.base.sources import ROOT


def digest(*parts: str | bytes) -> str:
    """24 hexadecimal digits that identify the parts."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()[:24]


def code(*paths: str) -> str:
    """Digest of the Python files at or below `paths` of the repository, names included.

    Raises ValueError for a path that is not there.
    """
    files: list[Path] = []
    for path in paths:
        place = ROOT / path
        if not place.exists():
            raise ValueError(f"code: there is no {path!r}; legal: files and folders of the repository")
        files += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return digest(*(part for file in files for part in (str(file.relative_to(ROOT)), file.read_bytes())))


def kept(folder: Path, name: str, key: str, make: Callable[[], Iterable[Metric]]) -> list[Metric]:
    """The metrics of `make`, or those that `folder`/`name`.json keeps from a run with the same key."""
    found = found_kept(folder, name, key)
    if found is None:
        found = list(make())
        values = {"key": key, "metrics": [asdict(metric) for metric in found]}
        write_whole(folder / f"{name}.json", json.dumps(values, indent=1) + "\n")
    return found


def found_kept(folder: Path, name: str, key: str) -> list[Metric] | None:
    """What `folder`/`name`.json keeps under this key; None if that is nothing.

    Raises LightDealError for a damaged file.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    old, found = _read(path)
    return found if old == key else None


def read_kept(folder: Path) -> list[Metric]:
    """All metrics that steps have left in `folder`, in the order of the file names.

    Raises LightDealError for a damaged file.
    """
    return [metric for path in sorted(folder.glob("*.json")) for metric in _read(path)[1]]


def _read(path: Path) -> tuple[str, list[Metric]]:
    """Key and metrics of a kept step. Raises LightDealError if the file is damaged."""

    def parse(values: dict[str, Any]) -> tuple[str, list[Metric]]:
        return str(values["key"]), [Metric(**entry) for entry in values["metrics"]]

    return read_json(path, "kept figures", parse, f"remove {path} to measure them again")
