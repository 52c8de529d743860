"""docs/results/NAME.json: the metrics that the texts quote, with what made them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.base.files import read_json, read_text, write_whole
from flows.base.metrics import Metric, read_metrics
from flows.base.sources import sources_digest
from flows.figures.groups import GROUPS, Group

RESULTS = Path("docs/results")


@dataclass(frozen=True)
class Kept:
    """A kept group.

    Parameters
    ----------
    metrics: by name.
    made: date, versions, options and processor, from the command's about.json.
    roots, digest: what the measured code was, see `flows.base.sources`.
    text: the command's own report, or "".
    """

    metrics: Mapping[str, Metric]
    made: Mapping[str, Any]
    roots: tuple[str, ...]
    digest: str
    text: str = ""

    @property
    def values(self) -> dict[str, float]:
        """Name → value."""
        return {name: metric.value for name, metric in self.metrics.items()}

    @property
    def current(self) -> bool:
        """Whether the code that was measured is the code that is there."""
        try:
            return sources_digest(self.roots) == self.digest
        except ValueError:  # a root has gone: other code
            return False


def take(group: Group, build: Path) -> Kept | str:
    """What `build` holds of a group, or why it cannot be kept.

    Raises LightDealError if a file that is there cannot be read.
    """
    file, about = build / group.file, build / group.about
    if not file.is_file():
        return "not measured here"
    made = read_json(about, "results", dict, f"make it again: {group.command}") if about.is_file() else {}
    if "sources" not in made:
        return f"{about} does not say what code was measured"
    sources = made.pop("sources")
    metrics = {name: it for name, it in read_metrics(file).items() if group.keeps(name)}
    text = read_text(build / group.text, "results") if group.text else ""
    kept = Kept(metrics, made, tuple(sources["roots"]), sources["digest"], text)
    if missing := [name for name in group.names if not any(_matches(name, it) for it in metrics)]:
        return f"{file} lacks {', '.join(missing)}"
    return kept if kept.current else f"{file} was measured on other code"


def _matches(pattern: str, name: str) -> bool:
    return Group("", "", "", "", 0, (pattern,)).keeps(name)


def write(group: Group, kept: Kept, build: Path, folder: Path) -> Path:
    """Write `folder`/NAME.json, and the networks that belong to it."""
    for name in group.networks:
        place = network_file(group, name, folder)
        write_whole(place, (build / name).read_bytes())
    whole = {
        "command": group.command,
        "machine_dependent": group.machine,
        "made": dict(kept.made),
        "sources": {"roots": list(kept.roots), "digest": kept.digest},
        "metrics": [asdict(metric) for metric in kept.metrics.values()],
        "text": kept.text.splitlines(),
    }
    return write_whole(folder / f"{group.name}.json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def network_file(group: Group, name: str, folder: Path) -> Path:
    """Where a kept network lies."""
    return folder / group.name / Path(name).name


def read(group: Group, folder: Path) -> Kept | None:
    """A kept group, or None if there is none. Raises LightDealError if the file holds something else."""
    path = folder / f"{group.name}.json"
    if not path.is_file():
        return None
    return read_json(path, "results", _parsed, f"make it again: {group.command}, then ./run report readme")


def _parsed(whole: Any) -> Kept:
    return Kept(
        {entry["name"]: Metric(**entry) for entry in whole["metrics"]},
        dict(whole["made"]),
        tuple(whole["sources"]["roots"]),
        whole["sources"]["digest"],
        "".join(f"{line}\n" for line in whole["text"]),
    )


def read_all(folder: Path) -> dict[str, Kept]:
    """Name → kept group, of those that are there."""
    found = {group.name: read(group, folder) for group in GROUPS}
    return {name: it for name, it in found.items() if it is not None}


def stale_groups(kept: Mapping[str, Kept], groups: Sequence[Group] = GROUPS) -> list[tuple[Group, str]]:
    """The groups to be measured again, and why."""
    found = []
    for group in groups:
        it = kept.get(group.name)
        if it is None:
            found.append((group, "never measured"))
        elif not it.current:
            found.append((group, f"measured on other code ({it.digest}, {it.made.get('date', 'no date')})"))
    return found
