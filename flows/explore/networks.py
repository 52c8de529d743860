"""The trained networks of a sweep: accuracy depends on them alone, so each is trained once and kept."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.base.files import save_whole, write_whole
from flows.base.jobs import run_jobs
from flows.base.progress import say, step
from flows.studies.training import finish, load, pretrained, recipe
from golden.compress.patterns import Pattern
from golden.graph.network import Network
from golden.graph.network_file import load as load_network
from golden.graph.network_file import save
from golden.progress import Progress
from golden.spec.config import SMALL
from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Parameters
    ----------
    accuracy: on held-out images where the data set has some, else on the test images.
    kept: kept coefficients ÷ all weights.
    digest: of the network file.
    """

    network: Network
    accuracy: float
    kept: float
    digest: str


def wanted_patterns(densities: Sequence[float]) -> dict[str, Pattern]:
    """Name → single coefficients at each density, with a basis and without one.

    Raises LightDealError for a density outside 0…1, or none at all.
    """
    if not densities:
        raise LightDealError("densities: none; legal: at least one, above 0, up to 1")
    for density in densities:
        if not 0 < density <= 1:
            raise LightDealError(f"density {density:g}; legal: above 0, up to 1")
    return {
        f"{'basis' if basis else 'no-basis'}-{density:g}": Pattern(basis, "elements", 1, density)
        for basis in (True, False)
        for density in densities
    }


def _train_and_keep(
    start: bytes, pattern: Pattern, data: str, seed: int, path: Path, progress: Progress
) -> None:
    outcome = finish(start, pattern, data, seed, SMALL, progress)
    assert outcome.network is not None
    accuracy = outcome.accuracy if outcome.validation is None else outcome.validation
    save_whole(path, partial(save, outcome.network))
    # Last, as it says that the training is finished.
    about = {
        "accuracy": accuracy,
        "kept": outcome.kept,
        "digest": _digest(path),
        "recipe": _recipe(data, pattern),
    }
    write_whole(path.with_suffix(".json"), json.dumps(about, indent=1) + "\n")


def network_path(folder: Path, data: str, name: str, seed: int) -> Path:
    """Where a network is kept."""
    return folder / f"{data}-{name}-seed{seed}.net"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _recipe(data: str, pattern: Pattern) -> str:
    """How a network was trained, to be compared with how it would be trained now."""
    return f"{recipe(data)} {pattern}"


def read_trained(path: Path, wanted: str) -> Trained | None:
    """A kept network; None if there is none, or one of another recipe than the wanted one.

    Raises LightDealError if its two files are damaged or do not belong together.
    """
    about_path = path.with_suffix(".json")
    if not about_path.exists():
        return None
    again = f"remove {about_path} to train it again"
    try:
        about = json.loads(about_path.read_text())
        if about.get("recipe") != wanted:
            say(f"· {path}: trained by another recipe; trained again")
            return None
        if about["digest"] != _digest(path):
            raise LightDealError(f"network {path}: not the one that {about_path.name} is about; {again}")
        return Trained(
            load_network(path), float(about["accuracy"]), float(about["kept"]), str(about["digest"])
        )
    except OSError as error:
        raise LightDealError(f"network {path}: cannot be read: {error.strerror}; {again}") from error
    except LightDealError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LightDealError(f"network {path}: {about_path.name} is damaged ({error}); {again}") from error


def trained_networks(
    data: str, densities: Sequence[float], seed: int, folder: Path, workers: int | None
) -> dict[str, Trained]:
    """Name → network; those that the folder lacks are trained first and kept as they finish.

    The float network that all start from is trained again in every call that trains. Layers are folded as
    configuration small likes them. Raises LightDealError for wrong densities or damaged files.
    """
    patterns = wanted_patterns(densities)
    paths = {name: network_path(folder, data, name, seed) for name in patterns}
    recipes = {name: _recipe(data, pattern) for name, pattern in patterns.items()}
    missing = [name for name, path in paths.items() if read_trained(path, recipes[name]) is None]
    if missing:
        load(data)
        with step(f"{len(missing)} networks of {len(paths)} to train; the others are kept in {folder}"):
            start = run_jobs({"float": partial(pretrained, data, seed)})["float"]
            run_jobs(
                {
                    name: partial(_train_and_keep, start, patterns[name], data, seed, paths[name])
                    for name in missing
                },
                workers,
            )
    found = {name: read_trained(path, recipes[name]) for name, path in paths.items()}
    return {name: it for name, it in found.items() if it is not None}
