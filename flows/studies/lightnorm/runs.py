"""Training runs for the comparison of LightNorm with batch norm: each kept in a file of its own."""

import json
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from flows.base.files import write_whole
from flows.base.jobs import run_jobs
from flows.base.progress import say
from flows.base.provenance import commit
from flows.studies.lightnorm.settings import Settings
from flows.studies.training import load, recipe
from golden.lightnorm import swap_batch_norm
from golden.progress import Progress
from golden.spec.errors import LightDealError
from golden.workloads import accuracy, fit

DATA = "fashion-mnist"

CODE = ("golden", "flows/studies/training.py", "flows/studies/lightnorm/runs.py")
"""What decides a result."""

TOLERANCE = 0.01
"""Largest relative difference of mean losses between two kinds of processor or other versions."""


@dataclass(frozen=True)
class Trained:
    """The result of one training.

    Parameters
    ----------
    losses: mean training loss of each epoch.
    validation: after each epoch, fraction of the 5,000 held-out training images that are right.
    test: after the last epoch, fraction of the 10,000 test images that are right.
    seconds: wall-clock time.
    made: commit, versions and processor.
    """

    losses: tuple[float, ...]
    validation: tuple[float, ...]
    test: float
    seconds: float
    made: dict[str, str]


def train(settings: Settings, progress: Progress) -> Trained:
    """Train the network of the published figures (nine convolutions, batch norm after each) once.

    In eval mode all layers take running statistics. Raises DataError if the images are missing,
    LightDealError if there are not so many or there is no epoch.
    """
    start = time.perf_counter()
    whole, held_out, test = load(DATA)
    assert held_out is not None
    if settings.images > len(whole):
        raise LightDealError(
            f"images {settings.images}; legal: 1…{len(whole)}, the training images of {DATA}"
        )
    if settings.epochs < 1:
        raise LightDealError(f"epochs {settings.epochs}; legal: 1 or more")
    made = surroundings()
    torch.manual_seed(settings.seed)
    module = recipe(DATA).network()
    if settings.norm is not None:
        swap_batch_norm(module, settings.norm.options())
    losses: list[float] = []
    validation: list[float] = []

    def at_epoch(loss: float) -> None:
        losses.append(loss)
        validation.append(accuracy(module, held_out))

    fit(
        module,
        whole.part(0, settings.images),
        settings.epochs,
        settings.seed,
        progress,
        rate=settings.rate,
        batch=settings.batch,
        decay=settings.decay,
        at_epoch=at_epoch,
    )
    seconds = time.perf_counter() - start
    return Trained(tuple(losses), tuple(validation), accuracy(module, test), seconds, made)


def surroundings() -> dict[str, str]:
    """What a result depends on beside its settings; "commit" names the code."""
    return {
        "commit": commit(*CODE),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def train_and_keep(settings: Settings, folder: Path, progress: Progress) -> None:
    """`train`, and a JSON file {settings, result} in the folder."""
    result = train(settings, progress)
    whole = {"settings": asdict(settings), "result": asdict(result)}
    write_whole(folder / f"{settings.name}.json", json.dumps(whole, indent=1) + "\n")


def read(settings: Settings, folder: Path) -> Trained | None:
    """A kept result, or None. Raises LightDealError if the file does not hold one of these settings."""
    path = folder / f"{settings.name}.json"
    if not path.exists():
        return None
    try:
        whole: dict[str, Any] = json.loads(path.read_text())
        wanted = json.loads(json.dumps(asdict(settings)))
        if whole["settings"] != wanted:
            raise LightDealError(f"run {path}: its settings are {whole['settings']}; expected {wanted}")
        found = whole["result"]
        return Trained(**found | {name: tuple(found[name]) for name in ("losses", "validation")})
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise LightDealError(f"run {path}: not a kept run ({error}); remove it and run again") from error


def keep_all(wanted: Iterable[Settings], folder: Path, workers: int | None) -> dict[Settings, Trained]:
    """The results of all settings; those without a file in the folder are trained first.

    Parameters
    ----------
    workers: trainings side by side, None for one on each core.
    """
    wanted = list(wanted)
    missing = [it for it in wanted if read(it, folder) is None]
    say(f"· {len(wanted)} runs, {len(wanted) - len(missing)} of them kept in {folder}")
    run_jobs({it.name: partial(train_and_keep, it, folder) for it in missing}, workers)
    results = {}
    for settings in wanted:
        found = read(settings, folder)
        assert found is not None
        results[settings] = found
    return results


def difference(new: Trained, old: Trained) -> str | None:
    """What is wrong with a run that should give again what is kept; None if nothing is.

    With equal versions and processor the losses and accuracies must be equal to the last bit; else
    the mean losses must agree within TOLERANCE, as sums are formed in another order.
    """
    alike = {name: value for name, value in new.made.items() if name != "commit"}
    if all(old.made.get(name) == value for name, value in alike.items()):
        for field in ("losses", "validation", "test"):
            got, kept = getattr(new, field), getattr(old, field)
            if got != kept:
                return f"{field} {got}; kept: {kept}, with the same versions and processor"
        return None
    for epoch, (got, kept) in enumerate(zip(new.losses, old.losses, strict=True), 1):
        if abs(got - kept) > TOLERANCE * kept:
            return f"loss {got:.5f} in epoch {epoch}; kept: {kept:.5f}, further apart than {TOLERANCE:.0%}"
    return None
